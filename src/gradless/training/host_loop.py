"""How does Python code evaluate a population? Between two calls of one compiled program.

The program tells a strategy the losses and asks it for the next candidates. It is called once for
each generation, since a call takes about as long as a small strategy. What Python computes a loss
from, the parameters of a candidate or the outputs of its network, is measured on the device for the
whole population and handed over as NumPy arrays. All that a run remembers besides the strategy's
state are numbers of Python (``standing``), which become arrays at the end of a turn.

A loss in Python is float64, and rounded to float32 many of them would be equal. So the program
is compiled in JAX's 64-bit mode (see ``floats``), and Python code is called outside of it.
"""

from __future__ import annotations

import contextlib
import functools
import math
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.floats import sixty_four_bits
from gradless._core.programs import compiled
from gradless.evaluation.mapped import map_members
from gradless.evaluation.population import replicate
from gradless.problems.contract import NO_FAULTS, Faults, HostProblem, Layout, OnDevice
from gradless.strategies.base import ComesToRest, Strategy
from gradless.training import generation, vectors
from gradless.training.generation import Limits, Rows, Run
from gradless.training.standing import Contender, Meant, Rules, Standing


def layout_on_host(strategy: Strategy) -> Layout:
    """Members are measured one by one, on one device: the code in Python takes the time."""
    return Layout(written_out=False, block=1, devices=1)


def mode_for(problem: Any) -> AbstractContextManager[Any]:
    """The mode of JAX in which runs on a problem begin, go on and are looked into, as a context.

    It is the 64-bit mode if Python code computes the losses, and otherwise the user's own.
    """
    return sixty_four_bits() if isinstance(problem, HostProblem) else contextlib.nullcontext()


def with_exact_losses(strategy: Strategy, run: Run) -> Run:
    """The run as if it had begun in 64-bit mode; its parameters keep their types."""
    if run.best_loss.dtype == np.float64:
        return run
    with sixty_four_bits():
        params = jax.eval_shape(strategy.center, run.state)
        begun = functools.partial(generation.begin, measures=tuple(run.best_measures))
        wide = jax.eval_shape(begun, strategy, params, 0)

        def widened(leaf: jax.Array, like: jax.ShapeDtypeStruct) -> jax.Array:
            return leaf if leaf.dtype == like.dtype else leaf.astype(like.dtype)

        return jax.tree.map(widened, run, wide)


class _Step(NamedTuple):
    """What the program returns, on the device."""

    state: Any  # of the strategy, which knows the losses
    number: jax.Array  # of generations that it knows of
    at_rest: Any  # whether it has come to rest; None where that does not matter
    center: Any  # what its new center is judged by; None where that is a candidate
    candidates: Any  # that it asks for now
    drawn: Any  # samples of the batch that they see
    measured: Any  # what they are judged by


