"""How is a network fitted that generalises? Penalised, the strength chosen by folds, and averaged.

One hidden layer; an L2 penalty on its weights, not its biases (Krogh and Hertz, "A simple weight
decay can improve generalization", NIPS 1991), whose strength has the lowest loss on rows that the
networks of a cross-validation have not seen (Stone, "Cross-validatory choice and assessment of
statistical predictions", 1974); then some networks on all rows from different first weights, of
which those that got stuck are left out, and their mean (Hansen and Salamon, "Neural network
ensembles", 1990; Perrone and Cooper, 1993), which is one network, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless.models import first_weights
from gradless.models.mlp import INITIALIZERS, MLP, Dense
from gradless.objectives import Objective, Task
from gradless.training.regularized import averages, descent, folds, judging
from gradless.training.regularized.judging import Judged
from gradless.training.regularized.rotation import Turned
from gradless.training.regularized.rows import Rows
from gradless.training.regularized.settings import (
    Planned,
    Settings,
    applies,
    chunk,
    plan,
    shape_of,
)
from gradless.training.regularized.slopes import Layers
from gradless.training.samples import Samples

_STRONGER = (0.3, 1.0)  # strengths that are tried where the strongest planned one is the best
_STUCK = 1.1  # times the lowest penalised loss, and a little: a start above got stuck
_LITTLE = 1e-3


class Progress(NamedTuple):
    """Where a fit is.

    Attributes
    ----------
    stage
        ``"cross-validation"`` or ``"refit"``.
    share
        Of the planned work of the whole fit, 0 to 1.
    evaluations
        Networks whose loss was looked at so far.
    loss
        Training loss without the penalty, the mean over the networks of this stage so far.
    """

    stage: str
    share: float
    evaluations: int
    loss: float


class Found(NamedTuple):
    """What a fit found.

    Attributes
    ----------
    model, params
        One network: the mean of those that were kept.
    alpha
        Strength of the penalty.
    strengths, losses, errors
        What was tried, ascending (none beyond one where the loss clearly rises), its mean loss on
        rows not seen, and the standard errors of these means, float64, (strengths,); empty without
        cross-validation.
    fitted
        The mean loss of the same networks on the rows that they were fitted to, (strengths,).
    out_of_fold
        Outputs for each row of the network that has not seen it, at the chosen strength, float64,
        (rows, outputs); NaN where there is none. For rows of no fold the mean over all folds.
    fold
        Of each row, (rows,); -1 for rows that are in none.
    kept
        Starts that did not get stuck; 0 if the fit ended before, and the network is the mean of the
        folds'.
    evaluations
        Networks whose loss was looked at.
    """

    model: MLP
    params: tuple[Dense, ...]
    alpha: float
    strengths: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    fitted: npt.NDArray[np.float64]
    out_of_fold: npt.NDArray[np.float64]
    fold: npt.NDArray[np.int64]
    kept: int
    evaluations: int


class Fit:
    """A regularised fit, chunk by chunk.

    Iterating over it trains; between two items the caller may stop. Its result depends on the data,
    the seed, the settings and the budget of evaluations, not on time or on who looks when.

    Parameters
    ----------
    task
        Of the targets.
    samples
        Standardised inputs, targets (class indices, labels, or standardised numbers) and weights.
    model
        A network with one hidden layer.
    objective
        A mean over rows.
    seed
        From 0 to 2**32 - 1; decides folds and first weights.
    settings
        What is tried.
    budget
        Evaluations at most: below what the settings need, there are fewer and shorter runs.
    seconds
        Wall time after which it settles for what there is; only this makes a result depend on
        time.

    Attributes
    ----------
    found
        The result after the last item, or after :meth:`settle`; None before.
    compile_seconds
        Wall time in which its program was compiled.
    out_of_time
        Whether the seconds ended it.

    Raises
    ------
    InputError
        If :func:`gradless.training.regularized.applies` says why not.
    """

    def __init__(
        self,
        task: Task,
        samples: Samples,
        model: MLP,
        objective: Objective,
        *,
        seed: int,
        settings: Settings = Settings(),  # noqa: B008 - a constant tuple
        budget: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Plan it; nothing is trained yet."""
        reason = applies(task, samples, model, objective)
        if reason is not None:
            raise InputError(f"this network cannot be fitted with a penalty: {reason}")
        use_all_cores()
        self.found: Found | None = None
        self._task, self._model, self._seed = task, model, seed
        self._turned = Turned.of(samples.inputs) if np.argmin(samples.inputs.shape) == 0 else None
        self._samples = samples
        if self._turned is not None:
            self._samples = samples._replace(inputs=self._turned.inputs)
        self._shape = shape_of(task, model, objective, self._samples.inputs.shape[1])
        self._seconds, self._compiled, self.compile_seconds = seconds, set[int](), 0.0
        self._most = settings.starts  # networks that the result is the mean of
        rows = len(samples.inputs)
        self.planned: Planned = plan(settings, self._shape, rows, budget)
        draw = np.random.default_rng(np.random.SeedSequence([seed, rows]))
        # Of a large table, the first of these are the sample, then come the others.
        self._order = np.arange(rows) if self.planned.sample == rows else draw.permutation(rows)
        self._fold = np.full(rows, -1, np.int64)
        groups = samples.groups
        if groups is not None:
            apart = len(np.unique(groups))
            groups = groups if apart > 1 else None
            self.planned = self.planned._replace(
                folds=min(self.planned.folds, apart) if apart > 1 else self.planned.folds
            )
        if self.planned.folds:
            chosen = self._order[: self.planned.sample]
            self._fold[chosen] = folds.drawn(
                np.asarray(samples.targets)[chosen],
                np.asarray(samples.weight)[chosen],
                self.planned.folds,
                seed,
                None if groups is None else groups[chosen],
            )
        self.out_of_time = False
        self._more = _STRONGER if budget is None and self.planned.folds else ()
        self._by_strength: dict[float, list[np.ndarray]] = {}
        self._judged: dict[float, Judged] = {}
        self._fitted: dict[float, float] = {}
        self._starts: list[tuple[float, np.ndarray]] = []
        self._current: descent.State | None = None
        self._evaluations = 0
        self._losses: list[float] = []
        self._work = 0

    def __iter__(self) -> Iterator[Progress]:
        """Train; each item is some iterations of one network."""
        begun = time.monotonic()
        for progress in self._trained():
            yield progress
            spent = time.monotonic() - begun - self.compile_seconds
            if self._seconds is not None and spent >= self._seconds and progress.share < 1:
                self.out_of_time = True
                break
        self.settle()

    # --- Stages -----------------------------------------------------------------------------------

    def _trained(self) -> Iterator[Progress]:
        planned = self.planned
        if planned.folds:
            rows = self._rows(planned.sample)
            fold, turns = self._fold[rows.chosen], planned.iterations
            for alpha in self._to_try():
                if judging.is_hopeless(alpha, self._judged):
                    self._work += planned.folds * turns * planned.sample
                    continue
                for k in range(planned.folds):
                    state = self._begun(rows, k)
                    yield from self._advanced(
                        "cross-validation", state, rows, fold != k, alpha, turns
                    )
                    self._by_strength.setdefault(alpha, []).append(self._kept())
                vectors = np.stack(self._by_strength[alpha])
                self._judged[alpha] = Judged.of(self._shape, rows, fold, vectors)
                self._fitted[alpha] = float(np.mean(self._losses[-planned.folds :]))
        alpha = self._best()
        self._losses = []
        sample = planned.stages[0][0]
        for start in range(planned.starts):
            for size, iterations in planned.stages:
                rows = self._rows(size)
                seen = np.ones(size, np.bool_)
                if size == sample:
                    state = self._begun(rows, planned.folds + start)
                else:
                    state = descent.begin(self._shape, self._kept(), rows.data)
                # A prior weighs the less the more rows there are.
                less = alpha * sample / size
                yield from self._advanced("refit", state, rows, seen, less, iterations)
            assert self._current is not None
            self._starts.append((float(self._current.value), self._kept()))
            self._current = None

    def _to_try(self) -> Iterator[float]:
        """The strengths, and stronger ones for as long as the strongest is the best."""
        yield from self.planned.strengths
        for alpha in self._more:
            if self._best() == max(self._judged) < alpha:
                yield alpha

    def _rows(self, size: int) -> Rows:
        return self._rows_of(np.sort(self._order[:size]))

    def _rows_of(self, chosen: npt.NDArray[np.int64]) -> Rows:
        return Rows.of(self._task, self._samples, chosen, self._model.sizes[-1])

    def _begun(self, rows: Rows, number: int) -> descent.State:
        """The network of that number before its first iteration."""
        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
        shape = self._shape
        model = MLP(
            (shape.features, shape.hidden, shape.outputs),
            self._model.activation,
            self._model.initializer,
        )
        (w, b), (v, c) = first_weights.drawn(model, seed)
        # As large as those of all columns, whatever number of them is left.
        scale = INITIALIZERS[model.initializer]
        first = np.transpose(w) * np.float32(
            scale(self._model.sizes[0], shape.hidden) / scale(shape.features, shape.hidden)
        )
        vector = np.concatenate([np.ravel(first), b, np.ravel(np.transpose(v)), c])
        return descent.begin(shape, vector, rows.data)

    def _advanced(
        self,
        stage: str,
        state: descent.State,
        rows: Rows,
        seen: npt.NDArray[np.bool_],
        alpha: float,
        iterations: int,
    ) -> Iterator[Progress]:
        """The network chunk by chunk; it is then the current one."""
        weight, strength = rows.masked(seen), np.float32(alpha)
        shape, size = self._shape, len(rows.chosen)
        each = chunk(shape, rows.weight.size)
        taken = 0
        self._losses.append(np.nan)
        self._compile(state, rows, weight, strength)
        while taken < iterations:
            until = np.int32(min(iterations, taken + each))
            state = descent.advance(shape, state, rows.data, weight, strength, until)
            now = int(state.taken)
            self._evaluations += descent.evaluations(shape, now - taken)
            ended = bool(state.done) or now >= iterations
            self._work += size * ((iterations if ended else now) - taken)
            taken = iterations if ended else now
            self._current = state
            self._losses[-1] = float(state.loss)
            share = min(1.0, self._work / self.planned.row_iterations)
            yield Progress(stage, share, self._evaluations, float(np.mean(self._losses)))

    def _compile(self, state: descent.State, rows: Rows, weight: jax.Array, alpha: Any) -> None:
        """Take no iteration, and note how long that takes: the program is compiled for it."""
        if rows.weight.size not in self._compiled:
            self._compiled.add(rows.weight.size)
            begun = time.monotonic()
            none = np.int32(0)
            ready = descent.advance(self._shape, state, rows.data, weight, alpha, none)
            jax.block_until_ready(ready.vector)
            self.compile_seconds += time.monotonic() - begun

    def _kept(self) -> np.ndarray:
        assert self._current is not None
        return np.asarray(self._current.vector)

    # --- Judging ----------------------------------------------------------------------------------

    @property
    def judged(self) -> dict[float, tuple[float, float]]:
        """Mean loss on rows not seen and its standard error, by strength, in their order."""
        return {alpha: (each.mean, each.error) for alpha, each in self._judged.items()}

    def _best(self) -> float:
        """The best strength so far."""
        found = judging.best(self._judged)
        return self.planned.strengths[0] if found is None else found

    # --- Result -----------------------------------------------------------------------------------

    def settle(self) -> Found:
        """The best of what there is; also after an early stop.

        With no start ended, it is the mean of the folds' networks, and before any strength was
        judged whatever network there is.
        """
        if self.found is None:
            alpha = self._best()
            vectors, kept = self._chosen(alpha)
            model, params = self._mean(vectors)
            tried = sorted(self._judged)
            means, errors = (np.array([self.judged[a][i] for a in tried]) for i in (0, 1))
            self.found = Found(
                model,
                params,
                alpha,
                np.array(tried, np.float64),
                means,
                errors,
                np.array([self._fitted.get(a, np.nan) for a in tried], np.float64),
                self._out_of_fold(alpha),
                self._fold,
                kept,
                self._evaluations,
            )
        return self.found

    def _chosen(self, alpha: float) -> tuple[list[np.ndarray], int]:
        """Networks to average, and how many starts they are."""
        if self._starts:
            lowest = min(value for value, _ in self._starts)
            limit = lowest + (_STUCK - 1) * abs(lowest) + _LITTLE
            vectors = [vector for value, vector in self._starts if value <= limit]
            return vectors, len(vectors)
        if alpha in self._judged:
            return self._by_strength[alpha][: self._most], 0
        if self._by_strength:
            return next(iter(self._by_strength.values()))[: self._most], 0
        if self._current is None:
            for _ in self._trained():
                break
        return [self._kept()], 0

    def so_far(self) -> tuple[Dense, ...]:
        """The mean of the starts that have ended and the one that is on its way."""
        vectors = [vector for _, vector in self._starts]
        if self._current is not None:
            vectors.append(self._kept())
        return self._mean(vectors)[1]

    def _mean(self, vectors: list[np.ndarray]) -> tuple[MLP, tuple[Dense, ...]]:
        """The mean of some networks, on the columns as they were given."""
        networks = [Layers(*map(np.asarray, self._shape.layers(v))) for v in vectors]  # type: ignore[arg-type]
        if self._turned is not None:
            back = self._turned.back
            networks = [layers._replace(first=layers.first @ back) for layers in networks]
        return averages.mean(self._shape.halved, self._model, networks)

    def _out_of_fold(self, alpha: float) -> npt.NDArray[np.float64]:
        rows = len(self._samples.inputs)
        found = np.full((rows, self._model.sizes[-1]), np.nan)
        if alpha not in self._judged:
            return found
        chosen = np.sort(self._order[: self.planned.sample])
        found[chosen] = self._given(self._judged[alpha].outputs)
        rest = self._fold < 0
        if rest.any():
            others = self._rows_of(np.flatnonzero(rest))
            vectors = np.stack(self._by_strength[alpha])
            outputs = judging.mean_outputs(self._shape, vectors, others.data.inputs)
            found[rest] = self._given(others.flat(np.asarray(outputs)))
        return found

    def _given(self, outputs: np.ndarray) -> npt.NDArray[np.float64]:
        wide = outputs.astype(np.float64)
        return (np.concatenate([-wide / 2, wide / 2]) if self._shape.halved else wide).T
