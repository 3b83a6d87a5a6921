"""How does a network of another package become a model? By what it offers, without importing it.

A module of Flax (Linen or NNX), of Equinox, of PyTorch, or any object with ``init(key)`` and
``apply(params, x)``.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import tree
from gradless._core.errors import InputError
from gradless._core.tree import Params

_SMALL = 1e-3  # a change of weights that outputs without steps follow
_KNOWN = "a module of Flax, Equinox or PyTorch, or an object with init(key) and apply(params, x)"


@dataclass(frozen=True, eq=False)
class OwnModel:
    """A network that is not the shipped one, on samples of ``sizes[0]`` features.

    Attributes
    ----------
    sizes
        Features and outputs.
    first
        Makes its first parameters from a key.
    forward
        Outputs (samples, outputs) from parameters and samples.
    rebuilt
        Makes a module with these parameters, where modules hold theirs; otherwise None.
    """

    sizes: tuple[int, int]
    first: Callable[[jax.Array], Params] = field(repr=False)
    forward: Callable[[Params, jax.Array], jax.Array] = field(repr=False)
    rebuilt: Callable[[Params], Any] = field(repr=False, default=lambda params: None)
    activation: str = "its own"
    weights: str = "float32"

    def init(self, key: jax.Array) -> Params:
        """First parameters."""
        return self.first(key)

    def apply(self, params: Params, x: jax.Array) -> jax.Array:
        """Outputs (samples, outputs)."""
        return self.forward(params, x)

    @functools.cached_property
    def compiled(self) -> Callable[[Params, jax.Array], jax.Array]:
        """:meth:`apply`, compiled once for each shape."""
        return jax.jit(self.forward)

    @property
    def is_piecewise_constant(self) -> bool:
        """Whether outputs seem to go in steps: a small change of all weights changes none."""
        params = self.init(jax.random.key(0))
        vector, structure = tree.ravel(params), tree.Structure.of(params)
        moved = structure.unravel(vector + _SMALL * (jnp.abs(vector) + 1e-2))
        x = jax.random.normal(jax.random.key(1), (64, self.sizes[0]))
        before, after = (np.asarray(self.apply(each, x)) for each in (params, moved))
        return bool(np.mean(before != after) < 0.5)


def own_model(given: Any, features: int, outputs: int) -> OwnModel:
    """A network of another package as a model for so many features and outputs.

    Raises
    ------
    InputError
        If it is none, or does not take such samples, or returns other outputs.
    """
    kinds = {module for cls in type(given).__mro__ for module in [cls.__module__.split(".")[0]]}
    if inspect.isclass(given):
        raise InputError(f"model must be {_KNOWN}, got the class {given.__name__}; make one of it")
    sample = jnp.zeros((1, features), jnp.float32)
    if "torch" in kinds:
        made: tuple[Any, ...] = _of_torch(given, features)
    elif "flax" in kinds and hasattr(given, "init"):
        made = _of_linen(given, sample)
    elif "flax" in kinds:
        made = _of_nnx(given)
    elif hasattr(given, "init") and hasattr(given, "apply"):
        made = given.init, given.apply
    elif callable(given) and jax.tree.leaves(given) != [given]:
        made = _of_pytree(given)
    else:
        raise InputError(f"model must be {_KNOWN}, got {type(given).__name__}")
    model = OwnModel((features, outputs), *made)
    try:
        found = jax.eval_shape(lambda: model.apply(model.init(jax.random.key(0)), sample)).shape
    except (TypeError, ValueError) as error:
        raise InputError(
            f"model must take samples of {features} features, (samples, {features}), and says: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error
    if found != (1, outputs):
        raise InputError(
            f"model must return {outputs} outputs for each sample, (samples, {outputs}), got the "
            f"shape {found} for one sample"
        )
    return model


def _of_torch(given: Any, features: int) -> tuple[Any, ...]:
    import torch  # noqa: PLC0415 - of who gives such a module

    from gradless.problems.pytorch.module import torch_module  # noqa: PLC0415

    module = copy.deepcopy(given)
    net = torch_module(module, example=torch.zeros(1, features))

    def rebuilt(params: Params) -> Any:
        net.load(params)
        return module

    return net.init, net.apply, rebuilt


def _of_linen(given: Any, sample: jax.Array) -> tuple[Any, Any]:
    rest = {
        name: value
        for name, value in given.init(jax.random.key(0), sample).items()
        if name != "params"
    }

    def first(key: jax.Array) -> Params:
        return given.init(key, sample)["params"]

    def forward(params: Params, x: jax.Array) -> jax.Array:
        return given.apply({**rest, "params": params}, x)

    return first, forward


def _of_nnx(given: Any) -> tuple[Any, ...]:
    from flax import nnx  # noqa: PLC0415 - of who gives such a module

    split: Any = nnx.split(given, nnx.Param, ...)
    graph, params, rest = split

    def forward(params: Params, x: jax.Array) -> jax.Array:
        return nnx.merge(graph, params, rest)(x)

    def rebuilt(params: Params) -> Any:
        return nnx.merge(graph, params, rest)

    return lambda key: params, forward, rebuilt


def _of_pytree(given: Any) -> tuple[Any, ...]:
    """A callable pytree of arrays, as modules of Equinox are: for one sample, by their custom."""
    leaves, structure = jax.tree.flatten(given)
    searched = [hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating) for x in leaves]
    params = [leaf for leaf, is_searched in zip(leaves, searched, strict=True) if is_searched]

    def rebuilt(params: Params) -> Any:
        new = iter(params)
        each = zip(leaves, searched, strict=True)
        made = [next(new) if is_searched else leaf for leaf, is_searched in each]
        return jax.tree.unflatten(structure, made)

    def forward(params: Params, x: jax.Array) -> jax.Array:
        return jax.vmap(rebuilt(params))(x)

    return lambda key: params, forward, rebuilt
