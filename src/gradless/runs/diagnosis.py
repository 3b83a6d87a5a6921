"""Why does a run get no better? What its record shows, and what to try instead.

:func:`diagnose` looks at a run that has ended. It prefers silence: a run that still improves, or
that has solved its problem, is no finding, and neither is one too short to tell.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless._core import tree, words
from gradless._core.programs import compiled
from gradless.objectives import Measure
from gradless.strategies import Strategy
from gradless.training.history import History
from gradless.training.loop import NOT_FINITE

_WORTHWHILE = 1e-3  # a fall by less than this share of all that it fell, but for the start, is none
_ROUNDING = 5e-7  # of a loss in float32, as a share of it
_IDLE = 0.5  # share of the run without a worthwhile fall that makes a plateau
_FAR = 0.25  # from the best loss, as a share of its distance to zero, that a loss is far above it
_MANY = 0.1  # share of losses that are not finite that is no accident
_NOISY = 0.05  # fluctuation of the loss from row to row, as a share of it
_CERTAIN = 2.0  # standard errors by which a fall of noisy losses is one
_COLLAPSED = 1e-3  # spread of the candidates, as a share of that of a fresh start
_SOLVED = 1e-6  # share of the first loss that is left
_LEAST_ROWS = 20  # fewer tell nothing
_LEAST_NOISY_ROWS = 200  # fewer leave the trend of noisy losses open
_ENDED_IN_NAN = (
    "from some generation on, every loss was NaN or infinite; what is kept is from before that"
)
_LOOKED_AT = 8  # candidates, to see how far they spread


class Finding(NamedTuple):
    """Why a run has stalled.

    Attributes
    ----------
    kind
        ``divergence``, ``flat``, ``noise``, ``collapse`` or ``plateau``.
    seen
        What its record shows, with numbers.
    advice
        What to try, with options of the command line.
    """

    kind: str
    seen: str
    advice: str


def diagnose(
    history: History,
    strategy: Strategy,
    state: Any,
    *,
    uses_minibatches: bool,
    not_finite: int = 0,
    stopped_because: str | None = None,
    objective: Measure | None = None,
) -> Finding | None:
    """Why a run has stalled, or None if it has not.

    Parameters
    ----------
    history
        Its record.
    strategy
        What searched.
    state
        Of the strategy, after the last generation.
    uses_minibatches
        Whether each generation sees other samples. The best loss is that of a lucky batch then, so
        the losses of the generations are looked at.
    not_finite
        Losses of the run that were NaN or infinite.
    stopped_because
        Of the last record; a run that has reached a target is fine.
    objective
        What the losses are of, to name it and show its values; None for losses without a name.
    """
    if stopped_because == NOT_FINITE:
        return _finding("divergence", _ENDED_IN_NAN, strategy, uses_minibatches)
    if (stopped_because or "").startswith("target") or len(history) < _LEAST_ROWS:
        return None
    shown = _Shown(history, objective)
    seen = _diverges(shown, strategy, not_finite, uses_minibatches)
    if seen is not None:
        return _finding("divergence", seen, strategy, uses_minibatches)
    if not uses_minibatches and shown.solved:
        return None
    if (seen := _is_flat(shown)) is not None:
        return _finding("flat", seen, strategy, uses_minibatches)
    stalled = _creeps(shown) if uses_minibatches else _idles(shown)
    if stalled is None:
        return None
    if (seen := _is_noisy(shown, strategy, uses_minibatches)) is not None:
        return _finding("noise", seen, strategy, uses_minibatches)
    if (seen := _has_collapsed(strategy, state)) is not None:
        return _finding("collapse", f"{seen}; {stalled}", strategy, uses_minibatches)
    return _finding("plateau", stalled, strategy, uses_minibatches)


class _Shown:
    """The numbers of a history that the findings rest on."""

    def __init__(self, history: History, objective: Measure | None) -> None:
        self._objective = objective
        rises = objective is not None and objective.greater_is_better
        self.name = "loss" if objective is None else objective.quantity
        self.several = f"values of {self.name}" if rises else "losses"
        self.improve, self.improved, self.worsened, self.beyond = (
            ("rise", "rose", "fell", "below") if rises else ("fall", "fell", "rose", "above")
        )
        self.evaluations = history.column("evaluations")
        self.best = history.column("best_loss").astype(float)
        loss = history.column("loss").astype(float)
        self.loss = np.where(np.isfinite(loss), loss, np.inf)
        self.accuracy = history.last.best_measures.get("accuracy", math.nan)
        self._at_best = 0.0 if objective is None else objective.best_loss

    def distance(self, loss: float) -> float:
        """How far a loss is from the best that there is, as far as that is known."""
        return abs(loss - self._at_best)

    @property
    def solved(self) -> bool:
        """Whether nothing is left to improve that anybody would notice."""
        first, last = self.best[0] - self._at_best, self.best[-1] - self._at_best
        # What is best is met but for rounding.
        return self.accuracy == 1.0 or bool(abs(last) <= _SOLVED * first < math.inf)

    def value(self, loss: float) -> float:
        """What a person sees of a loss."""
        return loss if self._objective is None else float(self._objective.value(loss))

    def from_to(self, before: float, after: float) -> str:
        """How a loss changed, with as many digits as it takes to see that."""
        before, after = self.value(before), self.value(after)
        for digits in (4, 5, 6):
            first, last = f"{before:.{digits}g}", f"{after:.{digits}g}"
            if first != last:
                return f"from {first} to {last}"
        return f"and is {words.loss(after)}"

    def quarter(self, number: int) -> npt.NDArray[np.float64]:
        """Losses of a quarter of the rows, 0 to 3, those that are not finite included."""
        size = len(self.loss) // 4
        start = len(self.loss) - (4 - number) * size
        return self.loss[start : start + size]

    def finite_quarter(self, number: int) -> npt.NDArray[np.float64]:
        """Those of a quarter that are finite."""
        losses = self.quarter(number)
        return losses[np.isfinite(losses)]


def _diverges(
    shown: _Shown, strategy: Strategy, not_finite: int, uses_minibatches: bool
) -> str | None:
    """Whether the strategy has moved to where it is worse than at the start."""
    share = not_finite / shown.evaluations[-1]
    if share >= _MANY:
        return f"{words.percent(share)} of the losses were not finite"
    best, last = float(shown.best[-1]), float(np.median(shown.quarter(3)))
    if not math.isfinite(best):
        return "no network had a finite loss"
    if not strategy.samples_around_center:
        return None  # its answer is the best candidate, which gets no worse
    if not math.isfinite(last):
        return "the center's loss was not finite in the last quarter of the run"
    if uses_minibatches:  # a single batch says little of where the run began
        start = float(np.median(shown.quarter(0)))
        far = last - start > _FAR * shown.distance(start)
    else:
        start = float(shown.best[0])
        far = last >= start and last - best > _FAR * shown.distance(start)
    if not far:
        return None
    seen = (
        f"the center's {shown.name} was about {words.loss(shown.value(last))} in the last quarter "
        f"of the run, {shown.beyond} the {words.loss(shown.value(start))} at the start"
    )
    fell = not uses_minibatches and best < start
    return f"{seen}, though {words.loss(shown.value(best))} had been reached" if fell else seen


def _is_flat(shown: _Shown) -> str | None:
    """Whether no candidate made a difference."""
    lowest, highest = float(shown.loss.min()), float(shown.loss.max())
    gained = float(shown.best[0] - shown.best[-1])
    # Sums over samples may differ by rounding.
    if max(highest - lowest, gained) > 1e-6 * abs(lowest):
        return None
    return (
        f"the {shown.name} was {words.loss(shown.value(lowest))} all the time: no change of the "
        "parameters made a difference"
    )


def _idles(shown: _Shown) -> str | None:
    """How long the best loss has not fallen, if that is a large share of the run."""
    last = shown.best[-1]
    later = shown.best[len(shown.best) // 10 :]  # a first loss may be anything
    fallen = later[np.isfinite(later)][0] - last
    since = int(np.argmax(shown.best <= last + max(_WORTHWHILE * fallen, _ROUNDING * abs(last))))
    evaluations = int(shown.evaluations[-1] - shown.evaluations[since])
    share = evaluations / shown.evaluations[-1]
    if share < _IDLE:
        return None
    return (
        f"the best {shown.name} hardly {shown.improved} during the last "
        f"{math.floor(100 * share)} % of the run ({evaluations:,} evaluations), "
        f"{shown.from_to(shown.best[since], last)}"
    )


def _creeps(shown: _Shown) -> str | None:
    """Whether the losses of minibatches have a downward trend no longer."""
    if len(shown.loss) < _LEAST_NOISY_ROWS:
        return None  # too few to tell a trend
    before, after = shown.finite_quarter(2), shown.finite_quarter(3)
    if not (before.size and after.size):
        return None
    fall = float(before.mean() - after.mean())
    # Neighbouring rows are alike, so the true error is larger: that errs towards silence.
    error = math.hypot(before.std(), after.std()) / math.sqrt(len(after))
    first = shown.finite_quarter(0)
    fallen = float(np.median(first) - np.median(after)) if first.size else 0.0
    if not fall <= max(_CERTAIN * error, _WORTHWHILE * fallen):
        return None
    middle = len(shown.loss) // 2
    evaluations = int(shown.evaluations[-1] - shown.evaluations[middle])
    return (
        f"the mean {shown.name} did not {shown.improve} clearly during the last half of the run "
        f"({evaluations:,} evaluations), "
        f"{shown.from_to(float(before.mean()), float(after.mean()))}"
    )


def _is_noisy(shown: _Shown, strategy: Strategy, uses_minibatches: bool) -> str | None:
    """Whether the losses of a run that has stalled jump from row to row."""
    # Without minibatches, the best of a generation jumps for a good reason: candidates differ.
    if not (strategy.samples_around_center or uses_minibatches):
        return None
    before, after = shown.finite_quarter(2), shown.finite_quarter(3)
    if not (before.size and after.size):
        return None
    changes = np.concatenate([np.diff(before), np.diff(after)])
    # A change is the difference of two fluctuations; its median is not swayed by a single jump.
    fluctuation = float(np.median(np.abs(changes))) / (0.6745 * math.sqrt(2))
    level = shown.distance(float(after.mean()))
    if not fluctuation > _NOISY * level:
        return None
    whose = "the center's" if strategy.samples_around_center else "the"
    trend = float(before.mean() - after.mean())
    moved = f"{shown.improved if trend > 0 else shown.worsened} by {abs(trend):.2g}"
    return (
        f"{whose} {shown.several} jump by about {fluctuation:.2g} from generation to generation, "
        f"while their mean {moved} during the last half of the run, to "
        f"{words.loss(shown.value(float(after.mean())))}: the signal is below the noise"
    )


def _has_collapsed(strategy: Strategy, state: Any) -> str | None:
    """Whether candidates hardly differ from the center any more, where once they did.

    Seen in the candidates themselves, so it holds for a step size, for many, for a covariance
    matrix and for a population that has become uniform, whatever a strategy calls them. A strategy
    whose steps keep their size spreads as far as a fresh start and is never meant.
    """
    # Off the devices of the training, so that one is enough for a look.
    now, fresh, typical = map(float, _spreads(strategy, jax.device_get(state)))
    if not now < _COLLAPSED * fresh:
        return None
    differ = f"differ from the center by about {now:.1g}" if now > 0 else "equal the center"
    return (
        f"the steps have become tiny: candidates {differ} in each parameter, where parameters are "
        f"about {typical:.2g} and fresh steps about {fresh:.1g}"
    )


@compiled()
def _spreads(strategy: Strategy, state: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """How far candidates spread now, and from a fresh start; and the size of the parameters."""
    key = jax.random.key(0)
    center = strategy.center(state)
    fresh = strategy.init(key, center)
    typical = _root_mean_square(tree.ravel(center))
    return _spread(key, strategy, state), _spread(key, strategy, fresh), typical


def _spread(key: jax.Array, strategy: Strategy, state: Any) -> jax.Array:
    """Distance from the center, in each parameter, of the farthest of a few candidates."""
    candidates = strategy.ask(key, state)
    center = tree.ravel(strategy.center(state))
    last = tree.population_size(candidates) - 1
    looked_at = np.unique(np.linspace(0, last, _LOOKED_AT).round().astype(int))

    def distance(candidate: Any) -> jax.Array:
        return _root_mean_square(tree.ravel(strategy.decode(state, candidate)) - center)

    few = jax.tree.map(lambda x: x[looked_at], candidates)
    return jnp.max(jax.vmap(distance)(few))


def _root_mean_square(vector: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(vector)))


def _finding(kind: str, seen: str, strategy: Any, uses_minibatches: bool) -> Finding:
    while hasattr(strategy, "strategy"):  # a wrapper: the options are those of what is inside
        strategy = strategy.strategy
    general = _general_advice(kind, strategy, uses_minibatches)
    own = _own_advice(kind, strategy, uses_minibatches)
    advice = [words.either(general)] if general else []
    if own:
        # Where gradless chose the strategy, its options are taken only together with its name.
        advice.append(f"with --strategy {strategy.name}, {words.either(own)}")
    return Finding(kind, seen, "; or, ".join(advice))


def _general_advice(kind: str, strategy: Any, uses_minibatches: bool) -> list[str]:
    """What helps with any strategy."""
    name = strategy.name
    remembers = uses_minibatches and not strategy.samples_around_center
    if remembers and kind in ("noise", "plateau", "collapse"):
        # Its best had a lucky batch, and a better network on another batch does not beat it.
        return ["a larger --batch-size", "--strategy openai_es, which averages over batches"]
    if kind == "flat":
        return ["--objective cross_entropy if the objective goes in steps, as f1 and accuracy do"]
    if kind == "noise":
        return ["a larger --batch-size"] if uses_minibatches else []
    if kind == "divergence":
        steps = ("learning_rate", "sigma", "spread")
        return [] if _has(strategy, *steps) else ["--strategy openai_es"]
    if name == "random_search":
        return ["--strategy openai_es: independent guesses rarely improve"]
    return ["another --seed", "more neurons with --hidden"]


def _own_advice(kind: str, strategy: Any, uses_minibatches: bool) -> list[str]:
    """What options of the strategy itself may help."""

    def times(change: str, option: str, factor: float) -> list[str]:
        """An option with its value multiplied, where the strategy has it."""
        if not _has(strategy, option):
            return []
        value = getattr(strategy, option)
        changed = int(value * factor) if isinstance(value, int) else f"{float(value) * factor:.3g}"
        return [f"{change} --{option.replace('_', '-')} {changed}"]

    larger_population = times("a larger", "population", 2) or times("more", "probes", 4)
    if kind == "divergence":
        smaller = (times("a smaller", step, 0.1) for step in ("learning_rate", "sigma", "spread"))
        return next(filter(None, smaller), [])
    if kind == "flat":
        return times("a larger", "sigma", 10) or times("a larger", "spread", 10)
    if kind == "noise":
        return times("a smaller", "learning_rate", 0.3) + larger_population
    if strategy.name == "random_search":
        return []
    if kind == "collapse":
        undone = []
        if getattr(strategy, "adapt", False):
            undone = ["--no-adapt" if type(strategy).adapt else "no --adapt"]
        if getattr(strategy, "steps", "fixed") != "fixed":
            undone = ["--steps fixed"]
        if _has(strategy, "sigma_decay") and float(strategy.sigma_decay) < 1:
            undone = ["--sigma-decay 1"]
        return undone + (larger_population or times("a larger", "sigma", 4))
    own = times("stronger kicks,", "kick", 3) or times("a larger", "sigma", 2)
    if getattr(strategy, "adapt", None) is False:
        own = ["--adapt"]
    if getattr(strategy, "topology", "") == "gbest":
        own = ["--topology ring"]
    own += times("a hotter", "initial_temperature", 10)
    # With kicks, the population is only that of a line search.
    return own + ([] if _has(strategy, "kick") else larger_population)


def _has(strategy: Any, *options: str) -> bool:
    """Whether one of these is a hyperparameter; a population may be derived from another one."""
    return any(option in strategy.__dataclass_fields__ for option in options)
