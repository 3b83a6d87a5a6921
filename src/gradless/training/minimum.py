"""What has :func:`.minimization.minimize` found?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradless._core import words
from gradless._core.tree import Params
from gradless.problems.constraints import VIOLATION
from gradless.problems.domain import Domain
from gradless.problems.evaluated import Evaluated
from gradless.problems.python import Noise
from gradless.strategies import UHCMAES, Strategy
from gradless.strategies.portfolio import Portfolio
from gradless.strategies.scaled import Scaled
from gradless.training.generation import Run
from gradless.training.history import History

_INFEASIBLE = (
    "nothing that keeps the constraints was found: best is what violates them least. Begin "
    "elsewhere, or give more evaluations"
)


@dataclass(frozen=True)
class Minimum:
    """What :func:`minimize` found.

    Attributes
    ----------
    best, best_loss, best_measures, feasible, violation
        Best parameters, their loss, and by name what else the function says of them: of every
        candidate, of the center in every generation, and of the parameters given. They are arrays
        of JAX, or of NumPy for a loss in Python. With minibatches: see :func:`minimize`. With
        constraints, whether the best keeps them, and by how much it violates them; its loss is
        infinite if it does.
    center, center_loss
        The strategy's last answer, for many strategies the mean of what it samples, and its loss.
        Where losses are noisy it is the better estimate.
    evaluations
        Candidates evaluated.
    seconds, compile_seconds
        Wall time of the search, and of compiling it before.
    not_finite
        Losses that were NaN or infinite; such candidates are ranked last.
    raised, error
        How many of these were exceptions of a loss in Python, and the last one.
    stopped_because
        What ended the search.
    strategy
        The strategy, with its hyperparameters.
    why
        Why ``"auto"`` chose it; empty if it was given.
    history
        Loss and best loss over evaluations.
    evaluated
        All candidates of this call and their losses, in the order in which they were evaluated,
        if ``keep_evaluated`` was given: ``evaluated.points`` is a pytree like the parameters with
        the evaluations on axis 0, ``evaluated.losses`` an array.
    run
        All that it takes to resume the search, a pytree of arrays.
    noise
        What was seen of the noise of the losses, if there is some: ``noise.deviation`` is their
        standard deviation at the parameters given. ``best_loss`` and ``center_loss`` are then means
        of ``noise.repeats`` evaluations, and the best is the center, unless something else is
        better beyond doubt.
    domain
        Bounds of the search, within which ``run`` has coordinates; None without.
    """

    best: Params = field(repr=False)
    best_loss: float
    center: Params = field(repr=False)
    center_loss: float
    evaluations: int
    seconds: float
    compile_seconds: float
    not_finite: int
    stopped_because: str
    strategy: Strategy
    why: str
    history: History = field(repr=False)
    run: Run = field(repr=False)
    raised: int = 0
    error: str | None = None
    best_measures: dict[str, float] = field(default_factory=dict)
    evaluated: Evaluated | None = field(default=None, repr=False)
    domain: Domain | None = field(default=None, repr=False)
    noise: Noise | None = None

    @property
    def violation(self) -> float:
        """By how much the best parameters violate constraints: a sum, 0 if they keep them all."""
        return float(self.best_measures.get(VIOLATION, 0.0))

    @property
    def feasible(self) -> bool:
        """Whether the best parameters keep all constraints."""
        return self.violation <= 0

    def __str__(self) -> str:
        """What a person wants to know first, in a few lines."""
        best, center = self._losses()
        lines = [
            f"best loss {best}, that of the center {center}",
            *(f"best {name} {value:.6g}" for name, value in self.best_measures.items()),
            *([] if self.feasible else [_INFEASIBLE]),
            f"{self.evaluations:,} evaluations in {words.seconds(self.seconds)}, and "
            f"{words.seconds(self.compile_seconds)} to compile: {self.stopped_because}",
            f"strategy: {_shown(self.strategy)}",
        ]
        if self.why:
            lines.append(f"chosen for: {self.why}")
        if (noise := self._noise()) is not None:
            lines.append(f"noise: {noise}")
        return "\n".join([*lines, *self._failures()])

    def _repr_html_(self) -> str:
        """The same for a notebook, with the curve of the loss."""
        from gradless.views import html  # noqa: PLC0415 - a view, for who looks

        best, center = self._losses()
        facts = [
            ("best loss", best),
            ("loss of the center", center),
            *((f"best {name}", f"{value:.6g}") for name, value in self.best_measures.items()),
            ("evaluations", f"{self.evaluations:,}"),
            (
                "time",
                f"{words.seconds(self.seconds)}, and {words.seconds(self.compile_seconds)} to "
                "compile",
            ),
            ("stopped because", self.stopped_because),
            ("strategy", str(self.strategy)),
        ]
        if not self.feasible:
            facts.append(("not feasible", _INFEASIBLE))
        if self.why:
            facts.append(("chosen for", self.why))
        if (noise := self._noise()) is not None:
            facts.append(("noise", noise))
        facts += [("not finite", failure) for failure in self._failures()]
        return html.table(facts) + html.curve(self.history)

    def _losses(self) -> tuple[str, str]:
        """Best loss and that of the center, with the digits in which they differ."""
        exact = np.finfo(np.asarray(self.run.best_loss).dtype).precision + 2
        first = float(self.history.column("best_loss")[0])
        return (
            _apart(self.best_loss, [self.center_loss, first], exact),
            _apart(self.center_loss, [self.best_loss, first], exact),
        )

    def _noise(self) -> str | None:
        """What was seen of noise, and what was done."""
        if self.noise is None:
            return None
        strategy, state = self.strategy, self.run.state
        while hasattr(strategy, "strategy"):
            strategy, state = strategy.strategy, state.inner
        grown = ""
        if isinstance(strategy, UHCMAES):
            grown = f"; the population is {strategy.present_population(state):,} now"
        return (
            f"losses of the same parameters scatter, by {self.noise.deviation:.3g} at the start"
            f"{grown}; the losses of best and center are means of {self.noise.repeats} evaluations"
        )

    def _failures(self) -> list[str]:
        """What is to be said of losses that were not finite, if any were."""
        if not self.not_finite:
            return []
        text = f"{self.not_finite:,} losses were not finite"
        if self.raised:
            text += f", {self.raised:,} of them exceptions, the last one {self.error}"
        return [text]


def _apart(value: float, others: list[float], exact: int) -> str:
    """A loss in six digits, or as many more as tell it from others, at most ``exact`` of them.

    Beside an offset of a million, the first six say nothing of what a search has found.
    """
    gaps = [abs(value - other) for other in others]
    gaps = [gap for gap in gaps if 0 < gap < math.inf]
    digits = 6
    if gaps and math.isfinite(value) and value:
        # Four digits of the smallest difference.
        wanted = math.floor(math.log10(abs(value))) - math.floor(math.log10(min(gaps))) + 4
        digits = min(max(digits, wanted), exact)
    return f"{value:.{digits}g}"


def _shown(strategy: Any) -> str:
    """A strategy as text; of one in a scale, a portfolio is named and not written out."""
    if isinstance(strategy, Scaled) and isinstance(strategy.strategy, Portfolio):
        return f"{strategy.strategy}, in the scale {strategy.scale}"
    return str(strategy)
