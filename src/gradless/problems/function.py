"""How does any JAX function of a pytree become a problem that evaluation and training know?"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import cost
from gradless._core.cost import Cost
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless._core.noise import fold_in
from gradless._core.programs import compiled
from gradless._core.tree import Params, Structure, as_pytree
from gradless.data.minibatch import batches_to_judge, minibatch_indices
from gradless.problems import constraints as constraint
from gradless.problems.contract import Layout, Score, checked_measures, loss_and_measures
from gradless.problems.domain import Domain
from gradless.problems.space import Space
from gradless.problems.whole import Whole, is_number

LossFunction = Callable[..., Any]
"""``loss_fn(params)`` or ``loss_fn(params, batch)``: a loss, or a loss and a dict of measures."""


@as_pytree(
    traced=["data", "fixed", "domain"],
    static=["structure", "batch_size", "cost", "measures", "own_batches", "micro_batch", "whole"],
    functions=["loss_fn", "constraints"],
)
@dataclass(frozen=True)
class FunctionProblem:
    """A function to minimise.

    The function is static, so what was compiled serves every search of the same function object;
    the data are traced.
    """

    loss_fn: LossFunction
    structure: Structure
    data: Any  # pytree with the samples on axis 0, or None
    batch_size: int | None
    cost: Cost
    measures: tuple[str, ...] = ()
    """Names of what the function returns besides the loss."""
    own_batches: bool = False
    """Whether each candidate, or pair of opposite ones, sees a minibatch of its own."""
    micro_batch: int | None = None
    """Samples that the function gets at once, if it gets a batch in pieces."""
    fixed: tuple[Any, ...] = ()
    """Arrays that the function gets and that are not searched."""
    whole: Whole | None = None
    """How they go with what is searched; None if all is."""
    domain: Domain | None = None
    """What values may be; None if they may be anything."""
    constraints: constraint.Functions = ()
    """Functions of the parameters that are to be at most 0."""

    @classmethod
    def of(
        cls,
        loss_fn: LossFunction,
        params: Params,
        data: Any = None,
        batch_size: int | None = None,
        own_batches: bool = False,
        fixed: Sequence[bool] | None = None,
        micro_batch: int | None = None,
        bounds: Any = None,
        integers: Any = None,
        constraints: Any = None,
    ) -> FunctionProblem:
        """Problem of minimising ``loss_fn`` over pytrees like ``params``.

        ``fixed`` says of each leaf whether it stays as it is, ``bounds`` and ``integers`` what the
        others may be (:class:`.space.Space`). What is searched are then coordinates of a
        :class:`.domain.Domain`. With ``constraints`` losses are those of
        :func:`.constraints.ranked`.

        Raises
        ------
        InputError
            For whatever cannot be minimised. The function is traced for that, not evaluated.
        """
        use_all_cores()
        check_function(loss_fn, data is not None)
        whole, domain, structure = Space.of(params, fixed, bounds, integers)
        rest: dict[str, Any] = {"domain": domain}
        if not whole.is_searched:
            rest |= {"fixed": whole.fixed(params), "whole": whole}
        n_samples = None if data is None else n_samples_of(data)
        check_batch_size(batch_size, n_samples)
        arrays = jax.tree.map(jnp.asarray, data)
        if own_batches and batch_size is None:
            raise InputError(
                "own_batches must be given with batch_size, the samples that each candidate sees. "
                "For example: batch_size=16"
            )
        check_micro_batch(micro_batch, batch_size or n_samples)
        batch_size = None if batch_size == n_samples else batch_size
        rest["micro_batch"] = micro_batch
        untold = cls(loss_fn, structure, arrays, batch_size, Cost(0.0, 0), **rest)
        jaxpr, names = _traced(untold)
        if kept := constraint.functions_of(constraints):
            constraint.check_measures(names)
            untold = dataclasses.replace(untold, constraints=kept)
            jaxpr = _with_constraints(untold)
            names = checked_measures((*names, constraint.VIOLATION))
        own = own_batches and batch_size is not None
        told = cost.of_jaxpr(jaxpr)._replace(parameters=structure.size)
        return dataclasses.replace(untold, cost=told, measures=names, own_batches=own)

    def searched(self, model: Params) -> Params:
        """What of a model is searched, as coordinates where there are bounds."""
        model = model if self.whole is None else self.whole.searched(model)
        return model if self.domain is None else self.domain.coordinates(model)

    def joined(self, params: Params) -> Params:
        """The model with what was searched."""
        params = params if self.domain is None else self.domain.values(params)
        return params if self.whole is None else self.whole.joined(params, self.fixed)

    @property
    def n_samples(self) -> int:
        """Number of samples in the data, 0 without data."""
        leaves = jax.tree.leaves(self.data)
        return int(leaves[0].shape[0]) if leaves else 0

    @property
    def uses_minibatches(self) -> bool:
        """Whether each generation sees its own batch."""
        return self.batch_size is not None

    def laid_out(self, layout: Layout) -> FunctionProblem:
        """Itself: how the function computes is its own affair."""
        return self

    def batch(self, key: jax.Array) -> Any:
        """All the data (None without any), or the minibatch that belongs to the key.

        Of ``own_batches``, the key, from which :meth:`batch_of` draws each.
        """
        if self.batch_size is None:
            return self.data
        if self.own_batches:
            return key
        return self.samples(minibatch_indices(key, self.n_samples, self.batch_size))

    def batch_of(self, batch: jax.Array, number: jax.Array) -> Any:
        """The minibatch of a candidate or pair: of the generation's key and its number."""
        assert self.batch_size is not None
        key = fold_in(batch, number)
        return self.samples(minibatch_indices(key, self.n_samples, self.batch_size))

    def samples(self, chosen: jax.Array) -> Any:
        """The data of the samples with these numbers, shape (samples,)."""
        return jax.tree.map(lambda x: x[chosen], self.data)

    def returned(self, params: Params, batch: Any) -> Any:
        """What the function returns for a candidate."""
        params = self.joined(params)
        result = self._of_function(params, batch)
        if not self.constraints:
            return result
        loss, measures = loss_and_measures(result)
        violated = self.violation(params)
        known = {name: jnp.where(violated <= 0, of, jnp.nan) for name, of in measures.items()}
        return constraint.ranked(loss, violated, jnp), {**known, constraint.VIOLATION: violated}

    def violation(self, params: Params) -> jax.Array:
        """By how much parameters, joined, violate the constraints."""
        returned = [each(params) for each in self.constraints]
        violated: jax.Array = constraint.violation(returned, jnp)
        return violated

    def _of_function(self, params: Params, batch: Any) -> Any:
        if self.data is None:
            return self.loss_fn(params)
        if self.micro_batch is None:
            return self.loss_fn(params, batch)
        pieces = jax.tree.map(lambda x: x.reshape(-1, self.micro_batch, *x.shape[1:]), batch)
        results = jax.lax.map(lambda piece: self.loss_fn(params, piece), pieces)
        return jax.tree.map(lambda x: jnp.mean(x, axis=0), results)

    def score(self, params: Params, batch: Any) -> Score:
        """Loss and measures of one candidate on a batch; the loss is of the type of losses."""
        loss, measures = loss_and_measures(self.returned(params, batch))
        return Score(
            jnp.asarray(loss).astype(loss_dtype()),
            {name: jnp.asarray(value).astype(jnp.float32) for name, value in measures.items()},
        )

    def score_all(self, params: Params) -> Score:
        """Loss and measures on all the data, or with minibatches means over at most 64 of them.

        These have no sample in common and are the same whatever the seed.
        """
        batches = None
        if self.batch_size is not None:
            batches = batches_to_judge(self.n_samples, self.batch_size)
        return _mean_score(self, params, batches)


