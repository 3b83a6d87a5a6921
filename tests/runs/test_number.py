"""Parameters of a program as they are typed."""

import math

import pytest

from gradless._core.errors import InputError
from gradless.runs.number import Number, numbers_of


def test_what_is_typed_says_where_a_number_is_searched():
    rate, width, drop, units = numbers_of(
        ["lr=1e-4:0.1:log", "width=16:256:int", "drop=0:0.5", "units=1:100:int:log"], ["drop=0.1"]
    )
    assert rate == Number(name="lr", low=1e-4, high=0.1, start=math.sqrt(1e-5), log=True)
    assert rate.bounds == (-4, -1)
    assert rate.value(-2) == pytest.approx(0.01)
    assert (width.start, width.is_stepped, width.value(17)) == (136, True, 17)
    assert (drop.start, drop.value(0.25)) == (0.1, 0.25)
    assert units.value(1.5) == 32
    assert not units.is_stepped


@pytest.mark.parametrize("coordinate", [-4.0, -1.0, -4.0000001, -0.9999999])
def test_no_value_is_outside_of_its_bounds(coordinate):
    (rate,) = numbers_of(["lr=1e-4:0.1:log"], [])
    assert 1e-4 <= rate.value(coordinate) <= 0.1


@pytest.mark.parametrize(
    ("bounds", "starts", "said"),
    [
        ([], [], "must name the parameters"),
        (["lr"], [], "must be NAME=LOW:HIGH, got lr"),
        (["lr=0.1"], [], "must be NAME=LOW:HIGH, got lr=0.1"),
        (["a b=0:1"], [], "must be NAME=LOW:HIGH"),
        (["opt=adam,sgd"], [], "run a search for each"),
        (["lr=0:x"], [], "must be numbers, got lr=0:x"),
        (["lr=0:inf"], [], "must be numbers"),
        (["lr=1:0"], [], "lower value first"),
        (["lr=0:1:log"], [], "above 0"),
        (["n=0.5:2:int"], [], "must be whole numbers"),
        (["n=1:2:whole"], [], "got :whole"),
        (["n=1:2", "n=1:3"], [], "got n twice"),
        (["n=1:2"], ["m=1"], "must name a parameter of --bounds, which are n, got m"),
        (["n=1:2"], ["n=3"], "within its bounds, n=1:2, got n=3"),
        (["n=1:4:int"], ["n=1.5"], "a whole number within"),
        (["n=1:2"], ["n"], "--start must be numbers"),
    ],
)
def test_what_cannot_be_searched_is_refused(bounds, starts, said):
    with pytest.raises(InputError, match=said):
        numbers_of(bounds, starts)
