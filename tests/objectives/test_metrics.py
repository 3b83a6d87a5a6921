"""Every objective is that of scikit-learn or SciPy, with weights, ties and degenerate samples."""

import jax
import numpy as np
import pytest

from gradless import objectives
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset
from gradless.evaluation.layout import layout_for
from gradless.models.mlp import MLP, Dense
from gradless.objectives import NAMES, pick, prepared
from gradless.problems.contract import Layout
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import get as strategy
from helpers.judged_cases import (
    KINDS,
    SAMPLES,
    Case,
    cases,
    every_pair,
    expected,
    judged,
    offered,
    random_case,
    sound,
)

# --- All against these ----------------------------------------------------------------------------


@every_pair
def test_values_are_those_of_scikit_learn_and_scipy(name: str, kind: str) -> None:
    found = judged(name, kind)
    sign = -1 if objectives.get(name).greater_is_better else 1
    assert len({round(float(found.loss[i]), 4) for i, _ in sound(kind)}) > 3
    for i, case in sound(kind):
        value = pytest.approx(expected(name, case), rel=2e-5, abs=3e-6)
        assert sign * found.loss[i] == value, (i, case.label)
        assert sign * found.loss_of_rows[i] == value, (i, case.label)


@every_pair
def test_accuracy_goes_with_every_objective(name: str, kind: str) -> None:
    found = judged(name, kind)
    for i, case in sound(kind):
        if KINDS[kind][0] == "regression":
            assert np.isnan(found.accuracy[i])
            assert np.isnan(found.accuracy_of_rows[i])
        else:
            value = pytest.approx(expected("accuracy", case), rel=1e-6)
            assert found.accuracy[i] == value, (i, case.label)
            assert found.accuracy_of_rows[i] == value, (i, case.label)


@every_pair
def test_nan_outputs_have_no_value(name: str, kind: str) -> None:
    found = judged(name, kind)
    several = [i for i, case in enumerate(cases(kind)) if case.label == "nan"]
    assert len(several) == 3
    for i in several:
        if name in ("accuracy", "zero_one"):  # of which such a sample is wrong
            value = pytest.approx(abs(expected(name, misjudged(kind, cases(kind)[i]))))
            assert abs(found.loss[i]) == value
            assert abs(found.loss_of_rows[i]) == value
        else:
            assert np.isnan(found.loss[i])
            assert np.isnan(found.loss_of_rows[i])


def misjudged(kind: str, case: Case) -> Case:
    """The samples with NaN outputs given wrong ones."""
    task, width = KINDS[kind]
    wrong = -np.eye(width)[case.targets] if task == "classification" else 0.5 - case.targets
    nan = np.isnan(case.outputs).any(1, keepdims=True)
    return case._replace(outputs=np.where(nan, wrong, case.outputs))


@every_pair
def test_no_samples_have_no_value(name: str, kind: str) -> None:
    assert cases(kind)[-1].label == "no samples"
    for loss in (judged(name, kind).loss, judged(name, kind).loss_of_rows):
        assert np.isnan(loss[-1])


@every_pair
def test_infinite_outputs_have_the_same_value_in_both_layouts(name: str, kind: str) -> None:
    found = judged(name, kind)
    several = [i for i, case in enumerate(cases(kind)) if np.isinf(case.outputs).any()]
    assert len(several) == 4
    np.testing.assert_allclose(found.loss[several], found.loss_of_rows[several], rtol=1e-6)


DEGENERATE = {
    # outputs equal, targets equal, both equal, both equal and right
    ("balanced_accuracy", "2 classes"): (0.5, None, 0, 1),
    ("f1", "2 classes"): (None, 0, 0, 0),
    ("f1_macro", "4 classes"): (None, None, 0, None),
    ("matthews", "2 classes"): (0, 0, 0, 0),
    ("matthews", "4 classes"): (0, 0, 0, None),
    ("cohen_kappa", "2 classes"): (0, 0, 0, 0),
    ("roc_auc", "2 classes"): (0.5, 0.5, 0.5, 0.5),
    ("roc_auc", "4 classes"): (0.5, 0.5, 0.5, 0.5),
    ("roc_auc", "3 labels"): (0.5, 0.5, 0.5, 0.5),
    ("average_precision", "2 classes"): (None, 0, 0, 0),
    ("average_precision", "3 labels"): (None, 0, 0, 0),
    ("precision_at_recall:0.9", "2 classes"): (None, 0, 0, 0),
    ("f1", "3 labels"): (0, 0, 0, 0),
    ("f1_weighted", "3 labels"): (0, 0, 0, 0),
    ("quadratic_kappa", "2 classes"): (0, 0, 0, 0),
    ("quadratic_kappa", "4 classes"): (0, 0, 0, 0),
    ("precision_at_k:5", "2 classes"): (None, 0, 0, 0),
    ("r2", "1 number"): (None, 0, 0, 1),
    ("r2", "2 numbers"): (None, 0, 0, 1),
    ("spearman", "1 number"): (0, 0, 0, 0),
}