@compiled()
def _mean_score(problem: FunctionProblem, params: Params, batches: jax.Array | None) -> Score:
    if batches is None:
        return problem.score(params, problem.data)
    scores = jax.lax.map(lambda chosen: problem.score(params, problem.samples(chosen)), batches)
    mean: Score = jax.tree.map(jnp.mean, scores)
    return mean


# --- What is given --------------------------------------------------------------------------------


def check_function(loss_fn: Any, with_data: bool) -> None:
    """Refuse what cannot be called with parameters, or with parameters and a batch."""
    if not callable(loss_fn):
        raise InputError(
            f"loss_fn must be a function, got {loss_fn!r}. For example: lambda params: "
            "jnp.sum(params**2)"
        )
    try:
        hash(loss_fn)
    except TypeError:
        raise InputError(
            "loss_fn must be a function that can be hashed, got one of type "
            f"{type(loss_fn).__name__}; give one that calls it"
        ) from None
    try:
        signature = inspect.signature(loss_fn)
    except ValueError:  # built in, and says nothing of its arguments
        return
    try:
        signature.bind(*["params", "batch"][: 1 + with_data])
    except TypeError:
        expected = "loss_fn(params, batch)" if with_data else "loss_fn(params)"
        other = "leave out data" if with_data else "give data= for a batch"
        raise InputError(
            f"loss_fn must be {expected} {'with' if with_data else 'without'} data, got "
            f"loss_fn{signature}; {other}, or change the function"
        ) from None


