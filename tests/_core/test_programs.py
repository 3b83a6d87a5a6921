import gc
import weakref

import jax.numpy as jnp
import numpy as np
import psutil
import pytest

from gradless import GradientFreeRegressor, minimize
from gradless._core import programs
from gradless._core.programs import compiled
from gradless._core.tree import FunctionReference
from gradless.problems import function
from gradless.training import generation, host_loop


def test_the_kinds_of_arguments_used_last_are_kept(monkeypatch):
    monkeypatch.setattr(programs, "KEPT", 2)
    traced = []

    @compiled(static_argnames=["power"])
    def to_the(x, power):
        """A power."""
        traced.append((x.shape, power))
        return x**power

    assert to_the.__doc__ == "A power."
    kinds = [((3,), 2), ((4,), 2), ((3,), 2), ((3,), 3), ((3,), 2)]
    for shape, power in kinds:
        np.testing.assert_array_equal(to_the(jnp.full(shape, 2.0), power), 2.0**power)
        assert to_the._cache_size() <= 2
    assert traced == [kinds[0], kinds[1], kinds[3]]  # what was used in between stayed
    to_the(jnp.zeros(4), 2)
    assert traced[-1] == ((4,), 2)  # and this had gone
    to_the(1.0, 2)
    to_the(2.0, 2)  # a number of Python is traced
    assert len(traced) == 5


def test_a_function_is_referred_to_weakly_unless_an_equal_one_may_come():
    class Loss:
        def of(self, x):
            return x

    class Equal:
        def __eq__(self, other):
            return isinstance(other, Equal)

        def __hash__(self):
            return 1

        def __call__(self, x):
            return x

    def function(x):
        return x

    owner = Loss()
    references = [FunctionReference(each) for each in (function, owner.of, Equal(), max)]
    same = [FunctionReference(each) for each in (function, owner.of, Equal(), max)]
    assert references == same
    assert list(map(hash, references)) == list(map(hash, same))
    assert len(set(references)) == 4
    del function, owner, same
    gc.collect()
    assert [reference() is None for reference in references] == [True, True, False, False]
    assert references[0] == references[0]
    assert references[0] != FunctionReference(max)


@pytest.mark.slow
def test_losses_are_let_go_of_and_programs_are_bounded(monkeypatch):
    monkeypatch.setattr(programs, "KEPT", 2)
    losses, arrays = [], []
    used = (generation.advance, function._mean_score, host_loop._step)
    for each in used:
        each._programs.clear()  # of other tests
    for number in range(4):
        data = np.ones(1000) * number

        def loss(params, data=data):
            return jnp.sum((params - data[0]) ** 2)

        losses.append(weakref.ref(loss))
        arrays.append(weakref.ref(data))
        found = minimize(loss, jnp.zeros(2), "hill_climbing", evaluations=100)
        assert found.best_loss < 0.5 + number
    del loss, data
    gc.collect()
    assert not any(reference() for reference in losses)
    assert not any(reference() is not None for reference in arrays)
    for each in used:
        assert each._cache_size() <= 2


@pytest.mark.slow
def test_memory_stays_flat(monkeypatch):
    """``python -m benchmarks.reliability.lasting`` does this at length."""
    monkeypatch.setattr(programs, "KEPT", 4)
    taken = []
    process = psutil.Process()
    rng = np.random.default_rng(0)
    for number in range(24):

        def loss(params, number=number):
            return jnp.sum((params - number) ** 2)

        minimize(loss, jnp.zeros(2), "hill_climbing", evaluations=50)
        rows = rng.normal(size=(100 + 50 * number, 2))
        GradientFreeRegressor(2, strategy="hill_climbing", max_evaluations=50).fit(rows, rows[:, 0])
        gc.collect()
        taken.append(process.memory_info().rss / 2**20)
    assert taken[-1] - taken[11] < 40
