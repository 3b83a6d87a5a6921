from collections.abc import Callable, Iterator

import jax
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


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a strategy finds is tested here, and that takes longer to compile than to compute.

    Budgets of xNES hold for what users run: another rounding is another path through the valley.
    """
    quick = not request.module.__name__.endswith("test_xnes")
    jax.config.update("jax_disable_most_optimizations", quick)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def _compile_whole_methods() -> Iterator[None]:
    """As the loop does. Called as they are, each of their operations is a program to compile."""
    with pytest.MonkeyPatch.context() as patched:
        for cls, name, method in COMPILED:
            patched.setattr(cls, name, method)
        yield
