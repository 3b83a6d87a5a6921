"""The file that the playground's engine is compared with says what the library does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pages.engine_fixture import CASES, FILE, SEED, drawn, found, points

FIXTURE = json.loads(FILE.read_text())
REMEDY = "python -m pages.engine_fixture, in tests, writes it anew; then the engine has to follow"


def assert_same(now: dict, kept: dict) -> None:
    """The same names, texts and whole numbers, and nearly the same other numbers."""
    assert now.keys() == kept.keys()
    for name, value in now.items():
        if isinstance(value, list) and any(isinstance(each, float) for each in value):
            np.testing.assert_allclose(value, kept[name], atol=2e-5, err_msg=f"{name}: {REMEDY}")
        else:
            assert value == kept[name], REMEDY


def test_noise_is_the_librarys() -> None:
    assert_same(drawn(), FIXTURE["drawn"])


def test_points_are_the_librarys() -> None:
    for kept in FIXTURE["points"]:
        assert_same(points(kept["data"]), kept)


def test_other_numbers_are_noticed() -> None:
    kept = FIXTURE["drawn"]
    with pytest.raises(AssertionError, match="writes it anew"):
        assert_same({**kept, "seed": SEED + 1}, kept)
    with pytest.raises(AssertionError, match="writes it anew"):
        assert_same({**kept, "normals": [x + 1e-3 for x in kept["normals"]]}, kept)


@pytest.mark.slow
def test_hill_climbing_finds_what_the_file_says() -> None:
    assert_same(found(CASES[1]), FIXTURE["searches"][1])


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 2, 3, 4])
def test_every_search_finds_what_the_file_says(number: int) -> None:
    assert_same(found(CASES[number]), FIXTURE["searches"][number])
