"""Which devices does JAX see, and how fast are they? Every core, once something is trained."""

from __future__ import annotations

import contextlib
import os

import jax

_PER_SECOND = {"cpu": 1e10, "gpu": 1e13}  # operations that a device does, roughly


def use_all_cores() -> None:
    """Let JAX see every core of the processor as a device.

    JAX runs one program a device, and a population is spread over the devices of one mesh. Whatever
    trains asks for it, so you need this only if JAX makes its first array before, for example
    first parameters: JAX reads the number then, and keeps it.

    Nothing changes if JAX has begun already, or if you have set ``JAX_NUM_CPU_DEVICES`` or
    ``jax.config.jax_num_cpu_devices``.

    Examples
    --------
    >>> import gradless
    >>> gradless.use_all_cores()
    >>> import jax.numpy as jnp
    >>> params = jnp.zeros(1000)
    """
    if "JAX_NUM_CPU_DEVICES" in os.environ or jax.config.jax_num_cpu_devices >= 1:  # type: ignore[attr-defined]
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with contextlib.suppress(RuntimeError):  # JAX has begun, and keeps the devices that it has
        jax.config.update("jax_num_cpu_devices", cores or 1)


def operations_in(seconds: float) -> float:
    """Operations that this machine does in a time, roughly."""
    return seconds * _operations_a_second()


def _operations_a_second() -> float:
    """Operations a second, roughly."""
    return jax.device_count() * _PER_SECOND.get(jax.default_backend(), 1e13)