def n_samples_of(data: Any) -> int:
    """Number of samples in a pytree of arrays."""
    lengths = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(data)[0]:
        name = f"data{jax.tree_util.keystr(path)}"
        if not is_number(leaf) or np.ndim(leaf) == 0:
            what = "one number" if is_number(leaf) else "no numbers"
            raise InputError(
                f"{name} must be arrays of numbers with the samples on axis 0, got {what}; make "
                "one with numpy.asarray"
            )
        lengths[name] = int(np.shape(leaf)[0])
    if not any(lengths.values()):
        raise InputError(
            "data must hold at least one sample, got none; leave data out to search without"
        )
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{length} in {name}" for name, length in lengths.items())
        raise InputError(f"data must have as many samples on axis 0 in each array, got {given}")
    return next(iter(lengths.values()))


def check_batch_size(batch_size: Any, n_samples: int | None) -> None:
    """Refuse a size that no batch of the data has."""
    if batch_size is None:
        return
    if n_samples is None:
        raise InputError(
            "batch_size must be given with data, arrays of which loss_fn(params, batch) gets a "
            f"part, got batch_size={batch_size!r} alone"
        )
    whole = isinstance(batch_size, int | np.integer) and not isinstance(batch_size, bool)
    if not whole or not 1 <= batch_size <= n_samples:
        raise InputError(
            f"batch_size must be a whole number from 1 to the number of samples, {n_samples}, "
            f"got {batch_size!r}"
        )


def check_micro_batch(micro_batch: Any, samples: int | None) -> None:
    """Refuse a size that does not cut what the function gets into equal pieces."""
    if micro_batch is None:
        return
    if samples is None:
        raise InputError(
            "micro_batch must be given with data, of which loss_fn(params, batch) gets a piece, "
            f"got micro_batch={micro_batch!r} alone"
        )
    whole = isinstance(micro_batch, int | np.integer) and not isinstance(micro_batch, bool)
    if not whole or micro_batch < 1 or samples % micro_batch:
        most = min(samples, micro_batch) if whole and micro_batch > 0 else samples
        near = next(size for size in range(int(most), 0, -1) if samples % size == 0)
        raise InputError(
            f"micro_batch must divide the {samples:,} samples that a candidate sees, got "
            f"{micro_batch!r}. For example: micro_batch={near}"
        )


# --- What the function does -----------------------------------------------------------------------

_NOT_TRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


