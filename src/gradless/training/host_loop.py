"""How does Python code evaluate a population? Between the three compiled parts of a generation.

What Python computes a loss from, the parameters of a candidate or the outputs of its network, is
measured on the device for the whole population and handed over as NumPy arrays.

A loss in Python is float64, and rounded to float32 many of them would be equal. So the compiled
parts are compiled in JAX's 64-bit mode (see ``floats``), and Python code is called outside of it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.floats import sixty_four_bits
from gradless._core.programs import Compiled, compiled
from gradless.evaluation.mapped import map_members
from gradless.evaluation.population import replicate
from gradless.problems.contract import NO_FAULTS, Faults, HostProblem, Layout, OnDevice, Score
from gradless.strategies.base import Strategy
from gradless.training import generation
from gradless.training.generation import Limits, Rows, Run

T = TypeVar("T")


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


class HostLoop:
    """A problem and a strategy in a loop of Python, as :class:`.generation.CompiledLoop` is."""

    def __init__(self, problem: HostProblem, strategy: Strategy, limits: Limits) -> None:
        """Nothing is compiled yet."""
        self._layout = layout_on_host(strategy)
        self._problem, self._strategy, self._limits = problem, strategy, limits
        self.capacity = generation.CAPACITY  # generations in one turn at most
        self._targets: Any = jax.tree.map(float, limits)  # compared as numbers: no programs
        # After the last generation with finite losses, without and with one of the center.
        self._kept: dict[bool, Run] = {}
        self._programs: dict[Any, Any] = {}

    def placed(self, run: Run) -> Run:
        """The run where it runs."""
        with sixty_four_bits():
            return replicate(with_exact_losses(self._strategy, run), self._layout)

    def turn(self, run: Run, generations: int) -> tuple[Run, Rows, Faults]:
        """Generations until a limit is reached, so many at most, a row for each, exceptions."""
        if not generations:
            self._compile(run)
        rows: list[Rows] = []
        faults = NO_FAULTS
        while len(rows) < generations and self._goes_on(run):
            run, row, more = self._generation(run)
            rows.append(row)
            faults = faults.and_later(more)
            if int(run.finite_generation) == int(run.generation):
                self._kept[bool(np.isfinite(row[0]))] = run
        return run, np.asarray(rows, np.float64).reshape(-1, generation.width(run)), faults

    def back(self, run: Run, generations: int) -> Run:
        """The run so many generations after an earlier one: kept, since Python may do otherwise."""
        wanted = int(run.generation) + generations
        return next((r for r in self._kept.values() if int(r.generation) == wanted), run)

    def _call(self, function: Compiled[T], *arguments: Any) -> T:
        """Call a compiled function: found once, since finding it takes as long as a small one."""
        program = self._programs.get(function)
        if program is None:
            program = self._programs[function] = function.of(*arguments)
        with sixty_four_bits():
            return cast("T", program(*arguments))

    def _goes_on(self, run: Run) -> bool:
        limits = self._limits
        if self._problem.uses_minibatches:
            reached = generation.is_due(run)
        else:
            measures = {name: float(best) for name, best in run.best_measures.items()}
            reached = generation.meets_target(float(run.best_loss), measures, self._targets)
        return (
            not reached
            and int(run.progress.waited) < int(limits.stagnation)
            and not (run.at_rest and limits.rest)
            and int(run.generation) - int(run.finite_generation) < int(limits.not_finite)
        )

    def _generation(self, run: Run) -> tuple[Run, Rows, Faults]:
        """One generation."""
        strategy, device = self._strategy, self._problem.on_device
        candidates, measured, drawn = self._call(_ask, run, strategy, device, self._layout)
        judged = self._problem.judge(*jax.device_get((measured, drawn)))
        state, losses, measured = self._call(
            _tell, run, strategy, device, candidates, judged.loss, drawn
        )
        faults, center = judged.faults, None
        if strategy.samples_around_center:
            of_center = self._problem.judge(*jax.device_get((measured, drawn)))
            faults = faults.and_later(of_center.faults)
            center = _first_of(of_center.loss, of_center.measures)
        score = Score(judged.loss, judged.measures)
        run, row = self._finished(run, state, candidates, losses, score, center)
        return run, np.asarray(row), faults

    def _compile(self, run: Run) -> None:
        """Compile all by a generation that nobody judges, whose results are dropped."""
        strategy, device = self._strategy, self._problem.on_device
        loss: Any = np.full(strategy.population, np.nan, np.float64)
        unknown: Any = np.full(strategy.population, np.nan, np.float32)
        score = Score(loss, dict.fromkeys(self._problem.measures, unknown))
        center = _first_of(*score) if strategy.samples_around_center else None
        candidates, _, drawn = self._call(_ask, run, strategy, device, self._layout)
        state, losses, _ = self._call(_tell, run, strategy, device, candidates, loss, drawn)
        jax.block_until_ready(self._finished(run, state, candidates, losses, score, center))

    def _finished(
        self,
        run: Run,
        state: Any,
        candidates: Any,
        losses: jax.Array,
        score: Score,
        center: Score | None,
    ) -> tuple[Run, jax.Array]:
        """The run after a generation, and its row."""
        return self._call(
            _finish,
            run,
            state,
            self._strategy,
            candidates,
            losses,
            score,
            center,
            self._limits,
            self._problem.uses_minibatches,
        )


def _first_of(losses: Any, measures: Mapping[str, Any]) -> Score:
    """Of some candidates the first one's."""
    return Score(losses[0], {name: of[0] for name, of in measures.items()})


@compiled(static_argnames=["layout"])
def _ask(run: Run, strategy: Strategy, device: OnDevice, layout: Layout) -> tuple[Any, Any, Any]:
    """Candidates, what they are judged by, and the samples drawn."""
    ask_key, _, batch_key = generation.keys(run)
    drawn = device.draw(batch_key)
    batch = device.batch(drawn)
    candidates = strategy.ask(ask_key, run.state)

    def measure(candidate: Any) -> Any:
        return device.measure(strategy.decode(run.state, candidate), batch)

    return candidates, map_members(measure, candidates, layout.block), drawn


@compiled()
def _tell(
    run: Run, strategy: Strategy, device: OnDevice, candidates: Any, losses: jax.Array, drawn: Any
) -> tuple[Any, jax.Array, Any]:
    """The strategy's next state, the losses told, and what its new center is judged by."""
    state, losses = generation.tell(run, generation.keys(run)[1], strategy, candidates, losses)
    measured = None
    if strategy.samples_around_center:
        measured = device.measure(strategy.center(state), device.batch(drawn))
        measured = jax.tree.map(lambda x: jnp.asarray(x)[None], measured)
    return state, losses, measured


_finish = compiled(static_argnames=["on_batches"])(generation.after_generation)
