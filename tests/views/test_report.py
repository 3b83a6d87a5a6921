import functools
import io
import itertools
import json
import math
import re

import numpy as np
import pytest
from rich.console import Console

from gradless.objectives import get
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.training.history import History
from gradless.training.loop import Record, Stop
from gradless.views.report import Display, Improvements, Result, closing_table

LINE = re.compile(
    r"New best network, evaluation: ([\d,]+), loss: (-?[\d.]+(?:e-\d+)?)(?:, accuracy: ([\d.]+)%)?"
)
ROWS = 1_000_000


def record_of(best_loss, best_accuracy=math.nan, first=1, per_generation=1) -> Record:
    """A chunk of generations, of which only the best ones matter."""
    best_loss = np.asarray(best_loss, np.float32)
    rows = len(best_loss)
    generation = first + np.arange(rows)
    measures = {}
    if not math.isnan(best_accuracy):
        measures["accuracy"] = np.full(rows, best_accuracy, np.float32)
    return Record(
        generation=generation,
        evaluations=generation * per_generation,
        seconds=generation * 1e-3,
        loss=best_loss,
        measures=measures,
        best_loss=best_loss,
        best_measures=measures,
        not_finite=0,
        compile_seconds=0.0,
        run=None,  # type: ignore[arg-type]
        stopped_because=None,
    )


def read(lines) -> list[tuple[int, float]]:
    """Evaluation and loss of each line."""
    matches = [LINE.fullmatch(line) for line in lines]
    return [(int(match[1].replace(",", "")), float(match[2])) for match in matches]


@functools.cache
def curves() -> dict[str, np.ndarray]:
    """Ways for the best loss to fall over a million generations."""
    x = np.arange(ROWS)
    noise = np.random.default_rng(0).normal(size=ROWS)
    return {
        "straight": 1.1 - x / ROWS,
        "exponential": 1e-4 + np.exp(-x / 60_000),
        "logarithmic": 1 / np.log(x + 3),
        "negative": -1 + np.exp(-x / 200_000),
        "through zero": 1 - 2 * x / ROWS,
        "lucky": np.minimum.accumulate(5 + noise),
        "late": np.where(x < ROWS - 10, 1.0, 0.5),
    }


# --- Improvements ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", curves())
def test_a_long_run_has_few_lines_and_each_is_better(name):
    best_loss = curves()[name]
    shown = read(Improvements().lines(record_of(best_loss)))
    # Close to zero, every fall is by a large share.
    assert 2 <= len(shown) <= (160 if name == "through zero" else 100)
    evaluations, losses = zip(*shown, strict=True)
    assert evaluations[0] == 1  # the first network is the best so far
    assert all(before < after for before, after in itertools.pairwise(evaluations))
    assert all(before > after for before, after in itertools.pairwise(losses))
    for evaluation, loss in shown:
        assert loss == pytest.approx(best_loss[evaluation - 1], rel=1e-3)


def test_the_lines_do_not_depend_on_the_chunks():
    best_loss = curves()["lucky"][:20_000]
    whole = Improvements().lines(record_of(best_loss))
    pieces = Improvements()
    cuts = [0, 1, 3, 10, 100, 5_000, 5_000, 20_000]
    lines = []
    for start, stop in itertools.pairwise(cuts):
        lines += pieces.lines(record_of(best_loss[start:stop], first=start + 1))
    assert lines == whole


def test_a_batch_is_called_a_batch():
    (line,) = Improvements(on_batches=True).lines(record_of([0.5]))
    assert line.startswith("New best network on its own batch, evaluation: 1, loss: 0.5")


def test_only_falls_are_improvements():
    improvements = Improvements()
    assert len(improvements.lines(record_of([1.0, 1.0, 1.0]))) == 1
    assert improvements.lines(record_of([1.0] * 100, first=4)) == []
    assert read(improvements.lines(record_of([1.0, 0.9], first=104))) == [(105, 0.9)]


def test_a_loss_that_is_not_finite_is_no_improvement():
    assert Improvements().lines(record_of([np.inf, np.inf])) == []
    assert read(Improvements().lines(record_of([np.inf, 2.0]))) == [(2, 2.0)]


def test_a_clear_improvement_is_shown_however_soon():
    lines = Improvements().lines(record_of([*[1.0] * 1000, 0.99, 0.98, 0.5]))
    assert [evaluation for evaluation, _ in read(lines)] == [1, 1001, 1003]


def test_the_accuracy_is_shown_where_there_is_one():
    line = Improvements().lines(record_of([1.25], 0.5, per_generation=1000))
    assert line == ["New best network, evaluation: 1,000, loss: 1.250, accuracy: 50.0%"]
    line = Improvements().lines(record_of([1.25]))
    assert line == ["New best network, evaluation: 1, loss: 1.250"]


