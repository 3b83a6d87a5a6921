"""Train neural networks without gradients.

Importing this package is cheap: JAX is loaded with the first name that needs it.
"""

import os
import sys

TYPE_CHECKING = False  # as type checkers know it; importing it takes 15 ms
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Dataset": "gradless.data",
    "load": "gradless.data",
    "split": "gradless.data",
    "MLP": "gradless.models",
    "SupervisedProblem": "gradless.supervised",
    "Objective": "gradless.objectives",
    "Strategy": "gradless.strategies",
    "RandomSearch": "gradless.strategies",
    "HillClimbing": "gradless.strategies",
    "Stop": "gradless.train",
    "Record": "gradless.train",
    "begin": "gradless.train",
    "minimize": "gradless.minimum",
    "Minimum": "gradless.minimum",
    "GradientFreeClassifier": "gradless.estimators",
    "GradientFreeRegressor": "gradless.estimators",
    "History": "gradless.history",
    "InputError": "gradless.errors",
}
"""Public names and the modules that they live in."""

__all__ = [*_HOMES]  # pyright: ignore


def _use_all_cores() -> None:
    """Let JAX see every core as a device, unless it runs already or the user has decided.

    JAX runs one program a device, and a population is spread over the devices of one mesh.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if "JAX_NUM_CPU_DEVICES" in os.environ:
        return
    if "jax" not in sys.modules:
        os.environ["JAX_NUM_CPU_DEVICES"] = str(cores or 1)
        return
    jax = sys.modules["jax"]
    try:
        if jax.config.jax_num_cpu_devices < 1:
            jax.config.update("jax_num_cpu_devices", cores or 1)
    except RuntimeError:  # JAX runs already: take the devices that it has
        pass


_use_all_cores()


def __getattr__(name: str) -> "Any":
    """Load a public name's module when it is first used."""
    import importlib  # noqa: PLC0415 - the command line begins here, and may be interrupted

    if name not in _HOMES:
        raise AttributeError(f"module 'gradless' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names too, before they are loaded."""
    return sorted({*globals(), *_HOMES})
