"""Every algorithm of evosax by name, through the contract: ``evosax:DiffusionEvolution``.

Lange, "evosax: JAX-based Evolution Strategies" (2022). It needs the extra ``evosax``.

What evosax calls a standard deviation of 1 is ``sigma`` here: its algorithms search in coordinates
that begin at zero and are measured in sigma, relative to each leaf. So one hyperparameter fits them
all to networks, whatever numbers of its own an algorithm has.

Asking changes the state in evosax (the velocities of a swarm, the step sizes of a genetic
algorithm), but not in the contract. So ``init`` and ``tell`` ask evosax for the next population,
and ``ask`` hands it out.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.errors import InputError, unknown_name
from gradless._core.floats import loss_dtype, no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import Strategy, hyperparameter, strategy
from gradless.strategies.parts import mirrored

PREFIX = "evosax:"


class State(NamedTuple):
    """The state of evosax, and the population that it asks to evaluate next."""

    inner: Any
    population: jax.Array  # in units of sigma, (population, dimension)
    begun: jax.Array  # whether evosax has seen a loss
    worst: jax.Array  # highest finite loss so far
    best: jax.Array  # candidate so far, in units of sigma, (dimension,)
    best_loss: jax.Array
    start: jax.Array  # where the units of sigma begin, (dimension,)
    scales: jax.Array  # a unit of sigma of each parameter, (dimension,)
    structure: Structure


class _Evosax:
    """What all algorithms have in common; :func:`find` adds the fields."""

    name: ClassVar[str]
    goes_by_differences: ClassVar[bool] = True  # some do: nothing is known of which
    samples_around_center: ClassVar[bool]
    _constructed_with: ClassVar[tuple[str, ...]]  # the other hyperparameters belong to `Params`
    population: int
    sigma: float
    relative: bool

    def _evosax(self, size: int) -> tuple[Any, Any]:
        """The evosax object and its hyperparameters.

        The object is always the same one, since evosax compiles for each object anew.
        """
        names = ("population", *self._constructed_with)
        given = tuple((name, getattr(self, name)) for name in names)
        algorithm, defaults = _made(self.name.removeprefix(PREFIX), size, given, loss_dtype())
        own = {field.name for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        own -= {*names, "sigma", "relative"}
        return algorithm, defaults.replace(**{name: getattr(self, name) for name in own})

    def init(self, key: jax.Array, params: Params) -> State:
        """State of which the first population is around ``params``."""
        structure = Structure.of(params)
        scales = mirrored.spread(mirrored.leaf_scales(params), structure)
        zeros = jnp.zeros(structure.size)
        init_key, ask_key = (jax.random.fold_in(key, use) for use in range(2))
        algorithm, numbers = self._evosax(structure.size)
        if self.samples_around_center:
            inner = _arrays(algorithm.init(init_key, zeros, numbers))
            population, asked = algorithm.ask(ask_key, inner, numbers)
            inner = _like(asked, inner)
        else:  # begins with the first losses; until then only the shapes matter
            population = self._first(ask_key, structure.size).astype(zeros.dtype)
            losses = jnp.zeros(self.population)
            inner = algorithm.init(init_key, population, losses, numbers)
        return State(
            inner=_arrays(inner),
            population=population,
            begun=jnp.asarray(False),
            worst=-no_loss(),
            best=zeros,
            best_loss=no_loss(),
            start=tree.ravel(params),
            scales=self.sigma * (scales if self.relative else jnp.ones_like(scales)),
            structure=structure,
        )

    def _first(self, key: jax.Array, size: int) -> jax.Array:
        seeds = noise.seeds(key, jnp.arange(self.population))
        return jax.vmap(noise.normal, in_axes=(0, None))(seeds, size)

    def ask(self, key: jax.Array, state: State) -> jax.Array:
        """The population that evosax asked for, shape (population, dimension)."""
        return state.population

    def decode(self, state: State, candidate: jax.Array) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(state.start + state.scales * candidate)

    def tell(self, key: jax.Array, state: State, candidates: jax.Array, losses: jax.Array) -> State:
        """Tell evosax, and ask it for the next population.

        evosax divides losses by their deviation, which an infinite one makes NaN, so it sees the
        worst finite one instead. Members of a population compare with losses of earlier
        generations, so there it is the worst of all generations: an infinite loss beats nobody. A
        generation without a finite loss tells nothing, and another one is drawn.
        """
        finite = jnp.isfinite(losses)
        highest = jnp.max(jnp.where(finite, losses, -jnp.inf))
        worst = jnp.maximum(state.worst, highest)
        worst_known = highest if self.samples_around_center else worst
        usable = jnp.where(finite, losses, jnp.where(finite.any(), worst_known, 0.0))
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss

        size = state.structure.size
        algorithm, numbers = self._evosax(size)
        tell_key, ask_key, first_key = (jax.random.fold_in(key, use) for use in range(3))
        told = algorithm.tell(tell_key, candidates, usable, state.inner, numbers)[0]
        if not self.samples_around_center:
            first = algorithm.init(tell_key, candidates, usable, numbers)
            told = tree.where(state.begun, _arrays(told), _arrays(first))
        inner = tree.where(finite.any(), _like(told, state.inner), state.inner)
        population, asked = algorithm.ask(ask_key, inner, numbers)
        begun = state.begun | finite.any()
        if not self.samples_around_center:
            population = jnp.where(begun, population, self._first(first_key, size))
        return state._replace(
            inner=_like(asked, inner),
            population=population.astype(state.population.dtype),
            begun=begun,
            worst=worst,
            best=jnp.where(improved, candidates[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def center(self, state: State) -> Params:
        """The mean of the distribution; of a population, the best candidate so far."""
        if self.samples_around_center:
            return self.decode(state, state.inner.mean)
        return self.decode(state, state.best)


_DOC = """evosax's {name}, {kind}.

    Parameters
    ----------
    population
        Candidates in a generation.
    sigma
        What evosax takes for 1: of most algorithms the first standard deviation, or that of the
        first population. Optimizers count in it as well: those of evosax's gradient estimators
        move by thousandths of it.
    relative
        Measure ``sigma`` in the scale of each leaf at the start (of drawn weights their root mean
        square, of other numbers at least 1), instead of absolutely.
