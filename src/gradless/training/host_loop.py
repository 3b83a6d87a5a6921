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
from gradless.problems.contract import NO_FAULTS, Faults, HostProblem, Judgement, Layout, OnDevice
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


class _Form:
    """What is compiled for, besides shapes; compared at once, as it is with every call.

    ``constants`` and ``moving`` are the structures of two pytrees that the program gets as tuples
    of their leaves: key, strategy and the compiled part of the problem; and number of generations
    that the strategy knows of, its state, candidates, and samples drawn. To take the pytrees apart
    would take a tenth of a call.
    """

    def __init__(self, constants: Any, moving: Any, layout: Layout, rest: bool) -> None:
        """``rest`` is whether it matters that the strategy has come to rest."""
        self.constants, self.moving, self.layout, self.rest = constants, moving, layout, rest
        self._all = (constants, moving, layout, rest)
        self._hash = hash(self._all)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Form) and self._all == other._all)


class _Step(NamedTuple):
    """What the program returns, on the device."""

    moving: tuple[jax.Array, ...]
    at_rest: Any  # whether the strategy has come to rest; None where that does not matter
    center: Any  # what its new center is judged by; None where that is a candidate
    measured: Any  # what the candidates are judged by


class HostLoop:
    """A problem and a strategy in a loop of Python, as :class:`.generation.CompiledLoop` is."""

    def __init__(
        self,
        problem: HostProblem,
        strategy: Strategy,
        limits: Limits,
        last: int | None = None,
    ) -> None:
        """Nothing is compiled yet; ``last`` is the number of generations of the whole run."""
        self._layout = layout_on_host(strategy)
        self._problem, self._strategy = problem, strategy
        self.capacity = generation.CAPACITY  # generations in one turn at most
        self._rules = Rules(limits, problem.uses_minibatches)
        self._rest = bool(limits.rest)
        # The center is judged together with the next candidates, or processes would wait for it,
        # unless these see other samples. Those of a generation that does not follow are then judged
        # for nothing.
        self._ahead = problem.judges_at_once and strategy.samples_around_center
        self._last = math.inf if last is None else last
        self._judged: Judgement | None = None  # of what was asked for, where that is known already
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
            after = self._run = self._after(self._standing, run)
        made = np.asarray(rows, np.float64).reshape(-1, generation.width(run))
        return after, made, faults

    def back(self, run: Run, generations: int) -> Run:
        """The run so many generations after an earlier one: kept, since Python may do otherwise."""
        wanted = int(run.generation) + generations
        for each in self._kept.values():
            if each.generation == wanted:
                return self._after(each, run)
        return run

    def _begin(self, run: Run) -> None:
        """Ask for the first candidates of a run that comes from elsewhere."""
        strategy, device = self._strategy, self._problem.on_device
        with sixty_four_bits():
            # Nothing is told yet, but the program is the same: in the place of what was asked for
            # before is anything of these shapes.
            shapes = jax.eval_shape(_ask, run.key, strategy, device, run.generation, run.state)
            before = jax.tree.map(_anything, shapes)
            self._ahead &= shapes[1] is None
            constants, constant = jax.tree.flatten((run.key, strategy, device))
            moving, self._structure = jax.tree.flatten((run.generation, run.state, *before))
            # Placed once, and not in every call.
            self._constants, moving, self._yes, no = replicate(
                (tuple(constants), tuple(moving), np.bool_(True), np.bool_(False)), self._layout
            )
            self._form = _Form(constant, self._structure, self._layout, self._rest)
            losses: Any = np.full(strategy.population, np.nan)
            arguments = (self._form, self._constants, moving, losses, no)
            self._program = _step.of(*arguments)
            self._asked = self._program(*arguments)
        self._judged = None
        self._run, self._standing = run, Standing.of(run, self._asked.moving)
        # Vectors are compiled before one is wanted.
        known = self._problem.vectors(_on_host(self._asked.measured)) is not None
        if not (known and strategy.samples_around_center):
            self._made(Meant(self._asked.moving))
        if not known:
            self._made(Meant(self._asked.moving, 0))

    def _generation(self) -> tuple[tuple[float, ...], Faults]:
        """One generation: its row, and exceptions."""
        problem, before, asked = self._problem, self._standing, self._asked
        measured = _on_host(asked.measured)
        drawn = None
        if problem.uses_minibatches:
            drawn = _on_host(self._opened(asked.moving)[3])
        judged = self._judged or problem.judge([measured], drawn)[0]
        with sixty_four_bits():
            after: _Step = self._program(
                self._form, self._constants, asked.moving, judged.loss, self._yes
            )

        def candidate(index: int) -> Any:
            known = problem.vectors(measured)
            return Meant(asked.moving, index) if known is None else known[index].copy()

        faults, center = judged.faults, None
        if self._strategy.samples_around_center:
            of_center = _on_host(after.center)
            groups = [of_center]
            if self._ahead and before.generation + 1 < self._last:
                groups.append(_on_host(after.measured))
            judged_center, *following = problem.judge(groups, drawn)
            self._judged = following[0] if following else None
            faults = faults.and_later(judged_center.faults)

            def its_vector(_: int) -> Any:
                known = problem.vectors(of_center)
                return Meant(after.moving) if known is None else known[0].copy()

            center = Contender(judged_center, its_vector)
        at_rest = after.at_rest is not None and bool(after.at_rest)
        self._standing, row = self._rules.after(
            before, after.moving, at_rest, Contender(judged, candidate), center
        )
        self._asked = after
        if self._standing.finite_generation == self._standing.generation:
            self._kept[math.isfinite(row[0])] = self._standing
        return row, faults

    def _opened(self, moving: tuple[jax.Array, ...]) -> tuple[Any, ...]:
        """Number of generations, state, candidates and samples drawn."""
        opened: tuple[Any, ...] = jax.tree.unflatten(self._structure, moving)
        return opened

    def _after(self, standing: Standing, run: Run) -> Run:
        """A standing as the run that goes on from another one."""
        number, state, *_ = self._opened(standing.moving)
        best = self._made(standing.best) if isinstance(standing.best, Meant) else standing.best
        with sixty_four_bits():
            numbers = replicate({"best": best, **standing.numbers()}, self._layout)
            return Run(key=run.key, generation=number, state=state, **numbers)

    def _made(self, meant: Meant) -> jax.Array:
        """A vector that a strategy means."""
        _, state, candidates, _ = self._opened(meant.moving)
        with sixty_four_bits():
            if meant.number is None:
                return vectors.center(self._strategy, state)
            return vectors.candidate(self._strategy, state, candidates, np.uint32(meant.number))


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


