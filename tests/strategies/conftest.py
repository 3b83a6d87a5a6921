import sys
from collections.abc import Callable, Iterator

import jax
import numpy as np
import pytest

from gradless.strategies import STRATEGIES, wrappers

METHODS = ("init", "ask", "decode", "tell", "center")
CLASSES = (*STRATEGIES.values(), wrappers.BestSoFar, wrappers.Restarts, wrappers.Scheduled)
# Where they are defined; inlined, so that what the tests compile themselves stays as it is.
COMPILED: list[tuple[type, str, Callable]] = [
    (cls, name, jax.jit(vars(cls)[name], inline=True))
    for cls in dict.fromkeys(base for cls in CLASSES for base in cls.__mro__)
    for name in METHODS
    if cls.__module__.startswith("gradless.strategies.") and name in vars(cls)
]


# Other kernels for the same operations, and all of them by one thread: half of the time.
QUICKLY = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


@pytest.fixture(scope="session")
def quick_options() -> dict:
    """Options of the compiler that cost no more than some speed, if it knows them."""
    try:
        jax.jit(lambda x: x + 1, compiler_options=QUICKLY)(np.float32(0))
    except jax.errors.JaxRuntimeError:
        return {}
    return QUICKLY


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly(request: pytest.FixtureRequest, quick_options: dict) -> Iterator[None]:
    """What a strategy finds is tested here, and that takes longer to compile than to compute.

    Budgets of xNES hold for what users run: another rounding is another path through the valley.
    """
    if request.module.__name__.endswith("test_xnes_budgets"):
        yield
        return
    # JAX takes options for one function at a time. Inside of it there is a place for all of them,
    # if it is still there; without it everything takes longer, and is the same otherwise.
    compiler = sys.modules.get("jax._src.compiler")
    whole = getattr(compiler, "get_compile_options", None)

    def quick(*args, env_options_overrides=None, **named):
        options = {**quick_options, **(env_options_overrides or {})}
        return whole(*args, env_options_overrides=options, **named)

    jax.config.update("jax_disable_most_optimizations", True)
    with pytest.MonkeyPatch.context() as patched:
        if whole is not None:
            patched.setattr(compiler, "get_compile_options", quick)
        yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def _compile_whole_methods() -> Iterator[None]:
    """As the loop does. Called as they are, each of their operations is a program to compile."""
    with pytest.MonkeyPatch.context() as patched:
        for cls, name, method in COMPILED:
            patched.setattr(cls, name, method)
        yield
