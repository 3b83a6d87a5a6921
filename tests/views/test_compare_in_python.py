"""gradless.compare: the command's comparison, of whatever Python has."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradless
from gradless import (
    FunctionProblem,
    GradientFreeClassifier,
    GradientFreeRegressor,
    InputError,
    PythonProblem,
    Recipe,
    SupervisedProblem,
)
from gradless.data import datasets
from gradless.data.datasets import load
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.objectives import get
from gradless.runs.comparison.arrays import ArraysTask
from gradless.strategies import HillClimbing
from gradless.training.session import Session
from gradless.views.comparison import Comparison
from helpers.comparisons import finished, plan

SMALL, LARGE = HillClimbing(sigma=0.001), HillClimbing(sigma=0.3)
STEPS = {"small": SMALL, "large": LARGE}


def bowl(x):
    """Smallest at 1."""
    return jnp.sum((x - 1) ** 2)


@pytest.fixture(scope="module")
def found() -> Comparison:
    return gradless.compare(bowl, STEPS, params=np.zeros(3), seeds=4, evaluations=300)


def test_a_function_from_first_parameters(found):
    assert found.names == ("large", "small")
    assert {(run.name, run.seed) for run in found.outcomes} == {
        (name, seed) for name in STEPS for seed in range(4)
    }
    small, large = (found.losses(name) for name in ("small", "large"))
    assert set(small) == set(range(4))
    assert max(large.values()) < min(small.values())
    gap = found.difference("small", "large")
    assert gap.mean == pytest.approx(np.mean([small[seed] - large[seed] for seed in range(4)]))
    assert gap.low > 0
    with pytest.raises(InputError, match="large, small"):
        found.difference("small", "larger")


def test_it_is_a_table_in_text_html_and_pandas(found):
    text = str(found)
    assert text == repr(found)
    rows = [line.split()[0] for line in text.splitlines()[:3]]
    assert rows == ["strategy", "large", "small"]
    assert "±" in text.splitlines()[2]
    shown = found._repr_html_()
    assert shown.count("<tr>") == 3
    assert "<td>small</td>" in shown
    table = found.to_pandas()
    assert list(table.index) == ["large", "small"]
    assert table.loc["large", "difference"] == 0
    behind = found.difference("small", "large")
    assert (
        tuple(table.loc["small", ["difference", "difference_low", "difference_high"]])
        == (behind[:3])
    )
    runs = found.to_pandas(runs=True)
    assert len(runs) == 8
    assert runs.loss.tolist() == [run.loss for run in found.outcomes]


def test_names_are_text_and_no_html():
    shown = gradless.compare(
        bowl, {"<b>": LARGE}, params=np.zeros(3), seeds=1, evaluations=20
    )._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown


def test_without_pandas_it_says_so(found, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        found.to_pandas()


def test_it_draws_itself(found, tmp_path):
    figure = found.plot(tmp_path / "p.svg")
    assert (tmp_path / "p.svg").read_bytes().startswith(b"<?xml")
    assert {line.get_label() for line in figure.axes[0].lines} >= {"small", "large"}
    (target,) = [text for text in figure.axes[0].texts if "median of all runs" in text.get_text()]
    assert target.get_text().endswith(f"{found.summary.target.value:.4g}")
    (title, note) = [text.get_text() for text in figure.texts]
    assert title == "bowl: how fast does the loss fall?"
    assert note.startswith("line: median of 4 seeds")


def test_a_recipe_is_what_the_command_compares():
    recipe = Recipe("vertical", hidden=(3,))
    ours = gradless.compare(recipe, "hill_climbing", seeds=2, evaluations=200)
    contest = finished(plan(("hill_climbing",), 2, gradless.Stop(200), recipe=recipe))
    assert [run.loss for run in ours.outcomes] == [run.loss for run in contest.outcomes]


def test_arrays_are_standardised_and_their_answers_told_apart():
    random = np.random.default_rng(0)
    inputs = random.normal(1000, 5, (60, 2))
    classes = ArraysTask(inputs, np.where(inputs[:, 0] > 1000, "yes", "no"), hidden=(3,))
    trial = classes.trial(LARGE, 0, gradless.Stop(100))
    assert np.abs(np.asarray(trial.plan.main.problem.inputs)).max() < 5
    assert (classes.objective.name, classes.sizes) == ("cross_entropy", (2, 3, 2))
    numbers = ArraysTask(inputs, inputs[:, 0], hidden=())
    assert (numbers.objective.name, numbers.sizes) == ("squared_error", (2, 1))
    counted = ArraysTask(inputs, (inputs[:, 0] > 1000).astype(float), objective="f1", hidden=(3,))
    assert counted.objective.name == "f1"
    found = gradless.compare(
        (inputs, (inputs[:, 0] > 1000).astype(int)), STEPS, hidden=(3,), seeds=2, evaluations=500
    )
    best = found.outcomes[[run.name for run in found.outcomes].index("large")]
    assert best.accuracy > 0.9
    assert not math.isnan(best.loss)


@pytest.mark.parametrize(
    ("answers", "objective", "outputs"),
    [
        (np.arange(60), "squared_error", 1),  # too many for classes, as in a table
        (np.arange(60) % 3, "cross_entropy", 3),
        ((np.arange(60) % 3).astype(float), "cross_entropy", 3),
        (np.arange(60) / 7, "squared_error", 1),
        (np.array(["a", "b"] * 30), "cross_entropy", 2),
        (np.array([True, False] * 30), "cross_entropy", 2),
    ],
)
def test_what_are_classes_is_as_in_a_table(answers, objective, outputs):
    task = ArraysTask(np.random.default_rng(0).normal(size=(60, 2)), answers)
    assert (task.objective.name, task.sizes[-1]) == (objective, outputs)


@pytest.mark.parametrize(
    ("kind", "objective"),
    [
        (GradientFreeClassifier, "cross_entropy"),
        pytest.param(GradientFreeClassifier, "f1", marks=pytest.mark.slow),
        pytest.param(GradientFreeRegressor, "squared_error", marks=pytest.mark.slow),
    ],
)
def test_a_run_on_arrays_is_that_of_an_estimator(kind, objective, monkeypatch):
    random = np.random.default_rng(0)
    inputs = random.normal(5, [1, 100], (100, 2))
    answers = inputs @ [1.0, 0.01] + random.normal(0, 0.3, 100)
    if kind is GradientFreeClassifier:
        answers = (answers > 5) * 1
    kept, train = [], Session.train
    monkeypatch.setattr(Session, "train", lambda self: kept.append(train(self)) or kept[-1])
    found = gradless.compare(
        (inputs, answers), {"one": LARGE}, hidden=(3,), objective=objective, seeds=1, seed=3,
        evaluations=500,
    )  # fmt: skip
    texts = tuple(map(str, np.unique(answers)[:2])) if kind is GradientFreeClassifier else None
    rows, tests = datasets.split_rows("arrays", answers, texts, 0.25, 3)
    model = kind(3, objective=objective, strategy=LARGE, max_evaluations=500, random_state=3)
    model.fit(inputs[rows], answers[rows])
    ours, theirs = (jax.tree.leaves(each.params) for each in kept)
    assert [each.tobytes() for each in ours] == [each.tobytes() for each in theirs]
    if objective == "cross_entropy":
        (outcome,) = found.outcomes
        assert outcome.accuracy == pytest.approx(model.score(inputs[tests], answers[tests]))
        assert found.summary.on_test
        assert "test loss" in str(found)


def test_numbers_in_other_units_are_compared_alike():
    inputs = np.random.default_rng(0).normal(size=(60, 2))
    target = inputs @ [1.0, -2.0] + 0.1 * inputs[:, 0] ** 2

    def losses(numbers):
        found = gradless.compare((inputs, numbers), STEPS, hidden=(3,), seeds=2, evaluations=400)
        return np.array([run.loss for run in found.outcomes])

    np.testing.assert_allclose(losses(1024 * target + 2**20), 1024**2 * losses(target), rtol=1e-3)


def test_with_minibatches_centers_are_judged_on_all_the_data():
    data, model = load("vertical"), MLP((2, 3, 3))
    supervised_problem = SupervisedProblem.of(data, model, get("cross_entropy"), 32)
    found = gradless.compare(supervised_problem, STEPS, seeds=1, evaluations=100)
    run = found.outcomes[0]
    whole = SupervisedProblem.of(data, model, get("cross_entropy"))
    first = first_weights.drawn(model, 0)
    assert 0 < run.loss <= float(whole.score_all(first).loss)
    # One look after each chunk, and not one for each lucky batch.
    assert len(run.curve.loss) < 20


def test_first_parameters_may_be_drawn_by_seed():
    problem = FunctionProblem.of(bowl, np.zeros(3))

    def drawn(seed):
        return np.random.default_rng(seed).normal(size=3)

    found = gradless.compare(problem, {"a": LARGE}, params=drawn, seeds=2, evaluations=50)
    assert len({run.loss for run in found.outcomes}) == 2


def test_a_loss_may_come_from_python():
    def in_python(x):
        return float(np.sum((x - 1) ** 2))

    python = PythonProblem(in_python, np.zeros(3))
    found = gradless.compare(python, STEPS, params=np.zeros(3), seeds=1, evaluations=100)
    assert found.names[0] == "large"


def test_progress_is_shown_when_asked(capsys):
    options = {"params": np.zeros(3), "seeds": 2, "evaluations": 50}
    gradless.compare(bowl, {"a": LARGE}, **options)
    assert capsys.readouterr().out == ""
    gradless.compare(bowl, {"a": LARGE}, **options, verbose=True)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("run 1 of 2: a, seed 0, 50 evaluations, loss ")
    assert second.startswith("run 2 of 2: a, seed 1, 50 evaluations, loss ")


BAD = {
    "no parameters": (bowl, STEPS, {}, "params must be"),
    "no problem": (3, STEPS, {}, "problem must be"),
    "three arrays": (([1], [1], [1]), STEPS, {}, r"\(X, y\), got 3"),
    "hidden of a function": (bowl, STEPS, {"params": np.zeros(3), "hidden": (3,)}, "hidden goes"),
    "parameters of a recipe": (Recipe("vertical"), STEPS, {"params": np.zeros(3)}, "do not go"),
    "no such data": ("spirl", STEPS, {}, "did you mean 'spiral'"),
    "no strategy": (bowl, {}, {"params": np.zeros(3)}, "got none"),
    "a class": (bowl, {"a": HillClimbing}, {"params": np.zeros(3)}, "HillClimbing"),
    "half a seed": (bowl, STEPS, {"params": np.zeros(3), "seeds": 2.5}, "whole number"),
    "no seeds": (bowl, STEPS, {"params": np.zeros(3), "seeds": 0}, "1 or more"),
    "too short": (bowl, "random_search", {"params": np.zeros(3), "evaluations": 5}, "1,024"),
    "texts": ((np.ones((3, 2)), ["1.5", "2.5", "3.5"]), STEPS, {}, "y.astype"),
    "gaps": (([[1.0, np.nan]], [1]), STEPS, {}, "finite"),
    "lengths": ((np.ones((3, 2)), np.ones(2)), STEPS, {}, "shapes"),
    "accuracy": (bowl, STEPS, {"params": np.zeros(3), "target_accuracy": 0.9}, "no classes"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_is_refused(case):
    problem, strategies, options, message = BAD[case]
    with pytest.raises(InputError, match=message):
        gradless.compare(problem, strategies, **{"evaluations": 100, **options})