@compiled(static_argnames=["form"])
def _step(
    form: _Form,
    constants: tuple[Any, ...],
    moving: tuple[Any, ...],
    losses: jax.Array,
    tells: jax.Array,
) -> _Step:
    """Tell the losses of the candidates if there are any yet, and ask for the next ones."""
    key, strategy, device = jax.tree.unflatten(form.constants, constants)
    number, state, candidates, drawn = jax.tree.unflatten(form.moving, moving)

    def told() -> Any:
        tell_key = generation.keys_after(key, number)[1]
        finite = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
        return strategy.tell(tell_key, state, candidates, finite)

    new = jax.lax.cond(tells, told, lambda: state)
    center = None
    if strategy.samples_around_center:
        center = device.measure(strategy.center(new), device.batch(drawn))
        center = jax.tree.map(lambda x: jnp.asarray(x)[None], center)
    number = number + tells.astype(number.dtype)
    asked, drawn = _ask(key, strategy, device, number, new)
    batch = device.batch(drawn)

    def measure(candidate: Any) -> Any:
        return device.measure(strategy.decode(new, candidate), batch)

    measured = map_members(measure, asked, form.layout.block)
    rests = form.rest and isinstance(strategy, ComesToRest)
    at_rest = strategy.at_rest(new) if rests else None
    after = jax.tree.leaves((number, new, asked, drawn))
    return _Step(tuple(after), at_rest, center, measured)