"""


@functools.cache
def find(name: str) -> type[Strategy]:
    """Strategy class of an evosax algorithm.

    Its hyperparameters are ``population``, ``sigma`` and ``relative``, and the algorithm's own that
    are numbers and do not depend on the number of parameters or the population.

    Raises
    ------
    InputError
        If evosax is not installed, or has no algorithm of this name that a population size is
        enough for.
    """
    known = _algorithms()
    if name not in known:
        raise unknown_name("evosax algorithm", name, known)
    missing = _arguments(known[name], inspect.Parameter.empty)
    if missing:
        raise InputError(
            f"{PREFIX}NAME must be an algorithm for which a population size is enough, got "
            f"{name}, which also needs {', '.join(missing)}; choose another one"
        )
    evolves = hasattr(known[name], "get_population")
    constructed = _arguments(known[name], int)
    fields: dict[str, Any] = {
        "population": (int, hyperparameter(64, at_least=1)),
        "sigma": (float, hyperparameter(1.0 if evolves else 0.3, above=0.0)),
        "relative": (bool, True),
    }
    for argument, default in constructed.items():
        fields[argument] = (type(default), default)
    for number, default in _numbers(name).items():
        fields[number] = (type(default), default)
    kind = "a population that evolves" if evolves else "a distribution that is sampled"
    own = "".join(f"    {own}\n        evosax's own.\n" for own in list(fields)[3:])
    namespace = {
        "__module__": __name__,
        "__doc__": _DOC.format(name=name, kind=kind) + own,
        "__annotations__": {field: annotation for field, (annotation, _) in fields.items()},
        "name": PREFIX + name,
        "samples_around_center": not evolves,
        "_constructed_with": tuple(constructed),
        **{field: default for field, (_, default) in fields.items()},
    }
    return strategy(type(name, (_Evosax,), namespace))


def _algorithms() -> dict[str, Any]:
    try:
        return dict(importlib.import_module("evosax.algorithms").algorithms)
    except ImportError:
        raise InputError(
            'strategies named "evosax:..." need evosax, which is not installed. Install it from a '
            'checkout with: pip install ".[evosax]"'
        ) from None


def _arguments(algorithm: Any, kind: Any) -> dict[str, Any]:
    """Arguments of the constructor whose default is of a kind, apart from size and solution."""
    parameters = inspect.signature(algorithm).parameters.values()
    return {
        p.name: p.default
        for p in parameters
        if p.name not in ("population_size", "solution")
        and (p.default is kind or isinstance(p.default, kind))
    }


@functools.cache
def _numbers(name: str) -> dict[str, float]:
    """Hyperparameters of an algorithm that are the same whatever its sizes."""
    few, many = (
        vars(_made(name, size, (("population", population),), loss_dtype())[1])
        for size, population in ((16, 32), (24, 48))
    )
    return {
        key: value
        for key, value in few.items()
        if isinstance(value, int | float)
        and value == many[key]
        and abs(value) < jnp.inf
        and key != "std_init"  # that is sigma
    }


@functools.cache
def _made(name: str, size: int, given: tuple[tuple[str, int], ...], dtype: Any) -> tuple[Any, Any]:
    """The evosax object and its default hyperparameters, in the mode with this type of numbers."""
    del dtype
    arguments = {("population_size" if k == "population" else k): v for k, v in given}
    try:
        with jax.ensure_compile_time_eval():  # it is kept, so no trace may get into it
            algorithm = _algorithms()[name](solution=jnp.zeros(size), **arguments)
            return algorithm, algorithm.default_params
    except (AssertionError, ValueError, TypeError, ZeroDivisionError) as error:
        numbers = ", ".join(f"{key}={value}" for key, value in given)
        raise InputError(
            f"{PREFIX}{name} must be given what evosax takes, got {numbers} for {size} "
            f"parameters: {error or type(error).__name__}"
        ) from None


def _arrays(inner: Any) -> Any:
    """The state as arrays with types that do not change, as a compiled loop needs it."""

    # A type that is given is not a weak one.
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf)), inner)


def _like(inner: Any, before: Any) -> Any:
    """The state with the types that it had before: evosax does not keep them in 64-bit mode."""
    return jax.tree.map(lambda leaf, old: jnp.asarray(leaf, old.dtype), inner, before)
