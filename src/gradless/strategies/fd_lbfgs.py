"""Finite differences along every coordinate, curvature from how they change, and a long step.

Berahas, Byrd and Nocedal, "Derivative-Free Optimization of Noisy Functions via Quasi-Newton
Methods", SIAM Journal on Optimization 29 (2019): L-BFGS on a gradient made of differences of
losses (``parts.lbfgs``); the central difference is equation 8.7 of Nocedal and Wright, "Numerical
Optimization" (2006).

One generation is one iteration, where the population is large enough: steps of several lengths
along the direction, and both neighbours along every coordinate of the point that the full step
leads to. Nineteen of twenty full steps are taken, and then the slopes there are known already;
otherwise the neighbours of where it went are asked for in the next generation. A smaller
population feels some coordinates in each of several generations. The line search is inexact on
purpose: of all steps that gain at least half as much as the best one, it takes the one nearest to
1. Exact line searches end in the kinks that activations such as ReLU leave in a loss, where no
descent direction is found any more (Lewis and Overton, "Nonsmooth Optimization via Quasi-Newton
Methods", 2013, section 1).

Where nothing improves any more, chance decides whether it is kicked away from the best so far, as
in basin hopping (Wales and Doye, 1997), or begins at new parameters like the initial ones.

Nothing depends on the unit of the loss: slopes are divided by a power of two as large as the loss,
the first step along them has a length of its own, and a step is judged by what its slope promised
(Armijo, 1966; Nocedal and Wright, equation 3.4). A constant added to the loss matters as far as it
rounds differences away.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import Neighbours, hyperparameter, strategy
from gradless.strategies.parts import lbfgs, limits, mirrored
from gradless.strategies.parts.recombination import refuse_large_memory

_STEPS = (-12.0, 4.0)  # powers of two between which the lengths of a line search lie
_PROMISED = 1e-4  # share of the decrease that the slope promises, at least, for an improvement
_ROUNDINGS = 4  # of the loss, within which a decrease is none
_SHARE_OF_BEST = 0.5  # of the best decrease of a line search, for a step that is as good
_CURVATURE = 1e-2  # cosine between step and change of gradient, at least
_KICKS = (-4.0, 1.0)  # powers of two between which a kick's strength lies
_FINEST = 1 / 3  # the finer of the two difference steps, as a share of the first
_ORDINARY = 33  # candidates of a large population: the iterate and steps along the direction
_LARGE = 3 * _ORDINARY  # a population that searches and feels at once


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
    searches: jax.Array  # whether there is a direction to search along, boolean
    first: jax.Array  # coordinate whose slope is asked for next, int32
    precision: jax.Array  # difference step as a share of the first one: 1 or finer
    memory: lbfgs.Memory
    scales: jax.Array  # typical size of the parameters of each leaf, (leaves,)
    first_sizes: jax.Array  # of new parameters, zero for biases, (leaves,)
    units: jax.Array  # powers of two in which each leaf is searched, at least 1, (leaves,)
    structure: Structure


@strategy
class FDLBFGS:
    """Quasi-Newton descent on slopes felt along every coordinate; fast for small networks.

    An iteration costs two evaluations for each parameter and some for the line search.
    The loss must not change from generation to generation, so it is not for minibatches, and it
    must not be flat almost everywhere, as the share of wrong answers is.

    Parameters
    ----------
    population
        Candidates in a generation; ``for_dimension`` makes them a whole iteration, which is also
        the fastest: neighbours that are asked for together share what they have in common.
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
    goes_by_differences: ClassVar[bool] = True
    samples_around_center: ClassVar[bool] = False
    begins_elsewhere: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> FDLBFGS:
        """The strategy with a population that is one iteration."""
        population = max(16, 2 * dimension)
        if 2 * dimension + _ORDINARY >= _LARGE:
            population = 2 * dimension + _ORDINARY
        return cls(**{"population": population, **hyperparameters})

    def evaluations_of_iteration(self, dimension: int) -> int:
        """Evaluations that the slopes of so many parameters and a line search take."""
        return 2 * dimension + self._ordinary

    @property
    def _ordinary(self) -> int:
        """Candidates in front: the iterate and, in a line search, steps along the direction."""
        return _ORDINARY if self.population >= _LARGE else self.population

    @property
    def _behind(self) -> int:
        """Coordinates of which both neighbours are asked for behind those, in any generation."""
        return (self.population - self._ordinary) // 2

    @property
    def _in_front(self) -> int:
        """Coordinates that take the place of steps where there is no direction yet."""
        return self._ordinary // 2

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
            searches=jnp.bool_(False),
            first=jnp.int32(0),
            precision=jnp.float32(1),
            memory=lbfgs.nothing(self.memory, vector),
            scales=scales,
            first_sizes=_sizes(params, scales),
            # Powers of two round nothing. Smaller ones would be finer than a difference may be.
            units=jnp.maximum(1.0, jnp.ldexp(jnp.float32(1), jnp.frexp(scales)[1] - 1)),
            structure=Structure.of(params),
        )

    def _changes(self, state: State) -> jax.Array:
        """Change of each coordinate from which its slope is estimated, (dimension,)."""
        units = mirrored.spread(state.units, state.structure)
        return self.difference * state.precision * units

    def ask(self, key: jax.Array, state: State) -> Probe:
        """The iterate, steps along the direction, and neighbours of the full step.

        Without a direction, neighbours of the iterate. Those past the last coordinate change none.
        """
        ordinary, behind = self._ordinary, self._behind

        def filled(size: int, *parts: jax.Array) -> jax.Array:
            whole = jnp.concatenate([jnp.zeros(0, parts[0].dtype), *parts])
            return jnp.pad(whole, (0, size - whole.size))

        back = state.first + jnp.arange(behind, dtype=jnp.int32)
        front = state.first + behind + jnp.arange(self._in_front, dtype=jnp.int32)
        of_back, of_front = self._changes_of(state, back), self._changes_of(state, front)
        of_front = jnp.where(state.searches, 0.0, of_front)
        steps = 2.0 ** jnp.linspace(*_STEPS, max(ordinary - 2, 0), dtype=jnp.float32)
        lengths = filled(ordinary, jnp.array([0.0, 1.0], jnp.float32), steps)
        rest = self.population - ordinary
        coordinates = filled(ordinary, front, front), filled(rest, back, back)
        in_front = filled(ordinary, of_front, -of_front)
        changes = in_front, filled(rest, of_back, -of_back)
        full = jnp.ones(rest, jnp.float32)
        return Probe(
            jnp.concatenate(coordinates),
            jnp.concatenate(changes),
            jnp.where(state.searches, jnp.concatenate([lengths, full]), 0.0),
        )

    def _changes_of(self, state: State, coordinates: jax.Array) -> jax.Array:
        """Changes of some coordinates that follow one another; of those past the last, 0."""
        changes, size = self._changes(state), state.structure.size
        if len(coordinates) >= size:  # all of them at once
            return jnp.pad(changes, (0, len(coordinates) - size))
        if self._behind >= size:
            return jnp.zeros(coordinates.shape, changes.dtype)
        return jnp.where(coordinates < size, changes.at[coordinates].get(mode="clip"), 0.0)

    def coordinate_neighbours(self, state: State) -> Neighbours | None:
        """Candidates that are neighbours of the full step, or of the iterate."""
        if self._behind < state.structure.size:
            return None
        length = jnp.where(state.searches, jnp.float32(1), 0.0)
        return Neighbours(
            state.structure.unravel(state.iterate + length * state.direction),
            self._changes(state),
            self._ordinary,
            self._ordinary + self._behind,
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
        searched, known = self._searched(key, state, candidates, losses)
        return self._felt(searched, candidates, losses, known)

    def _searched(
        self, key: jax.Array, state: State, candidates: Probe, losses: jax.Array
    ) -> tuple[State, jax.Array]:
        """After a line search: a step, or again with finer slopes or elsewhere.

        Also whether the neighbours that were asked for are those of the iterate.
        """
        losses, lengths = losses[: self._ordinary], candidates.length[: self._ordinary]
        here = losses[0]
        # From a failed iterate, anything finite is a gain.
        reference = jnp.where(jnp.isfinite(here), here, jnp.finfo(losses.dtype).max)
        gains = reference - losses
        best = jnp.argmax(gains)
        most = gains[best]
        rounding = _ROUNDINGS * jnp.finfo(losses.dtype).eps * jnp.abs(reference)
        succeeds = (most > rounding) & (most > _PROMISED * lengths[best] * state.promised)
        enough = gains >= _SHARE_OF_BEST * most
        away = jnp.abs(jnp.log2(jnp.maximum(lengths, 1e-30)))
        taken = lengths[jnp.argmin(jnp.where(enough, away, jnp.inf))]

        # A first failure may be that of what is remembered; a second one, with nothing remembered,
        # that of slopes that are too coarse. A third one is the end of the valley.
        searches = state.searches
        fresh = state.memory.seen <= 1
        finer = searches & ~succeeds & fresh & (state.precision == 1)
        lost = searches & ~succeeds & fresh & (state.precision < 1)
        moves = searches & succeeds
        moved = state.iterate + jnp.where(moves, taken, 0.0) * state.direction
        elsewhere = jax.lax.cond(
            lost, lambda: self._elsewhere(key, state).astype(moved.dtype), lambda: moved
        )
        precision = jnp.where(finer, _FINEST, jnp.where(lost, 1.0, state.precision))
        units = mirrored.spread(state.units, state.structure)
        length = limits.bounded(taken * jnp.linalg.norm(state.direction / units))
        length = jnp.where(moves, length, jnp.where(lost, 1.0, state.length))
        after = state._replace(
            iterate=limits.in_range(elsewhere),
            length=length.astype(jnp.float32),
            searches=jnp.bool_(False),
            precision=precision.astype(jnp.float32),
            memory=state.memory.forgotten_where(searches & ~succeeds),
        )
        return after, ~searches | (succeeds & (taken == 1))

    def _felt(self, state: State, candidates: Probe, losses: jax.Array, known: jax.Array) -> State:
        """Enter the slopes of this generation's coordinates; after the last, turn downhill."""
        begin, pairs, size = self._ordinary, self._behind, state.structure.size
        # What is remembered is in one unit, so another one is taken only with nothing remembered.
        fresh = (state.memory.seen == 0) & (state.first == 0)
        same = state.loss_unit.astype(losses.dtype)
        unit = jax.lax.cond(fresh, lambda: _typical_unit(losses), lambda: same)
        scaled = losses / unit

        def slopes(plus: jax.Array, minus: jax.Array) -> jax.Array:
            # f'(x) = (f(x + h) - f(x - h)) / 2h; where a neighbour failed, nothing is known.
            finite = jnp.isfinite(plus) & jnp.isfinite(minus)
            plus, minus = limits.subtractable(plus), limits.subtractable(minus)
            difference = 2 * self.difference * state.precision
            slopes = limits.squarable(jnp.where(finite, plus - minus, 0.0) / difference)
            return slopes.astype(state.gradient.dtype)

        back = slopes(scaled[begin : begin + pairs], scaled[begin + pairs : begin + 2 * pairs])
        entered = state.first + pairs
        if pairs >= size:
            gradient = jnp.where(known, back[:size], state.gradient)
        else:
            at, front = candidates.coordinate, self._in_front
            # Where there was a search, what is in front are its steps.
            searched = candidates.length[-1 if pairs else 1] > 0
            dropped = jnp.int32(size)
            places = jnp.where(known, at[begin : begin + pairs], dropped)
            gradient = state.gradient.at[places].set(back, mode="drop")
            places = jnp.where(known & ~searched, at[:front], dropped)
            of_front = slopes(scaled[:front], scaled[front : 2 * front])
            gradient = gradient.at[places].set(of_front, mode="drop")
            entered = entered + jnp.where(searched, 0, front)
        first = jnp.where(known, entered, 0)
        state = state._replace(
            gradient=gradient, loss_unit=unit.astype(state.loss_unit.dtype), first=first
        )
        return self._turned(state, known & (first >= size))

    def _turned(self, state: State, complete: jax.Array) -> State:
        """With a complete gradient, the quasi-Newton direction."""
        units = mirrored.spread(state.units, state.structure)
        memory = state.memory.after(state.iterate / units, state.gradient, _CURVATURE, complete)

        def turn() -> tuple[jax.Array, jax.Array, jax.Array]:
            descent = memory.descent(state.gradient)
            # Products of what is remembered of huge losses may be infinite: forget it then.
            usable = jnp.all(jnp.isfinite(descent)) & memory.is_finite
            # With nothing remembered, the slope says where to, and the last step how far.
            norm = jnp.linalg.norm(state.gradient)
            steepest = state.length / jnp.where(norm > 0, norm, 1.0) * state.gradient
            downhill = usable & (memory.seen > 1) & (descent @ state.gradient > 0)
            direction = -limits.squarable(jnp.where(downhill, descent, steepest))
            promised = -(direction @ state.gradient) * state.loss_unit
            return units * direction, promised.astype(state.promised.dtype), ~usable

        direction, promised, forget = jax.lax.cond(
            complete, turn, lambda: (state.direction, state.promised, jnp.bool_(False))
        )
        return state._replace(
            direction=direction,
            promised=promised,
            memory=memory.begun_again_where(forget),
            searches=complete,
            first=jnp.where(complete, 0, state.first),
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
