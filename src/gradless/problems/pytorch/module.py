"""How does a PyTorch module become parameters and a function of JAX, and get them back?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError, closest
from gradless.problems.pytorch.checking import check_module, checked_axes, parameters_to_search
from gradless.problems.pytorch.exporting import exported
from gradless.problems.pytorch.inputs import Expected, fitting, tensors
from gradless.problems.pytorch.program import Program, dtype_of, translated


class TorchModule:
    """A PyTorch module as parameters and a function of JAX, made by :func:`torch_module`.

    It is also a model in the sense of ``gradless.models``: ``SupervisedProblem.of(dataset, net,
    objective)`` takes it.

    Attributes
    ----------
    module
        The module itself.
    params
        What is searched: float32 arrays by the names of ``module.named_parameters()``, without
        those that need no gradient. Weights that are tied are one array under their first name.
    fixed
        Arrays that stay as they are, by name: buffers, and parameters that need no gradient.
    """

    def __init__(
        self,
        module: Any,
        params: dict[str, jax.Array],
        fixed: dict[str, jax.Array],
        program: Program,
        expected: Sequence[Expected],
        outputs: Any,
    ) -> None:
        """Trace it once, so that what an operation cannot compute is said before any work."""
        self.module, self.params, self.fixed = module, params, fixed
        self._program, self._expected, self._outputs = program, tuple(expected), outputs
        shapes = [jax.ShapeDtypeStruct(each.shape, each.dtype) for each in expected]
        jax.eval_shape(lambda params, given: self._flat(params, given), params, tuple(shapes))

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """The module's own weights, whatever the key: PyTorch has drawn them."""
        del key
        return dict(self.params)

    def apply(self, params: Mapping[str, Any], *inputs: Any) -> Any:
        """What the module's ``forward`` returns, computed by JAX.

        Parameters
        ----------
        params
            Arrays like :attr:`params`.
        *inputs
            Arrays in the places of the example's tensors, with any number of samples.

        Returns
        -------
        Any
            Arrays, in the tuples or dicts in which the module returns tensors.

        Raises
        ------
        InputError
            If names, shapes or kinds of numbers are others.
        """
        self._check_names(params)
        outputs = self._flat(params, fitting(inputs, self._expected))
        return self._outputs.unflatten(list(outputs))

    def load(self, params: Mapping[str, Any]) -> Any:
        """Put trained values into the module, by its ``load_state_dict``.

        Parameters
        ----------
        params
            Arrays like :attr:`params`, for example ``found.best``.

        Returns
        -------
        torch.nn.Module
            The module. Tied weights stay tied, and what was fixed stays as it is.

        Raises
        ------
        InputError
            If names or shapes are others; nothing is changed then.
        """
        import torch  # noqa: PLC0415 - only who has a module needs it

        self._check_names(params)
        for name, own in self.params.items():
            if (shape := np.shape(params[name])) != own.shape:
                raise InputError(f"params[{name!r}] must have the shape {own.shape}, got {shape}")
        values = {
            alias: torch.from_numpy(np.array(params[name], np.float32))
            for alias, name in _first_names(self.module).items()
            if name in self.params
        }
        self.module.load_state_dict(values, strict=False)
        return self.module

    def _flat(self, params: Mapping[str, Any], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._program.run({**self.fixed, **params}, inputs)

    def _check_names(self, params: Any) -> None:
        if not isinstance(params, Mapping):
            kind = type(params).__name__
            raise InputError(f"params must be a dict like net.params, got {kind}")
        for name in params.keys() - self.params.keys():
            meant = closest(str(name), self.params)
            hint = f"; did you mean {meant!r}?" if meant else ""
            raise InputError(f"params must have the names of net.params, got {name!r}{hint}")
        for name in self.params.keys() - params.keys():
            raise InputError(f"params must have all names of net.params, got none for {name!r}")

    def __repr__(self) -> str:
        """The kind of module, and how much of it is searched."""
        count = sum(each.size for each in self.params.values())
        return f"TorchModule({type(self.module).__name__}, {count:,} parameters)"


def torch_module(
    module: Any, example: Any, *, batch_axis: int | Sequence[int | None] = 0
) -> TorchModule:
    """Make parameters and a function of JAX of a PyTorch module.

    The module is exported once, with ``torch.export``, and each of its operations is computed by
    JAX from then on. The module itself is left as it is until :meth:`TorchModule.load`.

    Parameters
    ----------
    module
        A ``torch.nn.Module`` on the CPU whose parameters are float32. Those with
        ``requires_grad=False``, and all buffers, such as the statistics of a BatchNorm, stay as
        they are.
    example
        What ``module(...)`` takes: a tensor, or a tuple of tensors. Only shapes and types count.
    batch_axis
        Axis of the samples, of which there may be any number later; for several inputs one number
        for all, or one for each, None for an input without samples.

    Returns
    -------
    TorchModule
        With ``params``, ``apply(params, *inputs)`` and ``load(params)``.

    Raises
    ------
    InputError
        If PyTorch is not installed; if the module is on another device, has no parameter to search
        or others than float32; if it draws random numbers or changes its state, as dropout and
        BatchNorm do in training mode; if it decides by values, or computes for a fixed number of
        samples; and if it has an operation that is not known, which is named with its place.

    Examples
    --------
    >>> import gradless, numpy, torch  # doctest: +SKIP
    >>> net = gradless.problems.torch_module(torch.nn.Linear(2, 3), torch.zeros(1, 2))
    ... # doctest: +SKIP
    >>> net.apply(net.params, numpy.ones((5, 2))).shape  # doctest: +SKIP
    (5, 3)
    """
    try:
        import torch  # noqa: PLC0415 - nobody else needs it
    except ImportError as error:
        raise InputError(
            'torch_module needs PyTorch. Install it from a checkout with: pip install ".[torch]"'
        ) from error
    inputs = example if isinstance(example, tuple) else (example,)
    check_module(torch, module)
    axes = checked_axes(torch, inputs, batch_axis)
    searched = parameters_to_search(module)
    use_all_cores()
    graph = exported(torch, module, inputs, axes)
    names = _first_names(module)
    program = translated(graph, names)
    tensors_of = {names.get(name, name): x for name, x in _state(graph).items()}
    fixed = {name: _array(tensors_of[name]) for name in program.state if name not in searched}
    expected = [
        Expected(tuple(x.shape), dtype_of(x.dtype), None if axis is None else axis % x.ndim)
        for given, axis in zip(inputs, axes, strict=True)
        for x in tensors(given)
    ]
    params = {name: _array(x) for name, x in searched.items()}
    return TorchModule(module, params, fixed, program, expected, graph.call_spec.out_spec)


def _state(graph: Any) -> dict[str, Any]:
    """All tensors that an exported program has by name."""
    return {**graph.state_dict, **graph.constants}


def _first_names(module: Any) -> dict[str, str]:
    """The first name of each parameter by all of its names: tied ones have several."""
    firsts: dict[int, str] = {}
    return {
        name: firsts.setdefault(id(x), name)
        for name, x in module.named_parameters(remove_duplicate=False)
    }


def _array(x: Any) -> jax.Array:
    """A copy: the module's own numbers may change."""
    wide = x.detach().double() if x.is_floating_point() else x.detach()
    return jnp.array(wide.resolve_conj().numpy().astype(dtype_of(x.dtype)))
