"""A search ends within the tolerances that were given, however it is cut into chunks."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from gradless import InputError, minimize
from gradless._core import stagnation
from gradless.training import loop, observers, records
from gradless.training.records import TOLFUN, TOLX, Stop

X0 = np.full(2, 3.0)


def bowl(x) -> float:
    return float(np.sum((x - 1) ** 2))


def search(**limits):
    return minimize(bowl, X0, "cma_es", compiled=False, evaluations=5_000, **limits)


def test_the_range_of_losses_ends_a_search() -> None:
    found = search(tolfun=1e-6)
    assert found.stopped_because == TOLFUN
    losses = found.history.column("loss")
    window = 10 + -(-30 * 2 // found.strategy.population)
    assert len(losses) % window == 0
    assert np.ptp(losses[-window:]) <= 1e-6
    assert np.ptp(losses[-2 * window : -window]) > 1e-6


def test_the_size_of_steps_ends_a_search_in_the_units_of_the_parameters(monkeypatch) -> None:
    usual = search(tolx=1e-4, scale=1.0)
    assert usual.stopped_because == TOLX
    assert 1e-14 < usual.best_loss < 1e-6
    monkeypatch.setattr(loop, "_SECONDS_PER_CHUNK", 0.0)
    assert search(tolx=1e-4, scale=1.0).evaluations == usual.evaluations
    # Steps that begin smaller are small earlier.
    assert search(tolx=0.5, scale=0.01).evaluations < usual.evaluations


@pytest.mark.slow
def test_compiled_functions_have_tolerances_too() -> None:
    def flat(x):
        return jnp.round(jnp.sum(x**2)) * 0 + 3.0

    found = minimize(flat, X0, "hill_climbing", evaluations=5_000, tolfun=0)
    assert (found.stopped_because, found.evaluations) == (TOLFUN, 10 + 30 * 2)
    fixed = minimize(flat, X0, "hill_climbing", evaluations=500, tolx=1e-9)
    assert fixed.evaluations == 500  # its steps are as large as they were


@pytest.mark.parametrize("name", ["tolfun", "tolx"])
@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, "small"])
def test_what_is_no_tolerance_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"^{name} must be a (finite )?number"):
        minimize(bowl, X0, "cma_es", compiled=False, **{name: value})


def test_tolerances_are_no_limit_of_their_own() -> None:
    assert not Stop(tolfun=1e-9, tolx=1e-9).ends  # steps of a fixed size would never end


def test_the_documentation_has_every_reason_to_stop() -> None:
    page = (Path(__file__).parents[2] / "docs/minimize.md").read_text()
    ends = (records.EVALUATIONS, records.SECONDS, records.TARGET_LOSS, TOLFUN, TOLX)
    others = (records.NOT_FINITE, observers.CALLBACK, stagnation.AT_REST)
    named = records.target_reached("NAME"), stagnation.reason(1000).replace("1,000", "N")
    for reason in (*ends, *others, *named):
        assert f"| `{reason}` |" in page
