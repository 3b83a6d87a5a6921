"""Does a run fit into the memory that is free? Estimated from shapes, before anything is compiled.

:func:`estimate` counts what a run holds, and follows the operations of a generation to see how much
of their results is needed at the same time. The compiler stores less, as it fuses operations, and
the estimate is meant to err on that side. What can be had without swapping: ``_core.free_memory``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from gradless._core import free_memory, tree, words
from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless._core.programs import KEPT
from gradless._core.tree import Params
from gradless.evaluation.layout import layout_for
from gradless.evaluation.walk.walking import Traced
from gradless.problems.contract import HostProblem, Layout, OnDevice, Problem, batch_of, score_of
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies.base import Strategy, perturbation
from gradless.training.generation import CAPACITY, Run, begin
from gradless.training.host_loop import mode_for

LEAN = ("sep_cma_es", "openai_es", "spsa")
"""Strategies with a state of a few vectors, whatever the population; the last needs the least."""

_USABLE = 0.9  # of what is free: others use memory too, and the estimate is none to the byte
_PROGRAM = 200 * 2**20  # taken by the compiler and its programs on a CPU: 140 to 200 MiB measured
_RUNS_HELD = 4  # going into the loop, in work, coming out, and the one in the last record
_MOST_PARAMETERS = 2**33  # positions that noise can number


class Needed(NamedTuple):
    """Bytes that a run needs on the device that needs the most, or on a CPU on all of them."""

    data: int
    run: int  # the strategy's state and the best network, as often as they are held
    candidates: int
    update: int  # results on the way to the candidates and to the next state
    evaluation: int  # parameters and activations of the networks that are evaluated together
    checkpoint: int = 0
    program: int = 0

    @property
    def total(self) -> int:
        """All together; candidates are evaluated before the state is updated."""
        kept = self.data + self.run + self.candidates + self.checkpoint + self.program
        return kept + max(self.update, self.evaluation)

    def __str__(self) -> str:
        """The total and what takes most of it."""
        work = "networks being evaluated"
        if self.update > self.evaluation:
            work = "the strategy's update"
        uses = {
            "data": self.data,
            "the strategy's state": self.run,
            "candidates": self.candidates,
            work: max(self.update, self.evaluation),
            "checkpoints": self.checkpoint,
            "the compiler": self.program,
        }
        most = sorted(uses, key=uses.__getitem__, reverse=True)[:3]
        large = [name for name in most if uses[name] > 0.05 * self.total]
        parts = [f"{name} {words.size(uses[name])}" for name in large]
        return f"{words.size(self.total)} ({', '.join(parts)})"


class Setting(NamedTuple):
    """Something smaller that may fit."""

    text: str  # such as "population 512"
    needed: Callable[[], Needed]


def fits(needed: Needed, there: int = 0) -> bool:
    """Whether nine tenths of what is free are enough; ``there`` has been allocated before."""
    available = free_memory.free()
    return available is None or needed.total - there <= _USABLE * available


def check(
    needed: Needed,
    what: str,
    smaller: Iterable[Sequence[Setting]] = (),
    *,
    there: int = 0,
    otherwise: str = "free some memory, or use less data or fewer parameters",
) -> None:
    """Refuse what does not fit into memory, and say what would.

    Parameters
    ----------
    needed
        By :func:`estimate`.
    what
        Needs it: the strategy and its size, in words.
    smaller
        Settings in groups, the mildest change first. In a group the largest comes first. The first
        group with one that fits gives the advice.
    there
        Bytes of what is needed that have been allocated before.
    otherwise
        The advice if none of these fits.

    Raises
    ------
    InputError
        If it needs more than nine tenths of what is free.
    """

    def would_fit(setting: Setting) -> bool:
        try:
            return fits(setting.needed(), there)
        except InputError:  # no such setting
            return False

    if fits(needed, there):
        return
    advice = otherwise
    for group in smaller:
        # If the smallest one does not fit, the others need no look.
        if group and would_fit(group[-1]):
            setting = next(each for each in group if would_fit(each))
            advice = f"use {setting.text}, which needs about {words.size(setting.needed().total)}"
            break
    raise InputError(
        f"memory for {what} must be at most {_USABLE:.0%} of the "
        f"{words.size(free_memory.free() or 0)} free, got about {needed}; {advice}"
    )


def check_run(
    problem: Problem | HostProblem, strategy: Strategy, run: Run, layout: Layout | None = None
) -> None:
    """Refuse a run that has begun, but does not fit into memory while it goes on.

    Raises
    ------
    InputError
        If it needs more than is free.
    """
    with mode_for(problem):
        params = jax.eval_shape(strategy.center, run.state)
    check(
        estimate(problem, strategy, params, layout),
        described(strategy, params),
        [smaller_populations(problem, strategy, params)],
        there=size(problem) + size(run),
    )


def described(strategy: Strategy, params: Params) -> str:
    """A strategy and its size, in words."""
    return (
        f"{strategy.name} with {tree.size(params):,} parameters and population "
        f"{strategy.population:,}"
    )


def smaller_populations(
    problem: Problem | HostProblem, strategy: Any, params: Params
) -> list[Setting]:
    """The strategy with smaller populations, if it has a hyperparameter for that."""

    if "population" not in {field.name for field in dataclasses.fields(strategy)}:
        return []

    def setting(population: int) -> Setting:
        other = dataclasses.replace(strategy, population=population)
        return Setting(f"population {population}", lambda: estimate(problem, other, params))

    return [setting(population) for population in halvings(strategy.population, 16)]


def halvings(value: int, least: int) -> list[int]:
    """Powers of two below a number, the largest first, down to ``least``."""
    powers = [2**power for power in range(max(value - 1, 0).bit_length())]
    return [power for power in reversed(powers) if power >= least]


def size(values: Any) -> int:
    """Bytes of the arrays of a pytree, or of their shapes."""
    arrays = [x for x in jax.tree.leaves(values) if hasattr(x, "dtype")]
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in arrays)


# --- What is needed -------------------------------------------------------------------------------


def estimate(
    problem: Problem | HostProblem,
    strategy: Strategy,
    params: Params,
    layout: Layout | None = None,
    *,
    checkpoints: bool = False,
) -> Needed:
    """What a run needs, all of it from shapes.

    Parameters
    ----------
    problem
        What is trained; its arrays may be shapes.
    strategy
        How.
    params
        Like the parameters that it begins with; may be shapes.
    layout
        How populations are evaluated; chosen if not given.
    checkpoints
        Whether the run is saved while it goes on.

    Raises
    ------
    InputError
        If the strategy cannot begin with these parameters.
    """
    with mode_for(problem):
        return _estimate(problem, strategy, params, layout, checkpoints)


def _estimate(
    problem: Problem | HostProblem,
    strategy: Strategy,
    params: Params,
    layout: Layout | None,
    checkpoints: bool,
) -> Needed:
    on_cpu = jax.default_backend() == "cpu"
    program = _PROGRAM if on_cpu else 0
    compiled: Any
    if isinstance(problem, HostProblem):
        compiled, layout = problem.on_device, Layout(written_out=False, block=1, devices=1)
    else:
        compiled, layout = problem, layout or layout_for(problem, strategy)
    devices = layout.devices if on_cpu else 1  # on a CPU, they have one memory
    if tree.size(params) > _MOST_PARAMETERS:
        vectors = 4 * tree.size(params) * _RUNS_HELD
        return Needed(size(compiled), vectors * devices, 0, 0, 0, program=program)

    leaves, structure = jax.tree.flatten(_shapes((compiled, strategy, params)))
    columns = 3 + 2 * len(problem.measures)
    one = _generation(structure, tuple(leaves), loss_dtype())
    members = 1 if layout.written_out else layout.block  # rows stay in registers
    in_loop = devices * (one.batch + members * (2 if layout.pairs else 1) * one.member)
    if isinstance(problem, HostProblem):
        # What Python judges by is collected for the whole population, and its rows are copies.
        in_loop += 2 * strategy.population * one.measured
    copies = devices
    if isinstance(problem, SupervisedProblem):
        # At the end a network is judged on data that are put together again, and by then all
        # devices but one have given theirs back.
        copies = max(devices, 3)
    return Needed(
        data=copies * size(compiled),
        run=devices * _RUNS_HELD * one.run,
        candidates=devices * one.candidates,
        update=devices * one.update,
        evaluation=max(in_loop, one.judged),
        # One as bytes of each array, and one as the bytes of the file.
        checkpoint=2 * one.run if checkpoints and on_cpu else 0,
        program=program + 2 * devices * CAPACITY * columns * loss_dtype().itemsize,
    )


def _shapes(values: Any) -> Any:
    return jax.eval_shape(lambda x: x, values)


class _Bytes(NamedTuple):
    """Of a single device."""

    run: int
    candidates: int
    update: int
    batch: int  # picked out of all samples
    member: int  # while one candidate is evaluated
    measured: int  # of one candidate, handed over to Python
    judged: int  # while a network is evaluated on all samples


@functools.lru_cache(maxsize=KEPT)  # a trace takes some 50 milliseconds
def _generation(structure: Any, leaves: tuple[jax.ShapeDtypeStruct, ...], dtype: Any) -> _Bytes:
    problem, strategy, params = jax.tree.unflatten(structure, leaves)
    key = jax.eval_shape(lambda: jax.random.key(0))
    run = _shapes_of(begin, strategy, params, 0)
    state = run.state
    candidates = _shapes_of(_ask, strategy, key, state)
    candidate = jax.eval_shape(lambda x: tree.member(x, 0), candidates)
    losses = jax.ShapeDtypeStruct((tree.population_size(candidates),), dtype)
    score = _measure if hasattr(problem, "measure") else _score

    def tell(strategy: Strategy, *arguments: Any) -> Any:
        return strategy.tell(*arguments)

    def decoded(problem: Any, strategy: Any, state: Any, candidate: Any, batch: Any) -> Any:
        if perturbation(strategy).rank and not hasattr(problem, "measure"):
            center = strategy.middle(state)
            walked = Traced(score_of, center, problem, batch)
            return walked(center, strategy.change(state, candidate), jnp.ones(()), problem, batch)
        return score(problem, strategy.decode(state, candidate), batch)

    batch = _shapes_of(_batch, problem, key)
    everything = _shapes_of(_all_samples, problem, key)
    member = (problem, strategy, state, candidate, batch)
    held = size(candidates)
    return _Bytes(
        run=size(run),
        candidates=held,
        update=max(
            _peak_of(_ask, strategy, key, state) - held,
            _peak_of(tell, strategy, key, state, candidates, losses),
        ),
        batch=0 if batch == everything else size(batch),
        member=_peak_of(decoded, *member),
        measured=size(_shapes_of(decoded, *member)),
        judged=_peak_of(score, problem, params, everything),
    )


def _shapes_of(function: Callable[..., Any], *arguments: Any) -> Any:
    """Shapes of what a function returns.

    JAX keeps what it has traced, and the loss of a user in it, for as long as the function.
    """
    return jax.eval_shape(lambda *given: function(*given), *arguments)


def _ask(strategy: Strategy, key: jax.Array, state: Any) -> Any:
    return strategy.ask(key, state)


def _score(problem: Problem, params: Params, batch: Any) -> Any:
    return problem.score(params, batch)


def _measure(problem: OnDevice, params: Params, batch: Any) -> Any:
    return problem.measure(params, batch)


def _batch(problem: Any, key: jax.Array) -> Any:
    if hasattr(problem, "draw"):
        return problem.batch(problem.draw(key))
    return batch_of(problem, problem.batch(key), 0)


def _all_samples(problem: Any, key: jax.Array) -> Any:
    if isinstance(problem, SupervisedProblem):
        problem = problem.without_minibatches()
    return _batch(problem, key)


def _peak_of(function: Callable[..., Any], *shapes: Any) -> int:
    # By a function that lives as long as this call, as below.
    return peak(jax.make_jaxpr(lambda *given: function(*given))(*shapes).jaxpr)


def peak(jaxpr: Any) -> int:
    """Bytes of the results that are needed at the same time, at most; arguments are not counted."""
    last: dict[Any, int] = {}  # operation that needs a result last
    for number, equation in enumerate(jaxpr.eqns):
        last.update({v: number for v in equation.invars if not isinstance(v, Literal)})
    last.update({v: len(jaxpr.eqns) for v in jaxpr.outvars if not isinstance(v, Literal)})
    alive: dict[Any, int] = {}
    most = 0
    for number, equation in enumerate(jaxpr.eqns):
        made = {v: _size(v) for v in equation.outvars}
        most = max(most, sum(alive.values()) + _working(equation, sum(made.values())))
        alive.update(made)
        alive = {v: bytes for v, bytes in alive.items() if last.get(v, -1) > number}
    return most


def _working(equation: Any, made: int) -> int:
    """Bytes while an operation is done, its results ``made`` included."""
    name = equation.primitive.name
    if name == "random_bits":
        return 5 * made  # two words of a counter become two others, and these become one
    inner = max([peak(jaxpr) for jaxpr in _inner(equation)], default=0)
    # What a loop carries is held besides what its body makes; others return what is made inside.
    return made + inner if name in ("while", "scan") else max(made, inner)


def _inner(equation: Any) -> list[Any]:
    """The jaxprs inside an equation: bodies of loops, branches, functions called."""
    values = [v if isinstance(v, tuple | list) else (v,) for v in equation.params.values()]
    jaxprs = [getattr(each, "jaxpr", each) for value in values for each in value]
    return [each for each in jaxprs if hasattr(each, "eqns")]


def _size(variable: Any) -> int:
    shape = getattr(variable.aval, "shape", None)
    return 0 if shape is None else math.prod(shape) * variable.aval.dtype.itemsize
