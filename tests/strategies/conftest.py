from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a strategy finds is tested here, and that takes longer to compile than to compute.

    Budgets of xNES hold for what users run: another rounding is another path through the valley.
    """
    quick = not request.module.__name__.endswith("test_xnes")
    jax.config.update("jax_disable_most_optimizations", quick)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