_STATEFUL = ("UnexpectedTracerError", "TraceContextError")
"""Names of what JAX and Flax raise where a function has kept values of a trace."""

_NO_ARRAY = re.compile(r"returned a value of type <class '([^']+)'>")
"""What JAX says of a function that returns no number."""


def _traced(problem: FunctionProblem) -> tuple[Any, tuple[str, ...]]:
    """The function's jaxpr and the names of its measures.

    Refused is a function that is not JAX's, or whose loss or measures are not one number each.
    """
    vector = jax.ShapeDtypeStruct((problem.structure.size,), jnp.float32)
    params = jax.eval_shape(problem.structure.unravel, vector)
    batch = jax.eval_shape(problem.batch, jax.random.key(0))
    try:
        closed, result = jax.make_jaxpr(problem.returned, return_shape=True)(params, batch)
        # Again, by a function that JAX has not seen: what it has kept is then a constant.
        again = jax.make_jaxpr(lambda *given: problem.returned(*given))(params, batch)
    except _NOT_TRACEABLE as error:
        raise InputError(
            "loss_fn must be made of JAX operations, got one that needs the values of its "
            f"arguments ({str(error).splitlines()[0]}). Give compiled=False for Python code or a "
            "simulator"
        ) from error
    except Exception as error:
        if returned := _NO_ARRAY.search(str(error)):
            raise InputError(f"loss_fn must return one number, got {returned[1]}") from error
        if type(error).__name__ not in _STATEFUL:
            raise
        raise _keeps_something(str(error).strip().splitlines()[0]) from error
    kept = [str(each.aval) for each in again.consts if isinstance(each, jax.core.Tracer)]
    if kept:
        raise _keeps_something(f"{kept[0]} of an earlier call")
    loss, measures = loss_and_measures(result)
    _check_number("loss_fn must return", loss, RETURN_THE_LOSS)
    for name, value in measures.items():
        _check_number(f"loss_fn must return as its measure {name!r}", value, "return its mean")
    return closed.jaxpr, checked_measures(measures)


def _with_constraints(problem: FunctionProblem) -> Any:
    """The jaxpr of the function and of constraints, which are refused unless they are JAX's."""
    vector = jax.ShapeDtypeStruct((problem.structure.size,), jnp.float32)
    params = jax.eval_shape(problem.structure.unravel, vector)
    for each in problem.constraints:
        try:
            shape = jax.eval_shape(lambda x, each=each: each(problem.joined(x)), params)
        except _NOT_TRACEABLE as error:
            raise InputError(
                "constraints must be made of JAX operations, as loss_fn, got one that needs the "
                f"values of its arguments ({str(error).splitlines()[0]}). Give compiled=False for "
                "functions in Python"
            ) from error
        except TypeError as error:
            if what := _NO_ARRAY.search(str(error)):
                raise constraint.unfit(what[1]) from error
            raise
        constraint.check_returned(shape)
    batch = jax.eval_shape(problem.batch, jax.random.key(0))
    return jax.make_jaxpr(problem.returned)(params, batch).jaxpr


def _keeps_something(what: str) -> InputError:
    return InputError(
        "loss_fn must not change what it finds outside of it, as layers do that count or keep "
        f"statistics, got one that does ({what}). Put the state into what it gets, or the module "
        "into inference, with model.eval() in Flax NNX"
    )


RETURN_THE_LOSS = "return the loss only, or the loss and a dict of measures"


def _check_number(returned: str, result: Any, otherwise: str) -> None:
    if not isinstance(result, jax.ShapeDtypeStruct):
        raise InputError(f"{returned} one number, got {type(result).__name__}; {otherwise}")
    if result.shape != ():
        raise InputError(
            f"{returned} one number, of shape (), got an array of shape {result.shape}; "
            "use for example jnp.mean"
        )
    if jnp.issubdtype(result.dtype, jnp.complexfloating):
        raise InputError(f"{returned} a real number, got {result.dtype}; use for example jnp.abs")
