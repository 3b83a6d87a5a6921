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
def _compile_whole_methods() -> Iterator[None]:
    """As the loop does. Called as they are, each of their operations is a program to compile."""
    with pytest.MonkeyPatch.context() as patched:
        for cls, name, method in COMPILED:
            patched.setattr(cls, name, method)
        yield
