"""What is a problem? What makes losses of parameters, and says what that costs.

A problem is a pytree of its data with static settings, so that the same compiled program serves
other data of the same shapes. ``SupervisedProblem`` is a model, an objective and data;
``FunctionProblem`` is any JAX function.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, TypeGuard, runtime_checkable

import jax
import numpy as np
from jax.sharding import Mesh

from gradless._core.cost import Cost
from gradless._core.errors import InputError
from gradless._core.mesh import POPULATION
from gradless._core.tree import Params
from gradless.problems.evaluated import Evaluated


class Score(NamedTuple):
    """Loss and named measures: of one candidate, or (population,) of all.

    Attributes
    ----------
    loss
        What is minimised.
    measures
        What else is said of a candidate: arrays of the loss's shape by name, ``{"accuracy": ...}``
        for example; NaN where undefined, and ``{}`` if there are none.
    """

    loss: Any
    measures: Mapping[str, Any]


def loss_and_measures(returned: Any) -> tuple[Any, dict[str, Any]]:
    """What a function returned: a loss alone, or a loss and measures."""
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], dict):
        return returned
    return returned, {}


_OTHER_COLUMNS = {"generation", "evaluations", "seconds", "loss"}  # of a history


def checked_measures(names: Any) -> tuple[str, ...]:
    """Names of measures, sorted.

    Raises
    ------
    InputError
        If one of them cannot be the name of a column beside those of every history.
    """
    for name in names:
        if not isinstance(name, str) or not name or name != name.strip():
            raise InputError(f"the name of a measure must be a text, got {name!r}")
        if unfit := sorted(set(name) & set(',"\n\r')):
            raise InputError(
                f"the name of a measure must do for a column of a CSV file, got {name!r}; leave "
                f"out {unfit[0]!r}"
            )
        if name in _OTHER_COLUMNS or name.startswith("best_"):
            raise InputError(
                f"the name of a measure must differ from other columns of a history, got {name!r}; "
                "give it another name"
            )
    return tuple(sorted(names))


@dataclass(frozen=True)
class Layout:
    """How a population is evaluated; two runs that differ only in it find the same.

    Parameters
    ----------
    written_out
        Arithmetic is written out number by number, networks as multiply-adds on rows of samples,
        instead of matrix products.
    block
        Members evaluated together before the next ones are begun.
    devices
        Devices over which the population is spread.
    pairs
        Opposite candidates are evaluated together, and share noise and what the problem computes
        for their center.
    neighbours
        Only what one changed number changes is computed, the last of it number by number.
    """

    written_out: bool
    block: int
    devices: int
    pairs: bool = False
    neighbours: bool = False

    @property
    def mesh(self) -> Mesh:
        """The devices as one mesh."""
        return _mesh(self.devices)


@functools.cache
def _mesh(devices: int) -> Mesh:
    return Mesh(jax.devices()[:devices], (POPULATION,))


class Problem(Protocol):
    """What a population is evaluated on: a pytree of its data, with static settings.

    One with minibatches may have a target if it can also judge all of its data:
    :class:`gradless.training.judged_targets.JudgedOnAll`.
    """

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what :meth:`score` says besides the loss; ``()`` if that is nothing."""

    @property
    def cost(self) -> Cost:
        """What one evaluation costs."""

    @property
    def uses_minibatches(self) -> bool:
        """Whether the loss of the same parameters changes from generation to generation."""

    def laid_out(self, layout: Layout) -> Self:
        """The same problem, computed as the layout says; itself where there is no choice."""

    def batch(self, key: jax.Array) -> Any:
        """The data that one generation sees, a pure function of the key."""

    def score(self, params: Params, batch: Any) -> Score:
        """Score of one candidate on a batch."""


def score_of(params: Params, problem: Problem, batch: Any) -> Score:
    """Score of one candidate, as a function of its parameters first, to be traced."""
    return problem.score(params, batch)


@runtime_checkable
class OwnBatches(Problem, Protocol):
    """A problem whose candidates may see minibatches of their own."""

    @property
    def own_batches(self) -> bool:
        """Whether they do; otherwise what :meth:`batch` returned is the batch of all."""

    def batch_of(self, batch: Any, number: jax.Array) -> Any:
        """The batch of a candidate, or of a pair of opposite ones, with its number, an integer."""


def batch_of(problem: Problem, batch: Any, number: Any) -> Any:
    """The batch of a candidate, or of a pair, from what a generation's ``batch`` returned."""
    return problem.batch_of(batch, number) if has_own_batches(problem) else batch


def has_own_batches(problem: Problem) -> TypeGuard[OwnBatches]:
    """Whether its candidates see minibatches of their own."""
    return isinstance(problem, OwnBatches) and problem.own_batches


# --- Losses that Python code computes -------------------------------------------------------------


class Faults(NamedTuple):
    """Exceptions of Python code that computes losses."""

    raised: int = 0
    error: str | None = None  # the last one

    def and_later(self, others: Faults) -> Faults:
        """These and later ones."""
        return Faults(self.raised + others.raised, others.error or self.error)


NO_FAULTS = Faults()


class OnDevice(Protocol):
    """The compiled part of a :class:`HostProblem`, a pytree."""

    def draw(self, key: jax.Array) -> Any:
        """Numbers of the samples that a generation sees, or None for all: a function of the key."""

    def batch(self, drawn: Any) -> Any:
        """Their data."""

    def measure(self, params: Params, batch: Any) -> Any:
        """What Python judges a candidate by, a pytree of arrays."""


class Judgement(NamedTuple):
    """What Python found of some candidates."""

    loss: Any  # (candidates,), float64; NaN where there is none
    measures: Mapping[str, Any]  # by name (candidates,), float32; NaN where undefined
    faults: Faults = NO_FAULTS


@runtime_checkable
class TellsEvaluated(Protocol):
    """A problem that says what has been evaluated."""

    def take_evaluated(self) -> Evaluated | None:
        """What has been since the last call; None if that is not kept."""


@runtime_checkable
class HostProblem(Protocol):
    """What a population is evaluated on, where the losses come from Python code."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what :meth:`judge` says besides the losses; ``()`` if that is nothing."""

    @property
    def on_device(self) -> OnDevice:
        """Its compiled part."""

    @property
    def uses_minibatches(self) -> bool:
        """Whether the loss of the same parameters changes from generation to generation."""

    @property
    def judges_at_once(self) -> bool:
        """Whether several candidates are judged at the same time."""

    def judge(self, measured: Sequence[Any], drawn: Any) -> list[Judgement]:
        """Losses of groups of candidates, all of them at once where that is possible.

        ``measured`` has those of each group on the leading axes, NumPy arrays.
        """

    def vectors(self, measured: Any) -> np.ndarray | None:
        """The candidates' parameters (candidates, dimension), if they are judged by these."""
