"""Finite differences along every coordinate, curvature from how they change, and a long step.

Berahas, Byrd and Nocedal, "Derivative-Free Optimization of Noisy Functions via Quasi-Newton
Methods", SIAM Journal on Optimization 29 (2019): L-BFGS on a gradient made of differences of
losses. The two-loop recursion is optax's, of Nocedal and Wright, "Numerical Optimization" (2006),
algorithm 7.4; the central difference is their equation 8.7.

One iteration takes several generations: first the two neighbours of the iterate along every
coordinate, then one population of steps along the direction that follows from them. The line search
is inexact on purpose: of all steps that gain at least half as much as the best one, it takes the
one nearest to 1. Exact line searches end in the kinks that activations such as ReLU leave in a
loss, where no descent direction is found any more (Lewis and Overton, "Nonsmooth Optimization via
Quasi-Newton Methods", 2013, section 1).

Where nothing improves any more, chance decides whether it is kicked away from the best so far, as
in basin hopping (Wales and Doye, 1997), or begins at new parameters like the initial ones.

Nothing depends on the unit of the loss: slopes are divided by a power of two as large as the loss,
the first step along them has a length of its own, and a step is judged by what its slope promised
(Armijo, 1966; Nocedal and Wright, equation 3.4). A constant added to the loss matters as far as it
rounds differences away.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits, mirrored
from gradless.strategies.parts.recombination import refuse_large_memory

_STEPS = (-12.0, 4.0)  # powers of two between which the lengths of a line search lie
_PROMISED = 1e-4  # share of the decrease that the slope promises, at least, for an improvement
_ROUNDINGS = 4  # of the loss, within which a decrease is none
_SHARE_OF_BEST = 0.5  # of the best decrease of a line search, for a step that is as good
_CURVATURE = 1e-2  # cosine between step and change of gradient, at least
_KICKS = (-4.0, 1.0)  # powers of two between which a kick's strength lies
_FINEST = 1 / 3  # the finer of the two difference steps, as a share of the first


class Probe(NamedTuple):
    """A candidate: the iterate with one coordinate changed, or moved along the direction."""

    coordinate: jax.Array  # int32
    change: jax.Array  # of that coordinate, 0 in a line search
    length: jax.Array  # along the direction, 0 for a neighbour


class State(NamedTuple):
    """The iterate, what is known of the slope around it, and the best so far."""

    iterate: jax.Array  # (dimension,)
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    gradient: jax.Array  # estimated so far, in loss units by units, (dimension,)
    direction: jax.Array  # of the line search, (dimension,)
    promised: jax.Array  # decrease of the loss along the direction, by its slope
    length: jax.Array  # of the last step, in units; that of the first one along a new slope
    loss_unit: jax.Array  # a power of two in which slopes are kept
    phase: jax.Array  # generation within the iteration, uint32
    precision: jax.Array  # difference step as a share of the first one: 1 or finer
    memory: Any  # of L-BFGS
    scales: jax.Array  # typical size of the parameters of each leaf, (leaves,)
    first_sizes: jax.Array  # of new parameters, zero for biases, (leaves,)
    units: jax.Array  # powers of two in which each leaf is searched, at least 1, (leaves,)
    structure: Structure


@strategy
class FDLBFGS:
    """Quasi-Newton descent on slopes felt along every coordinate; fast for small networks.

    An iteration costs two evaluations for each parameter and one population for the line search.
    The loss must not change from generation to generation, so it is not for minibatches, and it
    must not be flat almost everywhere, as the share of wrong answers is.

    Parameters
    ----------
    population
        Candidates in a generation; ``for_dimension`` makes them fill whole generations.
    difference
        Change of a coordinate from which the slope is estimated, times the power of two below the
        scale of its leaf at the start where that is 2 or more. In float32, the cube root of the
        rounding error, 0.005, is about the best for a central difference (Nocedal and Wright,
        section 8.1).
    memory
        Pairs of steps and changes of gradient that the curvature is learnt from.
    kick
        Typical standard deviation of the kick out of a minimum, relative to the scale of each leaf
        at the start. Every kick is between a sixteenth and twice as
        strong, at random: how far the next minimum lies is not known.
    memory_gib
        Refuse a memory of pairs larger than this.
    """

    population: int = hyperparameter(64, at_least=8)
    difference: float = hyperparameter(0.003, above=0.0)
    memory: int = hyperparameter(200, at_least=1)
    kick: float = hyperparameter(0.2, above=0.0)
    memory_gib: int = hyperparameter(4, at_least=1)

    name: ClassVar[str] = "fd_lbfgs"
    samples_around_center: ClassVar[bool] = False
    begins_elsewhere: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> FDLBFGS:
        """The strategy with a population of which a few, without waste, make one gradient."""
        generations = max(1, round(2 * dimension / 128))
        population = max(16, 2 * math.ceil(dimension / generations))
        return cls(**{"population": population, **hyperparameters})

    @property
    def _lbfgs(self) -> optax.GradientTransformation:
        return optax.scale_by_lbfgs(self.memory)

    @property
    def _per_generation(self) -> int:
        """Coordinates whose slope one generation gives."""
        return self.population // 2

    def _generations(self, size: int) -> int:
        """Generations that make one gradient."""
        return -(-size // self._per_generation)

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``, which any candidate with a finite loss improves on."""
        vector = tree.ravel(params)
        refuse_large_memory("FDLBFGS", vector.size, 2 * self.memory, self.memory_gib, vector.dtype)
        scales = mirrored.leaf_scales(params)
        return State(
            iterate=vector,
            best=vector,
            best_loss=no_loss(),
            gradient=jnp.zeros_like(vector),
            direction=jnp.zeros_like(vector),
            promised=jnp.zeros_like(no_loss()),
            length=jnp.float32(1),
            loss_unit=jnp.ones_like(no_loss()),
            phase=jnp.uint32(0),
            precision=jnp.float32(1),
            memory=self._nothing(vector),
            scales=scales,
            first_sizes=_sizes(params, scales),
            # Powers of two round nothing. Smaller ones would be finer than a difference may be.
            units=jnp.maximum(1.0, jnp.ldexp(jnp.float32(1), jnp.frexp(scales)[1] - 1)),
            structure=Structure.of(params),
        )

    def _nothing(self, iterate: jax.Array) -> Any:
        """An empty memory; optax leaves the type of its weights to JAX's mode."""
        memory = self._lbfgs.init(iterate)
        return memory._replace(weights_memory=memory.weights_memory.astype(iterate.dtype))

    def _neighbours(self, state: State) -> Probe:
        """Both neighbours along the coordinates of this phase; those past the last change none."""
        first = state.phase.astype(jnp.int32) * self._per_generation
        coordinate = first + jnp.arange(self._per_generation, dtype=jnp.int32)
        units = mirrored.spread(state.units, state.structure)
        change = self.difference * state.precision * units.at[coordinate].get(mode="clip")
        changes = jnp.where(coordinate < state.structure.size, change, 0.0)
        missing = jnp.zeros(self.population - 2 * self._per_generation, jnp.float32)
        return Probe(
            jnp.concatenate([coordinate, coordinate, missing.astype(jnp.int32)]),
            jnp.concatenate([changes, -changes, missing]),
            jnp.zeros(self.population, jnp.float32),
        )

    def _along(self) -> Probe:
        """The iterate itself, the full step, and shorter and longer ones."""
        lengths = 2.0 ** jnp.linspace(*_STEPS, self.population - 2, dtype=jnp.float32)
        none, first = jnp.zeros(self.population, jnp.float32), jnp.array([0.0, 1.0], jnp.float32)
        return Probe(none.astype(jnp.int32), none, jnp.concatenate([first, lengths]))

    def ask(self, key: jax.Array, state: State) -> Probe:
        """Neighbours of the iterate, or steps along the direction."""
        searches = state.phase == self._generations(state.structure.size)
        return jax.tree.map(
            lambda a, b: jnp.where(searches, a, b), self._along(), self._neighbours(state)
        )

    def decode(self, state: State, candidate: Probe) -> Params:
        """The iterate, moved as the probe says."""
        moved = state.iterate + candidate.length * state.direction
        moved = moved.at[candidate.coordinate].add(candidate.change, mode="drop")
        return state.structure.unravel(moved)

    def tell(self, key: jax.Array, state: State, candidates: Probe, losses: jax.Array) -> State:
        """Fill the gradient, or take a step."""
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        found = tree.ravel(self.decode(state, tree.member(candidates, winner)))
        state = state._replace(
            best=jnp.where(improved, found, state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )
        return jax.lax.cond(
            state.phase == self._generations(state.structure.size),
            lambda: self._step(key, state, candidates, losses),
            lambda: self._feel(state, candidates, losses),
        )

    def _feel(self, state: State, candidates: Probe, losses: jax.Array) -> State:
        """Enter the slopes of this generation's coordinates; after the last, turn downhill."""
        pairs = self._per_generation
        # What is remembered is in one unit, so another one is taken only with nothing remembered.
        fresh = (state.memory.count == 0) & (state.phase == 0)
        unit = jnp.where(fresh, _typical_unit(losses), state.loss_unit)
        scaled = losses / unit
        plus, minus = scaled[:pairs], scaled[pairs : 2 * pairs]
        # f'(x) = (f(x + h) - f(x - h)) / 2h; where a neighbour failed, nothing is known.
        difference = 2 * self.difference * state.precision
        finite = jnp.isfinite(plus) & jnp.isfinite(minus)
        plus, minus = limits.subtractable(plus), limits.subtractable(minus)
        slopes = limits.squarable(jnp.where(finite, plus - minus, 0.0) / difference)
        slopes = slopes.astype(state.gradient.dtype)
        gradient = state.gradient.at[candidates.coordinate[:pairs]].set(slopes, mode="drop")
        state = state._replace(
            gradient=gradient, loss_unit=unit.astype(state.loss_unit.dtype), phase=state.phase + 1
        )
        return jax.lax.cond(
            state.phase == self._generations(state.structure.size),
            self._turn,
            lambda state: state,
            state,
        )

    def _turn(self, state: State) -> State:
        """The quasi-Newton direction of the new gradient."""
        before = state.memory
        units = mirrored.spread(state.units, state.structure)
        iterate = state.iterate / units
        step = iterate - before.params
        change = state.gradient - before.updates
        # Cautious updating (Li and Fukushima, 2001): where the curvature along the step is not
        # clearly positive, enough of the step is added to the change that it is.
        length = jnp.linalg.norm(step)
        least = _CURVATURE * length * jnp.linalg.norm(change)
        lift = jnp.maximum(0.0, least - step @ change) / jnp.maximum(length**2, 1e-30)
        memory = before._replace(updates=before.updates - lift * step)
        descent, memory = self._lbfgs.update(state.gradient, memory, iterate)
        # Products of what is remembered of huge losses may be infinite: forget it then.
        learnt = jnp.concatenate([descent, memory.updates, memory.weights_memory])
        descent, memory = jax.lax.cond(
            jnp.all(jnp.isfinite(learnt)),
            lambda: (descent, memory),
            lambda: self._lbfgs.update(state.gradient, self._nothing(iterate), iterate),
        )
        # With nothing remembered, the slope says where to, and the last step how far.
        norm = jnp.linalg.norm(state.gradient)
        steepest = state.length / jnp.where(norm > 0, norm, 1.0) * state.gradient
        downhill = (memory.count > 1) & (descent @ state.gradient > 0)
        direction = -limits.squarable(jnp.where(downhill, descent, steepest))
        return state._replace(
            direction=units * direction,
            promised=(-(direction @ state.gradient) * state.loss_unit).astype(state.promised.dtype),
            memory=memory,
        )

    def _step(self, key: jax.Array, state: State, candidates: Probe, losses: jax.Array) -> State:
        """Take a step of the line search, or begin again with finer slopes or elsewhere."""
        here = losses[0]
        # From a failed iterate, anything finite is a gain.
        reference = jnp.where(jnp.isfinite(here), here, jnp.finfo(losses.dtype).max)
        gains = reference - losses
        best = jnp.argmax(gains)
        most = gains[best]
        promised = candidates.length[best] * state.promised
        rounding = _ROUNDINGS * jnp.finfo(losses.dtype).eps * jnp.abs(reference)
        succeeds = (most > rounding) & (most > _PROMISED * promised)
        enough = gains >= _SHARE_OF_BEST * most
        away = jnp.abs(jnp.log2(jnp.maximum(candidates.length, 1e-30)))
        taken = candidates.length[jnp.argmin(jnp.where(enough, away, jnp.inf))]

        # A first failure may be that of what is remembered; a second one, with nothing remembered,
        # is that of the slopes, which are felt again more finely; a third one is a minimum.
        fresh = state.memory.count <= 1
        finer = ~succeeds & fresh & (state.precision == 1)
        lost = ~succeeds & fresh & (state.precision < 1)
        moved = state.iterate + jnp.where(succeeds, taken, 0.0) * state.direction
        precision = jnp.where(finer, _FINEST, jnp.where(lost, 1.0, state.precision))
        forgotten = self._nothing(state.iterate)
        units = mirrored.spread(state.units, state.structure)
        length = limits.bounded(taken * jnp.linalg.norm(state.direction / units))
        length = jnp.where(succeeds, length, jnp.where(lost, 1.0, state.length))
        return state._replace(
            iterate=limits.in_range(jnp.where(lost, self._elsewhere(key, state), moved)),
            length=length.astype(jnp.float32),
            phase=jnp.uint32(0),
            precision=precision.astype(jnp.float32),
            memory=jax.tree.map(
                lambda kept, empty: jnp.where(succeeds, kept, empty), state.memory, forgotten
            ),
        )

    def _elsewhere(self, key: jax.Array, state: State) -> jax.Array:
        """Near the best so far, or at new parameters, (dimension,)."""
        drawn = noise.normal(tree.member(noise.seeds(key, jnp.arange(1)), 0), state.structure.size)
        choice_key, strength_key = (jax.random.fold_in(key, use) for use in (1, 2))
        exponent = jax.random.uniform(strength_key, (), jnp.float32, *_KICKS)
        scales = mirrored.spread(state.scales, state.structure)
        near = state.best + self.kick * 2**exponent * scales * drawn
        new = mirrored.spread(state.first_sizes, state.structure) * drawn
        return jnp.where(jax.random.bernoulli(choice_key, jnp.float32(0.5)), near, new)

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)


def _sizes(params: Params, scales: jax.Array) -> jax.Array:
    """Sizes of new parameters, (leaves,).

    With weights that were drawn at random among them, the root mean square of each leaf, which for
    biases is zero. Without any, nothing says how parameters are drawn, and it is the scale.
    """
    squares = [
        jnp.mean(jnp.square(limits.squarable(leaf))) if leaf.size else jnp.float32(0)
        for leaf in jax.tree.leaves(params)
    ]
    drawn = jnp.any(mirrored.drawn_at_random(params))
    return jnp.where(drawn, jnp.sqrt(jnp.stack(squares)), scales)


def _typical_unit(losses: jax.Array) -> jax.Array:
    """The power of two next to the middle one of those that are finite: penalties do not count."""
    sizes = jnp.sort(jnp.where(jnp.isfinite(losses), jnp.abs(losses), jnp.inf))
    middle = sizes[jnp.sum(jnp.isfinite(sizes)) // 2]
    return limits.unit(jnp.where(jnp.isfinite(middle), middle, 0.0))