def lines_of(name: str, best_loss: float, best_accuracy: float) -> list[str]:
    return Improvements(objective=get(name)).lines(record_of([best_loss], best_accuracy))


def test_an_objective_of_which_more_is_better_is_shown_as_its_value():
    assert lines_of("f1", -0.8, 0.9) == [
        "New best network, evaluation: 1, f1: 0.8000, accuracy: 90.0%"
    ]
    assert lines_of("r2", 3.5, math.nan) == ["New best network, evaluation: 1, r2: -3.500"]
    assert lines_of("accuracy", -0.9, 0.9) == ["New best network, evaluation: 1, accuracy: 0.9000"]
    assert lines_of("squared_error", 0.25, math.nan) == [
        "New best network, evaluation: 1, loss: 0.2500"
    ]


@pytest.mark.parametrize(
    ("loss", "text"),
    [(2.5e10, "2.500e+10"), (0.177056, "0.1771"), (1.59326e-13, "1.593e-13"), (0.0, "0")],
)
def test_losses_of_any_size_keep_their_digits(loss, text):
    assert Improvements().lines(record_of([loss])) == [
        f"New best network, evaluation: 1, loss: {text}"
    ]


def test_without_a_terminal_the_display_is_the_lines_alone():
    text = io.StringIO()
    with Display(Console(file=text, width=20), Stop(evaluations=10), History()) as display:
        display.show(record_of([1.0, 0.5], 0.25))
        display.show(record_of([]))
    # Some versions of rich end with an empty line.
    lines = text.getvalue().rstrip("\n").splitlines()
    assert lines == Improvements().lines(record_of([1.0, 0.5], 0.25))


# --- Result ---------------------------------------------------------------------------------------


def result(**changes) -> Result:
    values = {
        "run": "runs/a",
        "strategy": "hill_climbing",
        "objective": "cross_entropy",
        "evaluations": 12_345,
        "seconds": 1.5,
        "compile_seconds": 0.25,
        "loss": 0.125,
        "accuracy": 0.9,
        "test_loss": None,
        "test_accuracy": None,
        "stopped_because": "time used up",
    }
    return Result(**values | changes)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_neither_nan_nor_infinity(value):
    plain = result(loss=value, test_loss=value).as_json()
    assert plain["loss"] is None
    assert plain["test_loss"] is None
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_json_keeps_every_other_number():
    assert result().as_json() == {
        "run": "runs/a",
        "strategy": "hill_climbing",
        "objective": "cross_entropy",
        "evaluations": 12_345,
        "seconds": 1.5,
        "compile_seconds": 0.25,
        "loss": 0.125,
        "accuracy": 0.9,
        "test_loss": None,
        "test_accuracy": None,
        "stopped_because": "time used up",
        "stalled": None,
        "advice": None,
        "test_metrics": None,
        "validation_loss": None,
        "validation_accuracy": None,
        "kept_at": None,
        "baseline": None,
        "linear": None,
        "measures": None,
        "penalty": None,
        "decision": None,
        "verdict": None,
    }


def rendered(result: Result, objective: str | None = None) -> str:
    text = io.StringIO()
    prepared = prepare(Recipe("vertical", hidden=(3,), objective=objective))
    Console(file=text, width=120).print(closing_table(result, prepared))
    return text.getvalue()


def test_the_closing_table_has_the_numbers():
    text = rendered(result(test_loss=0.5, test_accuracy=0.75))
    for part in (
        "2-3-3, 21 parameters",
        "hill_climbing",
        "time used up",
        "12,345",
        "1.50 s (8,230 evaluations a second), and 0.25 s to compile",
        "loss (cross_entropy)",
    ):
        assert part in text
    figures = [line.split() for line in text.splitlines()[-3:]]
    assert figures == [
        ["training", "test"],
        ["loss", "(cross_entropy)", "0.1250", "0.5000"],
        ["accuracy", "90.0%", "75.0%"],
    ]


def test_the_closing_table_without_accuracy_test_data_and_time():
    text = rendered(result(accuracy=None, seconds=0.0))
    assert "accuracy" not in text
    assert "test" not in text
    assert "0.1250" in text


def test_the_closing_table_shows_the_objective_by_its_own_name_and_direction():
    lines = rendered(result(loss=-0.8, test_loss=-0.7), "f1").splitlines()
    (line,) = (line for line in lines if line.startswith("f1"))
    assert line.split() == ["f1", "0.8000", "0.7000"]
    assert not any("loss" in line for line in lines)
    text = rendered(result(loss=-0.9, accuracy=0.9), "accuracy")
    assert text.count("accuracy") == 1
