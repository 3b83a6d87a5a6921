"""A run's pictures say what its closing table says."""

import dataclasses

import numpy as np
import pytest

from gradless.objectives import get
from gradless.runs.network import Network
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.strategies import CMAES, FDLBFGS
from gradless.strategies.base import begins_elsewhere
from gradless.strategies.wrappers import BestSoFar, Restarts
from gradless.training.history import History
from gradless.training.records import Stop
from gradless.views import pictures, style

RESULT = {"loss": 0.25, "accuracy": 0.875, "evaluations": 12_345, "seconds": 2.0}


@pytest.fixture(scope="module")
def prepared():
    return prepare(Recipe("vertical", hidden=(3,), strategy="hill_climbing"))


def network(prepared) -> Network:
    """One that was never trained."""
    params = prepared.structure.unravel(np.zeros(prepared.structure.size, np.float32))
    names = tuple(column.name for column in prepared.table)
    return Network(prepared.model, params, None, names, prepared.train.class_names, None)


def history() -> History:
    """Of two generations."""
    made = History()
    made.append(
        generation=[1, 2], evaluations=[1, 2], seconds=[0, 1], loss=[1, 0.5], accuracy=[0.5, 0.9],
        best_loss=[1, 0.5], best_accuracy=[0.5, 0.9],
    )  # fmt: skip
    return made


def drawn(prepared, monkeypatch, folder, *more):
    """Figures by the names of their files."""
    figures = {}
    monkeypatch.setattr(style, "save", lambda figure, path: figures.update({path.name: figure}))
    paths = pictures.draw(folder, history(), network(prepared), prepared, Stop(), (), *more)
    assert [path.name for path in paths] == list(figures)
    return figures


def test_the_closing_numbers_stand_below_the_title(prepared, monkeypatch, tmp_path):
    figures = drawn(prepared, monkeypatch, tmp_path, RESULT, "svg")
    assert list(figures) == ["loss.svg", "accuracy.svg", "decision_boundary.svg"]
    for name in ("loss.svg", "accuracy.svg"):
        axes = figures[name].axes[0]
        assert axes.get_title(loc="left") == "vertical: hill_climbing"
        assert axes.texts[-1].get_text() == (
            "loss 0.2500, accuracy 87.5% on training rows; 12,345 evaluations in 2.00 s"
        )
    boundary = figures["decision_boundary.svg"].axes[0]
    assert boundary.texts[-1].get_text() == "accuracy 33.3% of 300 training points"


def test_without_a_result_nothing_is_said(prepared, monkeypatch, tmp_path):
    figures = drawn(prepared, monkeypatch, tmp_path)
    assert [text.get_text() for text in figures["loss.png"].axes[0].texts] == ["0.5000"]


def test_each_picture_has_its_own_title(prepared, monkeypatch, tmp_path):
    lines = {"losses": [0.5, 0.4], "errors": [0.1, 0.1], "fitted": [0.4, 0.3]}
    penalty = {"alpha": 1.0, "strengths": [0.1, 1.0], **lines}
    figures = drawn(prepared, monkeypatch, tmp_path, {**RESULT, "penalty": penalty})
    titles = {name: figure.axes[0].get_title(loc="left") for name, figure in figures.items()}
    assert titles["penalty.png"] == "vertical: how strong a penalty?"
    assert titles["decision_boundary.png"] == titles["loss.png"] == "vertical: hill_climbing"


def test_what_rises_is_told_as_it_is():
    told = pictures._outcome({**RESULT, "loss": -0.75}, get("f1"))
    assert told.startswith("f1 0.7500, accuracy 87.5%")
    told = pictures._outcome({**RESULT, "loss": -0.875}, get("accuracy"))
    assert told.startswith("accuracy 87.5% on training rows")
    assert pictures._outcome({**RESULT, "accuracy": None}, get("r2")).count("accuracy") == 0


def test_strategies_say_whether_they_begin_elsewhere(prepared):
    assert begins_elsewhere(FDLBFGS())
    assert begins_elsewhere(BestSoFar(FDLBFGS()))
    assert begins_elsewhere(Restarts(CMAES()))
    assert not begins_elsewhere(CMAES())
    assert not begins_elsewhere(BestSoFar(CMAES()))
    assert not begins_elsewhere(dataclasses.replace(prepared).strategy)