@pytest.mark.parametrize(("name", "kind"), DEGENERATE)
def test_degenerate_samples_have_the_documented_value(name: str, kind: str) -> None:
    labels = ("outputs equal", "targets equal", "both equal", "both equal and right")
    at = {case.label: i for i, case in enumerate(cases(kind))}
    for label, value in zip(labels, DEGENERATE[name, kind], strict=True):
        if value is not None:
            # Not nearly: a search would follow what rounding leaves.
            assert judged(name, kind).loss[at[label]] == -value, label
            assert judged(name, kind).loss_of_rows[at[label]] == -value, label


def test_equal_targets_of_which_the_mean_is_rounded_have_no_variance() -> None:
    targets = np.full((SAMPLES, 2), 0.1, np.float32)
    weight = random_case("2 numbers", 0, SAMPLES, ties=False, weighted=True).weight
    outputs = targets.copy()
    assert objectives.get("r2")(outputs, targets, weight) == 1
    outputs[0] = 0.2
    assert objectives.get("r2")(outputs, targets, weight) == 0


# --- In other hands -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["2 classes", "4 classes", "3 labels", "2 numbers"])
def test_a_minibatch_has_the_targets_of_its_samples(kind: str) -> None:
    task, width = KINDS[kind]
    case = random_case(kind, 7, SAMPLES, ties=False, weighted=True)
    chosen = np.random.default_rng(0).choice(SAMPLES, 20, replace=False)
    taken = _pick(prepared(task, case.targets, width, case.weight), chosen)
    alone = prepared(task, case.targets[chosen], width, case.weight[chosen])
    assert taken.keys() == alone.keys()
    np.testing.assert_allclose(taken.pop("total"), alone.pop("total"), rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, taken, alone)


_pick = jax.jit(pick)


# Means over samples, counts, ranks, and spreads.
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cross_entropy", "4 classes"),
        ("f1", "3 labels"),
        ("roc_auc", "2 classes"),
        ("r2", "2 numbers"),
    ],
)
def test_a_minibatch_is_judged_by_its_samples(name: str, kind: str) -> None:
    task, width = KINDS[kind]
    case = random_case(kind, 7, SAMPLES, ties=False, weighted=True)
    chosen = np.random.default_rng(0).choice(SAMPLES, 20, replace=False)
    targets = prepared(task, case.targets, width, case.weight)

    @jax.jit
    def loss(outputs, targets, chosen):
        return objectives.get(name).judge(list(outputs[:, chosen]), pick(targets, chosen))[0]

    value = abs(float(loss(case.outputs.T, targets, chosen)))
    taken = Case("", case.outputs[chosen], case.targets[chosen], case.weight[chosen], 20)
    assert value == pytest.approx(abs(expected(name, taken)), rel=2e-5, abs=3e-6)


ONE_KIND_EACH = [
    (
        name,
        next(
            kind
            for kind in ("4 classes", "2 classes", "2 numbers")
            if offered(objectives.get(name), kind)
        ),
    )
    for name in NAMES
    if not objectives.get(name).needs
]


@pytest.mark.parametrize(
    ("name", "kind"), [*ONE_KIND_EACH, ("cross_entropy", "3 labels"), ("f1", "3 labels")]
)
def test_people_get_the_value(name: str, kind: str) -> None:
    case = random_case(kind, 8, SAMPLES, ties=False, weighted=True)
    value = objectives.get(name)(case.outputs, case.targets, case.weight, KINDS[kind][0])
    assert value == pytest.approx(expected(name, case), rel=2e-5, abs=3e-6)
    even = objectives.get(name)(case.outputs, case.targets, task=KINDS[kind][0])
    weight = np.ones(SAMPLES, np.float32)
    assert even == pytest.approx(expected(name, case._replace(weight=weight)), rel=2e-5, abs=3e-6)
    assert even != pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("name", ["spearman", "roc_auc", "r2", "matthews"])
def test_a_sample_of_weight_two_is_two_samples(name: str) -> None:
    kind = "2 numbers" if name in ("spearman", "r2") else "4 classes"
    case = random_case(kind, 5, SAMPLES, ties=True, weighted=False)
    # As many as before, so that it is one program.
    drawn = np.random.default_rng(1).integers(0, SAMPLES, SAMPLES)
    times = np.bincount(drawn, minlength=SAMPLES)
    assert {0, 1, 2, 3} <= {*times}
    objective = objectives.get(name)
    once = objective(case.outputs, case.targets, times)
    repeated = objective(np.repeat(case.outputs, times, 0), np.repeat(case.targets, times, 0))
    assert once == pytest.approx(repeated, rel=1e-5)


