"""Numbers as a person reads and writes them."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradless._core import words


@settings(deadline=None, derandomize=True, database=None)
@given(st.floats(allow_nan=False), st.floats(width=32, allow_nan=False))
def test_numbers_read_back(wide, narrow):
    assert float(words.shortest(np.float64(wide))) == wide
    assert np.float32(words.shortest(np.float32(narrow))) == np.float32(narrow)
    # No more digits than a float32 needs; a float64 would have up to 17.
    shown = words.shortest(np.float32(narrow))
    assert len(Decimal(shown).normalize().as_tuple().digits) <= 9


def test_a_number_among_others_has_the_digits_that_tell_them_apart():
    assert words.among(100000003.49712, 7) == "100000003.497"
    assert words.among(0.000123456, 1e-4) == "0.0001235"
    assert words.among(152.133484, 300) == "152.1"
    assert words.among(1e6, 0) == "1000000"


def test_ends_of_a_range_have_six_digits_or_are_told_apart():
    assert words.rough(-0.00123456789, 1e5) == "-0.00123457"
    assert words.rough(123456.789, 1e5) == "123457"
    assert (words.rough(1.7e9, 86_400), words.rough(1.7e9 + 86_400, 86_400)) == (
        "1700000000", "1700086400"
    )  # fmt: skip
    assert words.rough(1e9 + 0.125, 0.5) == "1000000000.125"
    assert words.rough(1e9, 0) == "1000000000"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.177056, "0.1771"), (1.0986, "1.099"), (0, "0"), (-0.25, "-0.2500"), (12.3456, "12.35"),
        (999.94, "999.9"), (1234.4, "1,234"), (2.5e10, "2.500e+10"), (1.59326e-13, "1.593e-13"),
        (math.inf, "-"), (math.nan, "-"),
    ],
)  # fmt: skip
def test_a_loss_has_four_significant_digits(value, text):
    assert words.loss(value) == text


def test_shares_counts_bytes_and_times():
    assert [words.percent(share) for share in (0.926667, 1.0, math.nan)] == ["92.7%", "100.0%", "-"]
    assert [words.rounded(count) for count in (950, 12_340, 1.2e6, math.inf)] == [
        "950", "12.3k", "1.2M", "-",
    ]  # fmt: skip
    assert [words.size(count) for count in (0, 320, 12_800, 3.4e9)] == [
        "0 bytes", "320 bytes", "12.5 KiB", "3.2 GiB",
    ]  # fmt: skip
    assert [words.seconds(time) for time in (0.417, 12.34, 99.97, 125, 12_000)] == [
        "0.42 s", "12.3 s", "1 min 40 s", "2 min 5 s", "3 h 20 min",
    ]  # fmt: skip
    assert [words.about(time) for time in (12.3, 240, 9_000)] == [
        "about 12 s", "about 4 minutes", "about 2.5 hours",
    ]  # fmt: skip
    assert [words.plural(count, "column") for count in (1, 1200)] == ["1 column", "1,200 columns"]
    assert words.either(["a", "b", "c"]) == "a, b or c"
    assert words.either(["a"]) == "a"


@pytest.mark.parametrize("text", ["100000", "1e5", "100_000", "100,000", " 1E5 "])
def test_whole_numbers_as_people_write_them(text):
    found = words.read_count(text)
    assert (found, type(found)) == (100_000, int)


@pytest.mark.parametrize("text", ["", "3.5", "64,64", "1,00", "abc", "nan", "inf", "1e400"])
def test_what_is_no_whole_number(text):
    with pytest.raises((ValueError, OverflowError)):
        words.read_count(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10), ("1.5", 1.5), ("30s", 30), ("2m", 120), ("2 min", 120), ("1h", 3600),
        ("1h30m", 5400), ("500ms", 0.5), ("1e3", 1000), ("-1", -1),
    ],
)  # fmt: skip
def test_times_as_people_write_them(text, seconds):
    assert words.read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "30x", "s", "1h30", "m5", "-1s"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match=r".*"):
        words.read_seconds(text)


def test_spellings_of_a_name():
    assert words.alike("Hill-Climbing") == words.alike("hill_climbing") == "hill_climbing"
