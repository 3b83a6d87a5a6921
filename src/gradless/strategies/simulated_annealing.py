"""A search path that also climbs, less and less as it cools.

Kirkpatrick, Gelatt and Vecchi, "Optimization by simulated annealing" (1983), with the acceptance
rule of Metropolis et al., "Equation of state calculations by fast computing machines" (1953). Steps
in continuous space are as long as is accepted now and then, as in Corana et al., "Minimizing
multimodal functions of continuous variables with the simulated annealing algorithm" (1987); or
shrink with the square root of the temperature, as in Szu and Hartley's account of Boltzmann
annealing, "Fast simulated annealing" (1987).

A temperature is in units of the loss, so it is measured: by default in the typical change of the
loss in the first steps, as White, "Concepts of scale in simulated annealing" (1984), chooses the
first temperature by the deviation of losses. It is a geometric mean, which a penalty of 1e30 among
a hundred losses changes by a factor of two.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits

_MEASURED = 100  # changes of the loss
_ADAPTATION = 0.05  # of the logarithm of a step, for each proposal
_LONGEST = 40.0  # logarithm of what a step has grown or shrunk to


class State(NamedTuple):
    """Where every chain stands, and the best that any of them has seen."""

    current: jax.Array  # (population, dimension)
    current_loss: jax.Array  # (population,)
    evaluations: jax.Array  # of all chains, uint32; it stays at the largest, long after cooling
    exponents: jax.Array  # powers of two of the first changes of the loss, their sum, int32
    measured: jax.Array  # how many these are, int32
    lengths: jax.Array  # of the steps of each chain, logarithm, float32, (population,)
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


@strategy
class SimulatedAnnealing:
    """Search paths that also accept a worse candidate, more rarely as the temperature falls.

    A candidate that raises the loss by d is accepted with probability exp(-d / temperature).

    Parameters
    ----------
    sigma
        Standard deviation of the change to every parameter, at first.
    initial_temperature
        An increase of the loss by this much is accepted in 37 % of all cases. It is in units of the
        typical change of the loss in one of the first steps, or for ``raw`` of the loss itself.
    final_temperature
        Cooling ends here, in the same units.
    decay
        The temperature is multiplied by this after every evaluation. The default goes from the
        initial to the final temperature in 12,600 evaluations; ``for_dimension`` fits it to a
        budget. One minus the decay is resolved to 6e-8.
    population
        Independent chains. They share the cooling, which counts the evaluations of all, so that
        a budget ends at the same temperature however many there are.
    steps
        ``adapted``: each chain's steps grow when a proposal is accepted and shrink otherwise, so
        that a share of ``acceptance`` is; they follow the width of the region that the chain
        explores, whatever ``sigma`` is. ``cooled``: they shrink with the square root of the
        temperature. ``fixed``: ``sigma`` stays.
    acceptance
        Share of the proposals that are accepted with adapted steps, of those that change the loss.
    raw
        Temperatures are in units of the loss, as in the papers.
    """

    sigma: float = hyperparameter(0.1, above=0.0)
    initial_temperature: float = hyperparameter(0.3, above=0.0)
    final_temperature: float = hyperparameter(1e-6, above=0.0)
    decay: float = hyperparameter(0.999, above=0.0, at_most=1.0)
    population: int = hyperparameter(1, at_least=1)
    steps: str = hyperparameter("adapted", choices=("adapted", "cooled", "fixed"))
    acceptance: float = hyperparameter(0.25, above=0.0, at_most=0.9)
    raw: bool = False

    name: ClassVar[str] = "simulated_annealing"
    goes_by_differences: ClassVar[bool] = True
    samples_around_center: ClassVar[bool] = False

    @classmethod
    def for_dimension(
        cls, dimension: int, *, evaluations: int | None = None, **hyperparameters: Any
    ) -> SimulatedAnnealing:
        """The strategy with a decay that ends at four fifths of the budget in ``evaluations``.

        Nothing depends on the dimension. Without a budget, the default.
        """
        made = cls(**hyperparameters)
        if evaluations is None or "decay" in hyperparameters:
            return made
        cooling = math.log(made.final_temperature / made.initial_temperature)
        decay = math.exp(min(0.0, cooling / (0.8 * evaluations)))
        return dataclasses.replace(made, decay=decay)

    def init(self, key: jax.Array, params: Params) -> State:
        """All chains at ``params``, which any candidate with a finite loss replaces."""
        vector = tree.ravel(params)
        return State(
            current=jnp.broadcast_to(vector, (self.population, vector.size)),
            current_loss=jnp.broadcast_to(no_loss(), self.population),
            evaluations=jnp.uint32(0),
            exponents=jnp.int32(0),
            measured=jnp.int32(0),
            lengths=jnp.zeros(self.population, jnp.float32),
            best=vector,
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def temperature(self, state: State) -> jax.Array:
        """Temperature at which the next candidates are judged, in units of :meth:`loss_unit`."""
        evaluations = state.evaluations.astype(jnp.float32)
        cooled = self.initial_temperature * jnp.exp(evaluations * jnp.log(self.decay))
        return jnp.maximum(cooled, self.final_temperature)

    def loss_unit(self, state: State) -> jax.Array:
        """The change of the loss that is a temperature of 1; 0 before any."""
        if self.raw:
            return jnp.float32(1)
        whole, rest = jnp.divmod(state.exponents, jnp.maximum(state.measured, 1))
        part = jnp.exp2(rest / jnp.maximum(state.measured, 1)).astype(jnp.float32)
        # The exponents add up exactly, so another unit of the loss is another unit, and no more.
        return jnp.where(state.measured > 0, jnp.ldexp(part, whole - 1), 0.0)

    def _measured(self, state: State, rises: jax.Array) -> State:
        counts = jnp.isfinite(rises) & (rises != 0) & (state.measured < _MEASURED)
        exponents = jnp.frexp(jnp.where(counts, rises, 1.0))[1].astype(jnp.int32)
        return state._replace(
            exponents=state.exponents + jnp.sum(jnp.where(counts, exponents, 0), dtype=jnp.int32),
            measured=state.measured + jnp.sum(counts, dtype=jnp.int32),
        )

    def step_sizes(self, state: State) -> jax.Array:
        """Standard deviation of each chain's next change to every parameter, (population,)."""
        sizes = jnp.full(self.population, self.sigma, jnp.float32)
        if self.steps == "adapted":
            return limits.bounded(sizes * jnp.exp(state.lengths))
        if self.steps == "cooled":
            return sizes * jnp.sqrt(self.temperature(state) / self.initial_temperature)
        return sizes

    def ask(self, key: jax.Array, state: State) -> noise.Seed:
        """Seeds of one proposal for every chain."""
        return noise.seeds(key, jnp.arange(self.population))

    def decode(self, state: State, candidate: noise.Seed) -> Params:
        """The parameters that the chain of this number proposes."""
        return state.structure.unravel(self._proposal(state, candidate))

    def tell(
        self, key: jax.Array, state: State, candidates: noise.Seed, losses: jax.Array
    ) -> State:
        """Each chain takes its proposal or stays."""
        # Metropolis: always downwards, upwards with probability exp(-rise / temperature).
        rise = losses - state.current_loss
        uniform = noise.uniform(noise.seed(key), self.population)
        if not self.raw:
            state = self._measured(state, rise)
            unit = self.loss_unit(state)
            rise = rise / jnp.where(unit > 0, unit, 1.0)
        accepted = uniform < jnp.exp(-rise / self.temperature(state))
        accepted &= jnp.isfinite(losses)
        proposals = jax.vmap(self._proposal, in_axes=(None, 0))(state, candidates)
        evaluations = state.evaluations + jnp.uint32(self.population)
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        # On a plateau everything is accepted, which says nothing about the width of a region.
        told = losses != state.current_loss
        lengths = state.lengths + _ADAPTATION * jnp.where(told, accepted - self.acceptance, 0.0)
        return state._replace(
            lengths=jnp.clip(lengths, -_LONGEST, _LONGEST).astype(jnp.float32),
            current=jnp.where(accepted[:, None], proposals, state.current),
            current_loss=jnp.where(accepted, losses, state.current_loss),
            evaluations=jnp.maximum(evaluations, state.evaluations),
            best=jnp.where(improved, proposals[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def _proposal(self, state: State, seed: noise.Seed) -> jax.Array:
        step = self.step_sizes(state)[seed.member] * noise.normal(seed, state.structure.size)
        return limits.in_range(state.current[seed.member] + step)

    def center(self, state: State) -> Params:
        """The best that any chain has seen."""
        return state.structure.unravel(state.best)