@pytest.mark.parametrize("error", [1e-4, 1e-2, 0.99, 1.01, 50.0, 1e4])
def test_log_cosh_is_exact_for_small_and_large_errors(error: float) -> None:
    errors = np.float32([[error], [-error]])
    exact = np.log1p(2 * np.sinh(min(error, 30) / 2) ** 2) if error < 30 else error - np.log(2)
    found = objectives.get("log_cosh")(errors, np.zeros(2, np.float32))
    assert found == pytest.approx(exact, rel=1e-6)


def test_trained_members_are_judged_with_weights(vertical: Dataset) -> None:
    weight = np.random.default_rng(0).uniform(0, 2, vertical.n_samples).astype(np.float32)
    weight[:20] = 0
    model = MLP((2, 3, 3))
    rng = np.random.default_rng(1)
    shapes = [((2, 3), (3,)), ((3, 3), (3,))]
    params = tuple(
        Dense(*(rng.normal(size=shape).astype(np.float32) for shape in layer)) for layer in shapes
    )
    hidden, last = params
    outputs = np.maximum(vertical.features @ hidden.weights + hidden.biases, 0) @ last.weights
    outputs += last.biases
    for name in ("cross_entropy", "f1"):
        problem = SupervisedProblem.of(vertical, model, objectives.get(name), weight=weight)
        assert layout_for(problem, strategy("random_search")).written_out
        case = Case("", outputs, vertical.targets, weight, len(weight))
        for rows in (True, False):
            laid_out = problem.laid_out(Layout(rows, 1, 1))
            score = jax.jit(lambda p, b, problem=laid_out: problem.score(p, b))
            found = score(params, (problem.inputs, problem.targets))
            loss, accuracy = float(found.loss), float(found.measures["accuracy"])
            assert abs(loss) == pytest.approx(expected(name, case), rel=1e-5)
            assert accuracy == pytest.approx(expected("accuracy", case), rel=1e-5)


# --- What they refuse -----------------------------------------------------------------------------


def test_two_classes_are_asked_for(vertical: Dataset) -> None:
    objective = objectives.get("precision_at_recall:0.9")
    message = "objective 'precision_at_recall:0.9' must be used for 2 classes, got 3"
    with pytest.raises(InputError, match=message):
        SupervisedProblem.of(vertical, MLP((2, 3, 3)), objective)
    with pytest.raises(InputError, match=message):
        objective(np.zeros((4, 3)), np.zeros(4, int))


@pytest.mark.parametrize("name", ["r2", "mae", "spearman", "log_cosh", "huber", "quantile"])
def test_classes_are_no_numbers(name: str, vertical: Dataset) -> None:
    with pytest.raises(InputError, match="must be used for regression, got classification; choose"):
        SupervisedProblem.of(vertical, MLP((2, 3, 3)), objectives.get(name))


@pytest.mark.parametrize("name", ["matthews", "cohen_kappa", "balanced_accuracy", "r2"])
def test_labels_have_no_such_value(name: str) -> None:
    with pytest.raises(InputError, match="got multilabel"):
        objectives.get(name)(np.zeros((4, 3)), np.ones((4, 3), int), task="multilabel")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(299), r"of shape \(300,\), got shape \(299,\)"),
        (np.zeros(300), "not all 0, got 0.0 to 0.0"),
        (np.r_[-1, np.ones(299)], "not all 0, got -1.0 to 1.0"),
        (np.r_[np.inf, np.ones(299)], "not all 0, got 1.0 to inf"),
    ],
)
def test_weights_that_count_nothing(weight, message: str, vertical: Dataset) -> None:
    objective = objectives.get("f1")
    with pytest.raises(InputError, match=message):
        SupervisedProblem.of(vertical, MLP((2, 3, 3)), objective, weight=weight)
    with pytest.raises(InputError, match=message):
        objective(np.zeros((300, 3)), vertical.targets, weight)


@pytest.mark.parametrize("labels", [np.ones((4, 3), int), np.zeros((4, 3), int)])
def test_labels_are_not_taken_for_classes(labels) -> None:
    with pytest.raises(InputError, match="give task='multilabel'"):
        objectives.get("f1")(np.zeros((4, 3)), labels)


@pytest.mark.parametrize("labels", [np.ones((4, 2), int), np.full((4, 3), 2), np.ones(4)])
def test_labels_are_zero_or_one_for_each_output(labels) -> None:
    with pytest.raises(InputError, match="labels must be 0 or 1 for each output"):
        objectives.get("f1")(np.zeros((4, 3)), labels, task="multilabel")
