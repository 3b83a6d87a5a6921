"""Steps are differences between members of the population itself.

Storn and Price, "Differential evolution: a simple and efficient heuristic for global optimization
over continuous spaces" (1997). By default as SHADE (Tanabe and Fukunaga, CEC 2013): steps towards
one of the best members, differences to members of before, and factors that are learnt from the
steps that succeeded. With ``shrink_over``, the population shrinks as in L-SHADE (CEC 2014).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import initial, limits, success_history
from gradless.strategies.parts.success_history import History

_ADAPTED = "current-to-pbest/1/bin"
_DONORS = {_ADAPTED: 2, "rand/1/bin": 3, "best/1/bin": 2, "current-to-best/1/bin": 2}
_SLOTS = 6  # of the history, L-SHADE's
_TRIALS = 8  # in a generation, where the population shrinks to that


class State(NamedTuple):
    """The members, best first once all are evaluated, those of before, and what was learnt."""

    members: jax.Array  # (members, dimension)
    losses: jax.Array  # (members,)
    told: jax.Array  # trials so far, uint32; it stays at the largest
    archive: jax.Array  # members that were replaced by better ones, (members or 0, dimension)
    archived: jax.Array  # how many of these there are, int32
    history: History
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


class Candidate(NamedTuple):
    """A trial vector and how it was made."""

    vector: jax.Array  # (dimension,)
    member: jax.Array  # that it is to replace, int32
    weight: jax.Array  # float32
    rate: jax.Array  # float32


def distinct_donors(
    uniform: jax.Array, targets: jax.Array, members: jax.Array | int, archived: jax.Array | int = 0
) -> list[jax.Array]:
    """For every target, others that are all different, each shape (targets,), integer.

    Every choice of donors is equally likely.

    Parameters
    ----------
    uniform
        Uniform numbers between 0 and 1, shape (donors, targets).
    targets
        Members for which donors are chosen.
    members
        How many there are; more than donors.
    archived
        How many more there are for the last donor, from index ``members`` on.
    """
    taken: list[jax.Array] = [targets]  # ascending
    donors = []
    for draw, drawn in enumerate(uniform):
        # Index among those that are left, then a step over each one that is taken.
        last = draw == len(uniform) - 1
        index = noise.below(drawn, members - len(taken) + (archived if last else 0))
        for other in taken:
            index += index >= other
        donors.append(index)
        upwards = []
        for other in taken:
            upwards.append(jnp.minimum(other, index))
            index = jnp.maximum(other, index)
        taken = [*upwards, index]
    return donors


@strategy
class DifferentialEvolution:
    """Each member tries a step made of the difference of two others, and keeps it if it is better.

    The first trials are the first population; losses of members are kept, not evaluated again.

    Parameters
    ----------
    differential_weight
        The paper's F, the factor of the difference. With ``current-to-pbest/1/bin`` what the
        learning begins with (SHADE: 0.5); with the others it stays (Storn and Price: 0.5).
    crossover_rate
        The paper's CR, the share of parameters taken from the mutant; learnt (SHADE begins with
        0.5) or fixed in the same way (Storn and Price: 0.9 or 1 for fast progress and 0.1 for
        separable problems).
    variant
        What the difference is added to: ``rand/1/bin`` a random member, ``best/1/bin`` the best,
        ``current-to-best/1/bin`` the member itself after a step of F towards the best, and
        ``current-to-pbest/1/bin`` after one towards any of the best, with F and CR learnt from
        what succeeded and one end of the difference also among members of before.
    dither
        Half width of the interval around F from which each trial draws its own, where F is not
        learnt (SciPy: 0.25 around 0.75).
    best_share
        The papers' p, the share of the members that are ``pbest`` (L-SHADE: 0.11); two at least.
    spread
        Standard deviation of the first population around the initial parameters, relative to
        the scale of each array at the start.
    members
        The papers' NP, if there are more members than trials in a generation: then these are for
        as many of them, drawn anew each time. It is rounded up to generations.
    shrink_over
        Evaluations over which the number of members falls linearly to ``population``, best given
        as the budget (L-SHADE); 0 leaves it.
    population
        Trials in a generation. Without ``members`` also the papers' NP: Storn and Price suggest 5
        to 10 times the number of parameters for fixed F and CR, which no network affords;
        ``for_dimension`` gives what was measured for learnt ones.
    """

    differential_weight: float = hyperparameter(0.5, above=0.0, at_most=2.0)
    crossover_rate: float = hyperparameter(0.5, at_least=0.0, at_most=1.0)
    variant: str = hyperparameter(_ADAPTED, choices=tuple(_DONORS))
    dither: float = hyperparameter(0.0, at_least=0.0, at_most=1.0)
    best_share: float = hyperparameter(0.11, above=0.0, at_most=1.0)
    spread: float = hyperparameter(1.0, above=0.0)
    members: int | str = hyperparameter("population", at_least=4, words=("population",))
    shrink_over: int = hyperparameter(0, at_least=0)
    population: int = hyperparameter(32, at_least=4)

    name: ClassVar[str] = "differential_evolution"
    samples_around_center: ClassVar[bool] = False

    @classmethod
    def for_dimension(
        cls, dimension: int, *, evaluations: int | None = None, **hyperparameters: Any
    ) -> DifferentialEvolution:
        """The strategy with a population for so many parameters, as was measured.

        With the budget in ``evaluations``, 10 d members that become 8 over it (the paper: 18 d that
        become 4): few where a minimum is close, many to find it. Without, 24 + 2 d.
        """
        if evaluations is None:
            return cls(**{"population": 24 + 2 * dimension, **hyperparameters})
        shrinking = {"members": max(24, 10 * dimension), "population": _TRIALS}
        return cls(**{**shrinking, "shrink_over": evaluations, **hyperparameters})

    @property
    def capacity(self) -> int:
        """Members at the start: whole generations of trials."""
        members = self.population if isinstance(self.members, str) else self.members
        return self.population * max(1, math.ceil(members / self.population))

    @property
    def _learns(self) -> bool:
        return self.variant == _ADAPTED

    def init(self, key: jax.Array, params: Params) -> State:
        """A population around ``params``, not evaluated yet."""
        members = initial.around(key, params, self.capacity, self.spread)
        return State(
            members=members,
            losses=jnp.broadcast_to(no_loss(), self.capacity),
            told=jnp.uint32(0),
            archive=jnp.zeros_like(members) if self._learns else members[:0],
            archived=jnp.int32(0),
            history=success_history.begun(
                _SLOTS if self._learns else 1, self.differential_weight, self.crossover_rate
            ),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def active(self, state: State) -> jax.Array | int:
        """How many members there still are; equation 10 of L-SHADE."""
        if not self.shrink_over:
            return self.capacity
        gone = jnp.minimum(state.told.astype(jnp.float32) / self.shrink_over, 1.0)
        left = jnp.round(self.capacity + (self.population - self.capacity) * gone)
        return left.astype(jnp.int32)

    def ask(self, key: jax.Array, state: State) -> Candidate:
        """Trial vectors, shape (population, dimension), for as many members."""
        size, active = state.structure.size, self.active(state)
        drawn = jax.vmap(noise.uniform, in_axes=(0, None))(
            noise.seeds(key, jnp.arange(self.population)), size + 7
        )
        crossed, single = drawn[:, :size], drawn[:, size:].T
        target = self._targets(key, state, active)
        if self._learns:
            slot = noise.below(single[0], _SLOTS)
            weight = success_history.weight_around(state.history.weights[slot], single[1])
            rate = success_history.rate_around(state.history.rates[slot], single[2])
        else:
            weight = self.differential_weight + self.dither * (2 * single[1] - 1)
            rate = jnp.broadcast_to(jnp.float32(self.crossover_rate), self.population)
        # On a plateau every trial is taken, and the population grows by a share in each generation.
        mutants = limits.in_range(self._mutants(single[3:6], state, target, active, weight))
        # Equation 4: each parameter from the mutant with probability CR, and one of them surely.
        forced = noise.below(single[6], size)
        taken = (crossed < rate[:, None]) | (jnp.arange(size) == forced[:, None])
        own = state.members[target]
        vectors = jnp.where(taken & self._begun(state), mutants, own)
        return Candidate(vectors, target, weight, rate)

    def _begun(self, state: State) -> jax.Array:
        """Whether all of the first population has been evaluated."""
        return state.told >= self.capacity

    def _targets(self, key: jax.Array, state: State, active: jax.Array | int) -> jax.Array:
        """The members that trials are for, different ones, (population,), int32."""
        if self.capacity == self.population:
            return jnp.arange(self.population, dtype=jnp.int32)
        places = jnp.arange(self.capacity, dtype=jnp.int32)
        lots = noise.uniform(noise.seed(key, self.population), self.capacity)
        lots = jnp.where(places < active, lots, 2.0)
        in_turn = (state.told.astype(jnp.int32) + jnp.arange(self.population)) % self.capacity
        drawn = jnp.argsort(lots).astype(jnp.int32)[: self.population]
        return jnp.where(self._begun(state), drawn, in_turn)

    def _mutants(
        self,
        uniform: jax.Array,
        state: State,
        target: jax.Array,
        active: jax.Array | int,
        weight: jax.Array,
    ) -> jax.Array:
        members, weight = state.members, weight[:, None].astype(state.members.dtype)
        own = members[target]
        count = _DONORS[self.variant]
        if self._learns:
            first, second = distinct_donors(uniform[:2], target, active, state.archived)
            archived = jnp.clip(second - active, 0, self.capacity - 1)
            others = jnp.where(
                (second < active)[:, None],
                members[jnp.minimum(second, self.capacity - 1)],
                state.archive[archived],
            )
            best = members[noise.below(uniform[2], self._top(active))]
            return own + weight * (best - own + members[first] - others)
        chosen = [members[donor] for donor in distinct_donors(uniform[:count], target, active)]
        difference = weight * (chosen[-2] - chosen[-1])
        if self.variant == "rand/1/bin":  # equation 2
            return chosen[0] + difference
        if self.variant == "best/1/bin":
            return members[0] + difference
        return own + weight * (members[0] - own) + difference

    def _top(self, active: jax.Array | int) -> jax.Array:
        """How many members are ``pbest``."""
        share = jnp.round(self.best_share * jnp.asarray(active, jnp.float32))
        return jnp.maximum(2, share.astype(jnp.int32))

    def decode(self, state: State, candidate: Candidate) -> Params:
        """The parameters of a trial vector."""
        return state.structure.unravel(candidate.vector)

    def tell(self, key: jax.Array, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """Each member is replaced by its trial vector unless that is worse."""
        before = state.losses[candidates.member]
        # An equal loss is taken, or the population would stand still on a plateau.
        taken = (losses <= before) & jnp.isfinite(losses)
        place = jnp.where(taken, candidates.member, self.capacity)
        members = state.members.at[place].set(candidates.vector, mode="drop")
        told = jnp.maximum(state.told + jnp.uint32(self.population), state.told)
        kept = state.losses.at[place].set(losses, mode="drop")
        in_order = jnp.where(told >= self.capacity, jnp.argsort(kept), jnp.arange(self.capacity))
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        following = state._replace(
            members=members[in_order],
            losses=kept[in_order],
            told=told,
            best=jnp.where(improved, candidates.vector[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )
        if not self._learns:
            return following
        archive, archived = self._archived(key, state, candidates.member, losses < before)
        history = success_history.learnt(
            state.history, candidates.weight, candidates.rate, before, losses
        )
        return following._replace(archive=archive, archived=archived, history=history)

    def _archived(
        self, key: jax.Array, state: State, member: jax.Array, replaced: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The archive with members that were replaced by better ones, and how many it has."""
        most = jnp.asarray(self.active(state), jnp.int32)
        held = jnp.minimum(state.archived, most)
        replaced &= jnp.isfinite(state.losses[member])
        # Where there is no room, they take the place of a run of others that begins anywhere.
        anywhere = noise.below(noise.uniform(noise.seed(key), 1)[0], most)
        number = jnp.cumsum(replaced, dtype=jnp.int32) - 1
        place = (jnp.where(held < most, held, anywhere) + number) % most
        archive = state.archive.at[jnp.where(replaced, place, self.capacity)].set(
            state.members[member], mode="drop"
        )
        added = jnp.sum(replaced, dtype=jnp.int32)
        return archive, jnp.minimum(held + added, most)

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)
