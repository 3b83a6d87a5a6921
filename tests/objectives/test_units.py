import dataclasses

import numpy as np
import pytest

from gradless import objectives
from gradless._core.errors import InputError
from gradless.objectives.units import unit_for

NUMBERS = [o for o in objectives.OBJECTIVES.values() if "regression" in o.tasks and not o.needs]
NUMBERS += [objectives.get("huber:2"), objectives.get("quantile:0.9")]


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e-14, 1e14])
@pytest.mark.parametrize("objective", NUMBERS, ids=lambda o: o.name)
def test_an_objective_in_a_unit_has_the_values_of_the_user(objective, scale):
    rng = np.random.default_rng(0)
    outputs, targets = scale * rng.normal(size=(2, 20, 2))
    unit = unit_for(objective, targets.std(0))
    found = unit.objective(outputs / unit.of_targets, targets / unit.of_targets)
    assert unit.told(found) == pytest.approx(objective(outputs, targets), rel=1e-4, abs=1e-36)


def test_outputs_of_their_own_units():
    r2 = objectives.get("r2")
    unit = unit_for(r2, np.array([1e-22, 0.0, 1e3]))
    assert unit.of_targets.tolist() == [1e-22, 1, 1e3]
    assert unit.told(0.25) == 0.25
    assert (
        unit_for(objectives.get("mse"), np.array([2e-20, 4e-20])).of_targets.tolist() == [4e-20] * 2
    )
    # Where float32 holds the squares, the unit is that of the user.
    assert unit_for(objectives.get("mse"), np.array([2.0, 4e6])).of_targets.tolist() == [1, 1]
    assert unit_for(r2, np.array([1e-3, 0.0, 1e3])).of_targets.tolist() == [1, 1, 1]
    assert unit_for(objectives.get("mse"), np.zeros(1)).of_targets.tolist() == [1]


@pytest.mark.parametrize("deviation", [1e-300, 1e300])
def test_units_beyond_float32(deviation):
    for name, inside in [("log_cosh", None), ("huber:1", None), ("mse", "squared_error")]:
        unit = unit_for(objectives.get(name), np.array([deviation]))
        assert unit.of_targets.tolist() == [deviation]
        quadratic = "squared_error" if deviation < 1 else "absolute_error"
        assert unit.objective.name == (inside or quadratic)
    same = unit_for(objectives.get(f"huber:{deviation!r}"), np.array([deviation]))
    assert same.objective.name == "huber:1"
    own = dataclasses.replace(objectives.get("mse"), name="own", degree=None)
    with pytest.raises(InputError, match="targets must have a standard deviation"):
        unit_for(own, np.array([deviation]))
    assert unit_for(own, np.array([3.0])).objective is own
