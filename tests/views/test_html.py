"""What a notebook shows of a result is text that says what happened."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from gradless.training.history import History
from gradless.views import html


def history_of(losses, **columns) -> History:
    best = np.fmin.accumulate(np.asarray(losses, float))
    history, n = History(), len(losses)
    history.append(
        generation=np.arange(1, n + 1),
        evaluations=8 * np.arange(1, n + 1),
        seconds=0.1 * np.arange(1, n + 1),
        loss=np.asarray(losses, float),
        best_loss=best,
        **columns,
        **{f"best_{name}": values for name, values in columns.items()},
    )
    return history


def lines_of(svg: str) -> list[list[tuple[float, float]]]:
    """Points of the line of each generation and of the best loss."""
    tree = ET.fromstring(svg)
    lines = tree.findall("{http://www.w3.org/2000/svg}polyline")
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for line in lines
    ]


def texts_of(svg: str) -> list[str]:
    return [text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_curve_falls_in_steps_from_corner_to_corner():
    each, best = lines_of(html.curve(history_of([4.0, 2.0, 3.0])))
    assert [y for _, y in each] == pytest.approx([8, 148, 78])
    (left, top), (right, bottom) = best[0], best[-1]
    assert (top, bottom) == (8, 148)
    assert best == [(left, 8), (each[1][0], 8), (each[1][0], 148), (right, 148), (right, 148)]
    assert (left, right) == (each[0][0], each[-1][0])


def test_what_spans_powers_of_ten_is_on_a_logarithmic_axis_down_to_zero():
    svg = html.curve(history_of([100.0, 1.0, 0.01, 0.0]))
    assert texts_of(svg) == ["100.0", "0.01000", "8", "32 evaluations", "loss (log scale)"]
    each, _ = lines_of(svg)
    assert [y for _, y in each] == pytest.approx([8, 78, 148, 148])


def test_an_offset_leaves_the_digits_that_differ():
    assert texts_of(html.curve(history_of([1e6 + 2, 1e6 + 1])))[:2] == ["1000002", "1000001"]


@pytest.mark.parametrize(
    "losses", [[1.0], [2.0, 2.0], [0.0, 0.0], [-3.0, -5.0], [np.inf, 1.0, 2.0]]
)
def test_any_finite_loss_makes_a_curve_inside_of_its_frame(losses):
    for line in lines_of(html.curve(history_of(losses))):
        assert line
        assert all(0 <= x <= 460 and 8 <= y <= 148 for x, y in line)


def test_without_a_finite_loss_there_is_no_curve():
    assert html.curve(history_of([np.nan, np.inf])) == ""


def test_a_long_history_is_small():
    random = np.random.default_rng(0)
    assert len(html.curve(history_of(1 + random.random(10_000)))) < 20_000


def test_a_history_says_how_long_it_is_and_how_good():
    shown = html.of_history(history_of([2.0, 1.0], accuracy=np.array([0.5, 0.75])))
    text = re.sub(r"<[^>]+>", " ", shown)
    for part in ("2 of 2 generations", "16 in 0.20 s", "1.000", "75.0%"):
        assert part in text
    assert "empty" in html.of_history(History())


def test_text_is_text():
    assert "&lt;lambda&gt;" in html.table([("function", "<lambda>")])
