"""``scipy.optimize.minimize`` takes a strategy as its method."""

import numpy as np
import pytest
from scipy.optimize import Bounds, OptimizeResult, minimize, rosen

from gradless import InputError, scipy_method

CMA = scipy_method("cma_es", sigma=0.5, population=8, seed=1)


def test_it_takes_what_scipy_takes() -> None:
    found = minimize(
        lambda x, factor: factor * rosen(x), [-1.0, 0.5], args=(2.0,), method=CMA, tol=1e-9,
        bounds=[(-2, 0.5), (None, 2)], options={"maxfev": 5_000},
    )  # fmt: skip
    np.testing.assert_allclose(found.x, [0.5, 0.25], atol=1e-3)  # on a bound
    assert found.fun == 2 * rosen(found.x)
    assert (found.success, found.status, found.message) == (True, 0, "losses within tolfun")
    assert found.nfev == found.nit * 9 == found.found.evaluations < 5_000


def test_limits_are_no_success() -> None:
    for options, nit in (
        ({"maxiter": 7}, 7),
        ({"maxfev": 30}, 3),
        ({"maxiter": 9, "maxfev": 20}, 2),
    ):
        found = minimize(rosen, np.zeros(2), method=CMA, options=options)
        assert (found.nit, found.success, found.status) == (nit, False, 1)
    inside = minimize(rosen, [0.0, 0.0], method=CMA, bounds=Bounds(-1, 0.9), options={"maxiter": 5})
    assert (np.abs(inside.x) <= 1).all()


def test_callbacks_of_both_kinds_may_end_it() -> None:
    seen = []

    def with_result(*, intermediate_result: OptimizeResult) -> None:
        seen.append(intermediate_result)
        if len(seen) == 3:
            raise StopIteration

    found = minimize(rosen, [0.0, 0.0], method=CMA, callback=with_result)
    assert (len(seen), found.success, found.status) == (3, False, 99)
    assert [each.fun for each in seen] == [rosen(each.x) for each in seen]
    assert seen[-1].fun <= seen[0].fun
    plain = minimize(rosen, [0.0, 0.0], method=CMA, callback=lambda x: x.shape == (2,))
    assert plain.status == 99


def test_what_it_cannot_do_is_said() -> None:
    with pytest.raises(InputError, match="constraints must be left out"):
        minimize(rosen, [0.0], method=CMA, constraints={"type": "ineq", "fun": rosen})
    with pytest.raises(InputError, match="maxiter must go with a named strategy"):
        minimize(rosen, [0.0, 0.0], method=scipy_method("auto"), options={"maxiter": 3})
    with pytest.warns(RuntimeWarning, match="Derivatives are not used"):
        minimize(rosen, [0.0, 0.0], method=CMA, jac=rosen, options={"maxiter": 1})
