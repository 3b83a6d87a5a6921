"""How do tests compile? For what is short: that takes longer than any run here.

Tests of bits, of memory and of budgets compile as users do. Their modules say so, and why:
``COMPILES_AS_USERS_DO = True``.
"""

import contextlib
import functools
import sys
from collections.abc import Iterator

import jax
import numpy as np
import pytest

# Other kernels for the same operations, and all of them by one thread: half of the time.
QUICKLY = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


@functools.cache
def quick_options() -> dict:
    """Options of the compiler that cost no more than some speed, if it knows them."""
    try:
        jax.jit(lambda x: x + 1, compiler_options=QUICKLY)(np.float32(0))
    except jax.errors.JaxRuntimeError:
        return {}
    return QUICKLY


@contextlib.contextmanager
def compiled_quickly() -> Iterator[None]:
    """Compile with little effort; other processes too, as far as a variable tells them to."""
    # JAX takes options for one function at a time. Inside of it there is a place for all of them,
    # if it is still there; without it everything takes longer, and is the same otherwise.
    compiler = sys.modules.get("jax._src.compiler")
    whole = getattr(compiler, "get_compile_options", None)
    options = quick_options()

    def quick(*args, env_options_overrides=None, **named):
        return whole(
            *args, env_options_overrides={**options, **(env_options_overrides or {})}, **named
        )

    before = jax.config.values["jax_disable_most_optimizations"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
        if whole is not None:
            patch.setattr(compiler, "get_compile_options", quick)
        jax.config.update("jax_disable_most_optimizations", True)
        yield
        jax.config.update("jax_disable_most_optimizations", before)