class HostLoop:
    """A problem and a strategy in a loop of Python, as :class:`.generation.CompiledLoop` is."""

    def __init__(self, problem: HostProblem, strategy: Strategy, limits: Limits) -> None:
        """Nothing is compiled yet."""
        self._layout = layout_on_host(strategy)
        self._problem, self._strategy = problem, strategy
        self.capacity = generation.CAPACITY  # generations in one turn at most
        self._rules = Rules(limits, problem.uses_minibatches)
        self._rest = bool(limits.rest) and isinstance(strategy, ComesToRest)
        self._run: Run | None = None  # what the last turn ended with, which stands as follows
        self._standing: Standing
        self._asked: _Step
        # After the last generation with finite losses, without and with one of the center.
        self._kept: dict[bool, Standing] = {}

    def placed(self, run: Run) -> Run:
        """The run where it runs."""
        with sixty_four_bits():
            return replicate(with_exact_losses(self._strategy, run), self._layout)

    def turn(self, run: Run, generations: int) -> tuple[Run, Rows, Faults]:
        """Generations until a limit is reached, so many at most, a row for each, exceptions.

        Without any generation, all is compiled, and the first candidates are asked for.
        """
        if run is not self._run:
            self._begin(run)
        rows: list[tuple[float, ...]] = []
        faults = NO_FAULTS
        while len(rows) < generations and self._rules.goes_on(self._standing):
            row, more = self._generation()
            rows.append(row)
            if more.raised:
                faults = faults.and_later(more)
        after = run
        if rows:
            after = self._run = self._standing.run(run, self._made, self._layout)
        made = np.asarray(rows, np.float64).reshape(-1, generation.width(run))
        return after, made, faults

    def back(self, run: Run, generations: int) -> Run:
        """The run so many generations after an earlier one: kept, since Python may do otherwise."""
        wanted = int(run.generation) + generations
        for each in self._kept.values():
            if each.generation == wanted:
                return each.run(run, self._made, self._layout)
        return run

    def _begin(self, run: Run) -> None:
        """Ask for the first candidates of a run that comes from elsewhere."""
        self._run, self._standing = run, Standing.of(run)
        with sixty_four_bits():
            # Placed once, and not in every call.
            constants = (run.key, self._strategy, self._problem.on_device)
            *self._constants, self._yes, no = replicate(
                (*constants, np.bool_(True), np.bool_(False)), self._layout
            )
            # Nothing is told yet, but the program is the same: in the place of what was asked for
            # before is anything of these shapes.
            key, strategy, device = self._constants
            shapes = jax.eval_shape(_ask, key, strategy, device, run.generation, run.state)
            candidates, drawn = replicate(jax.tree.map(_anything, shapes), self._layout)
            losses: Any = np.full(self._strategy.population, np.nan)
            arguments = (
                *self._constants, no, run.generation, run.state, candidates, losses, drawn,
                self._layout, self._rest,
            )  # fmt: skip
            self._program = _step.of(*arguments)
            self._asked = self._program(*arguments)
        measured = jax.device_get(self._asked.measured)
        if self._problem.vectors(measured) is None:  # compiled before one is wanted
            self._made(Meant(run.state))
            self._made(Meant(run.state, self._asked.candidates))

    def _generation(self) -> tuple[tuple[float, ...], Faults]:
        """One generation: its row, and exceptions."""
        problem, before, asked = self._problem, self._standing, self._asked
        around_center = self._strategy.samples_around_center
        measured, drawn = _on_host((asked.measured, asked.drawn))
        judged = problem.judge(measured, drawn)
        with sixty_four_bits():
            after: _Step = self._program(
                *self._constants, self._yes, before.number, before.state, asked.candidates,
                judged.loss, asked.drawn, self._layout, self._rest,
            )  # fmt: skip

        def candidate(index: int) -> Any:
            known = problem.vectors(measured)
            if known is not None:
                return known[index].copy()
            return Meant(before.state, asked.candidates, index)

        faults, center = judged.faults, None
        if around_center:
            of_center = _on_host(after.center)
            judged_center = problem.judge(of_center, drawn)
            faults = faults.and_later(judged_center.faults)

            def its_vector(_: int) -> Any:
                known = problem.vectors(of_center)
                return Meant(after.state) if known is None else known[0].copy()

            center = Contender(judged_center, its_vector)
        at_rest = after.at_rest is not None and bool(after.at_rest)
        self._standing, row = self._rules.after(
            before, after.state, after.number, at_rest, Contender(judged, candidate), center
        )
        self._asked = after
        if self._standing.finite_generation == self._standing.generation:
            self._kept[math.isfinite(row[0])] = self._standing
        return row, faults

    def _made(self, meant: Meant) -> jax.Array:
        """A vector that a strategy's state means."""
        with sixty_four_bits():
            if meant.candidates is None:
                return vectors.center(self._strategy, meant.state)
            index = np.uint32(meant.index)
            return vectors.candidate(self._strategy, meant.state, meant.candidates, index)


def _on_host(values: Any) -> Any:
    """Arrays of NumPy, without a copy where the device is the processor."""
    return jax.tree.map(np.asarray, values)


def _anything(shape: jax.ShapeDtypeStruct) -> Any:
    if jnp.issubdtype(shape.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), shape.shape)
    return np.zeros(shape.shape, shape.dtype)


def _ask(
    key: jax.Array, strategy: Strategy, device: OnDevice, number: jax.Array, state: Any
) -> tuple[Any, Any]:
    """Candidates, and the samples drawn."""
    ask_key, _, batch_key = generation.keys_after(key, number)
    return strategy.ask(ask_key, state), device.draw(batch_key)


@compiled(static_argnames=["layout", "rest"])
def _step(
    key: jax.Array,
    strategy: Strategy,
    device: OnDevice,
    tells: jax.Array,
    number: jax.Array,
    state: Any,
    candidates: Any,
    losses: jax.Array,
    drawn: Any,
    layout: Layout,
    rest: bool,
) -> _Step:
    """Tell the losses of candidates if there are any yet, and ask for the next ones."""

    def told() -> Any:
        tell_key = generation.keys_after(key, number)[1]
        finite = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
        return strategy.tell(tell_key, state, candidates, finite)

    state = jax.lax.cond(tells, told, lambda: state)
    number = number + tells.astype(number.dtype)
    center = None
    if strategy.samples_around_center:
        center = device.measure(strategy.center(state), device.batch(drawn))
        center = jax.tree.map(lambda x: jnp.asarray(x)[None], center)
    asked, drawn = _ask(key, strategy, device, number, state)
    batch = device.batch(drawn)

    def measure(candidate: Any) -> Any:
        return device.measure(strategy.decode(state, candidate), batch)

    measured = map_members(measure, asked, layout.block)
    at_rest = strategy.at_rest(state) if rest and isinstance(strategy, ComesToRest) else None
    return _Step(state, number, at_rest, center, asked, drawn, measured)
