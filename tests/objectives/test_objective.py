"""Losses and metrics are those of the book, of scikit-learn and of argmax."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_squared_error, zero_one_loss

from gradless import book, objectives
from gradless._core.errors import InputError
from gradless.objectives import ALIASES, NAMES, OBJECTIVES, class_targets, prepared
from helpers import judged_directly

SAMPLES, CLASSES = 64, 4  # as in test_metrics, which needs the same programs


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, CLASSES, SAMPLES).astype(np.int32)


def random_logits(scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (scale * rng.normal(size=(SAMPLES, CLASSES))).astype(np.float32)


def tied_logits() -> np.ndarray:
    """Every way in which four outputs can be equal to one another, often with the maximum."""
    return np.array(list(itertools.product([-1.5, 0.0, 0.1], repeat=CLASSES)), np.float32)


def book_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    softmax = book.Activation_Softmax()
    softmax.forward(logits)
    return float(book.Loss_CategoricalCrossentropy().calculate(softmax.output, labels))


# --- Cross-entropy --------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0, 5.0, 30.0, 1000.0])
def test_cross_entropy_is_that_of_the_book(scale: float, labels) -> None:
    logits = random_logits(scale)
    value = OBJECTIVES["cross_entropy"](logits, labels)
    assert value == pytest.approx(book_loss(logits, labels), rel=1e-5)


@pytest.mark.parametrize("difference", [1000.0, 100.0, 88.0, 50.0, 17.0, 16.2, 16.0, 15.0])
@pytest.mark.parametrize("offset", [0.0, -1000.0, 1000.0])
def test_cross_entropy_is_clipped_at_both_ends(difference: float, offset: float) -> None:
    logits = np.array([[offset + difference, offset]], np.float32)
    for label in (0, 1):
        value = OBJECTIVES["cross_entropy"](logits, np.array([label]))
        expected = book_loss(logits, np.array([label]))
        # At the lower end 1 - p holds few of the 24 bits, and p of the book was rounded.
        assert value == pytest.approx(expected, rel=1e-5, abs=1.3e-7)


def test_cross_entropy_at_the_ends_are_the_numbers_of_the_book() -> None:
    logits = np.array([[1000, -1000]], np.float32)
    cross_entropy = OBJECTIVES["cross_entropy"]
    assert cross_entropy(logits, np.array([0])) == pytest.approx(book_loss(logits, np.array([0])))
    assert cross_entropy(logits, np.array([0])) == pytest.approx(1.19e-7, rel=0.01)
    assert cross_entropy(logits, np.array([1])) == pytest.approx(-np.log(1e-7))


def test_cross_entropy_of_many_classes_stays_finite() -> None:
    logits = np.full((2, 1000), 1000, np.float32)
    logits[:, 0] = -1000
    assert OBJECTIVES["cross_entropy"](logits, np.array([0, 0])) == pytest.approx(-np.log(1e-7))
    uniform = np.zeros((2, 1000), np.float32)
    assert OBJECTIVES["cross_entropy"](uniform, np.array([0, 7])) == pytest.approx(np.log(1000))


@pytest.mark.parametrize("name", ["cross_entropy", "squared_error"])
def test_nan_output_is_a_nan_loss(name: str, labels) -> None:
    logits = random_logits()
    logits[17, 2] = np.nan
    assert np.isnan(OBJECTIVES[name](logits, labels))


# --- Accuracy -------------------------------------------------------------------------------------


def test_accuracy_is_that_of_argmax(labels) -> None:
    logits = random_logits()
    expected = accuracy_score(labels, logits.argmax(1))
    assert 0 < expected < 1
    assert OBJECTIVES["accuracy"](logits, labels) == pytest.approx(expected)


@pytest.mark.parametrize("label", range(CLASSES))
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_accuracy_of_tied_outputs_is_that_of_argmax(label: int, scale: float) -> None:
    for logits in tied_logits() * np.float32(scale):
        value = OBJECTIVES["accuracy"](logits[None], np.array([label]))
        assert value == (logits.argmax() == label), logits


@pytest.mark.parametrize("constant", [0.0, -3.0, 1e6])
def test_equal_outputs_predict_class_zero(constant: float, labels) -> None:
    logits = np.full((SAMPLES, CLASSES), constant, np.float32)
    assert OBJECTIVES["accuracy"](logits, labels) == pytest.approx(np.mean(labels == 0))


def test_nan_outputs_count_as_wrong() -> None:
    logits = np.zeros((5, 3), np.float32)
    logits[:, 0] = 1
    labels = np.zeros(5, np.int32)
    assert OBJECTIVES["accuracy"](logits, labels) == 1
    logits[0, 0] = logits[1, 1] = np.nan  # of the true class, of another class
    logits[2] = np.nan
    assert OBJECTIVES["accuracy"](logits, labels) == pytest.approx(2 / 5)
    assert OBJECTIVES["zero_one"](logits, labels) == pytest.approx(3 / 5)


@pytest.mark.parametrize("rows", [True, False])
def test_ties_and_nan_are_judged_alike_when_compiled(rows: bool) -> None:
    logits = np.concatenate([tied_logits(), np.full((CLASSES, CLASSES), 1, np.float32)])
    logits[-CLASSES:][np.eye(CLASSES, dtype=bool)] = np.nan
    labels = np.arange(len(logits)) % CLASSES
    expected = np.mean((logits.argmax(1) == labels)[:-CLASSES]) * (1 - CLASSES / len(logits))
    outputs = jnp.asarray(logits.T)
    value = jax.jit(objectives.accuracy)(
        list(outputs) if rows else outputs, class_targets(labels, CLASSES)
    )
    assert float(value) == pytest.approx(expected)


def test_zero_one_is_the_rest(labels) -> None:
    logits = random_logits()
    expected = zero_one_loss(labels, logits.argmax(1))
    assert OBJECTIVES["zero_one"](logits, labels) == pytest.approx(expected)


# --- Squared error --------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 3])
def test_squared_error_is_that_of_scikit_learn(outputs: int) -> None:
    rng = np.random.default_rng(2)
    wanted = rng.normal(size=(SAMPLES, outputs)).astype(np.float32)
    given = rng.normal(size=(SAMPLES, outputs)).astype(np.float32)
    expected = mean_squared_error(wanted, given)
    squared_error = OBJECTIVES["squared_error"]
    assert squared_error(given, wanted) == pytest.approx(expected, rel=1e-5)
    if outputs == 1:
        assert squared_error(given, wanted[:, 0]) == pytest.approx(expected, rel=1e-5)


def test_squared_error_of_classes_is_against_one_hot_labels(labels) -> None:
    logits = random_logits()
    expected = mean_squared_error(np.eye(CLASSES)[labels], logits)
    assert OBJECTIVES["squared_error"](logits, labels) == pytest.approx(expected, rel=1e-5)


# --- All of them ----------------------------------------------------------------------------------


FOR_CLASSES = [name for name in OBJECTIVES if "classification" in OBJECTIVES[name].tasks]


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_rows_and_array_agree(task: str, labels) -> None:
    """In what they make of a sample: from there on, there is one layout."""
    given = {
        "classification": labels,
        "multilabel": np.random.default_rng(3).integers(0, 2, (SAMPLES, CLASSES)),
        "regression": np.random.default_rng(3).normal(size=(SAMPLES, CLASSES)),
    }
    here = [OBJECTIVES[name] for name in OBJECTIVES if task in OBJECTIVES[name].tasks]
    beside = judged_directly.beside(given["regression"])
    outputs, targets = random_logits().T, prepared(task, given[task], CLASSES, None, beside)

    @jax.jit
    def both(outputs, targets):
        return {
            each.name: [each.of_samples(of, targets) for of in (outputs, list(outputs))]
            for each in here
        }

    for name, (array, rows) in both(outputs, targets).items():
        np.testing.assert_allclose(rows, array, rtol=1e-6, err_msg=name)
    for each in here:
        for of in (jnp.asarray(outputs), list(outputs)):
            assert jax.eval_shape(each.function, of, targets).shape == ()


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_better_outputs_have_a_lower_loss(name: str, labels) -> None:
    objective = OBJECTIVES[name]
    good = np.eye(CLASSES, dtype=np.float32)[labels]
    bad = np.roll(good, 1, axis=1)
    good_value, bad_value = (objective(outputs, labels) for outputs in (good, bad))
    assert objective.value(good_value) < objective.value(bad_value)
    assert objective.greater_is_better == (good_value > bad_value)


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_one_hot_labels_are_class_indices(name: str, labels) -> None:
    objective = OBJECTIVES[name]
    logits = random_logits()
    expected = objective(logits, labels)
    for dtype in (np.int32, np.uint8, np.float32):
        one_hot = np.eye(CLASSES, dtype=dtype)[labels]
        assert objective(logits, one_hot) == pytest.approx(expected, rel=1e-6)
    assert objective(logits.tolist(), labels.tolist()) == pytest.approx(expected, rel=1e-6)
    assert objective(jnp.asarray(logits), jnp.asarray(labels)) == pytest.approx(expected, rel=1e-6)
    assert isinstance(expected, float)


@pytest.mark.parametrize("name", NAMES)
def test_name_and_description(name: str) -> None:
    objective = objectives.get(name)
    assert objective.name == name
    assert objective.description
    assert objectives.get(objective.name) is objective
    assert hash(objective) == hash(objectives.get(name))


def test_all_that_have_no_number_are_listed() -> None:
    assert set(OBJECTIVES) < set(NAMES)
    assert all(OBJECTIVES[name].name == name for name in OBJECTIVES)


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_are_the_same_objective(alias: str) -> None:
    known = {"quantile": "quantile", "cost_matrix": "cost_matrix:[[0,1],[5,0]]"}
    number = known.get(ALIASES[alias], ALIASES[alias]).partition(":")[2]
    given, meant = (name + ":" * bool(number) + number for name in (alias, ALIASES[alias]))
    assert objectives.get(given) is objectives.get(meant)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("huber", "huber:1"),
        ("quantile", "quantile:0.50"),
        ("quantile:0.9", "quantile:.90"),
        ("fbeta:2", "fbeta:2.0"),
        ("precision_at_recall:1", "precision_at_recall:1.0"),
    ],
)
def test_equal_numbers_are_the_same_objective(given: str, same: str) -> None:
    assert objectives.get(given) is objectives.get(same)
    assert objectives.get(objectives.get(same).name) is objectives.get(given)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fbeta", "'fbeta' must have a number above 0, got none. For example: fbeta:2$"),
        ("fbeta:0", "'fbeta' must have a number above 0, got 0"),
        ("fbeta:inf", "'fbeta' must have a number above 0, got inf"),
        ("fbeta:two", "'fbeta' must have a number above 0, got two"),
        ("precision_at_recall", "a number above 0 and up to 1, got none"),
        ("precision_at_recall:0", "a number above 0 and up to 1, got 0"),
        ("precision_at_recall:1.1", "a number above 0 and up to 1, got 1.1"),
        ("huber:-1", "a number above 0, got -1. For example: huber:1$"),
        ("quantile:1", "a number between 0 and 1, got 1"),
        ("quantile:nan", "got nan. For example: quantile:0.5$"),
        (
            "precision_at_k",
            "a number of rows, a whole one of 1 or more or a share below 1, got none",
        ),
        ("precision_at_k:0", "got 0. For example: precision_at_k:0.1$"),
        ("profit_at_k:2.5", "got 2.5"),
        ("profit:-1", "a number of 0 or more, what acting costs, got -1. For example: profit:5$"),
        ("ndcg_at_k:0", "a number of places, a whole one of 1 or more, got 0"),
        ("equal_opportunity:1", "a number from 0 to below 1, got 1"),
        ("cost_matrix", r"'cost_matrix' must have costs, got none. For example: cost_matrix:\[\["),
    ],
)
def test_numbers_out_of_range(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        objectives.get(name)


@pytest.mark.parametrize(
    ("given", "close"),
    [("quantil:0.9", "quantile:0.5"), ("f1:2", "f1"), ("roc-au", "roc_auc"), ("logloss", "log_l")],
)
def test_the_closest_name_may_have_a_number_or_be_an_alias(given: str, close: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{close}"):
        objectives.get(given)


STEPS = {"zero_one", "accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "fbeta:2"}
STEPS |= {"matthews", "cohen_kappa", "roc_auc", "average_precision", "precision_at_recall:0.9"}
STEPS |= {"spearman", "quadratic_kappa", "precision_at_k:0.1", "profit_at_k:0.1", "profit:5"}
STEPS |= {"equal_opportunity:0.02", "equal_opportunity_f1:0.02", "concordance", "ndcg"}
STEPS |= {"ndcg_at_k:10", "cost_matrix:[[0,1],[5,0]]"}


def test_those_that_go_in_steps_are_known() -> None:
    assert {name for name in NAMES if not objectives.get(name).smooth} == STEPS


def test_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(InputError, match="unknown objective 'acuracy'; did you mean 'accuracy'"):
        objectives.get("acuracy")


@pytest.mark.parametrize("shape", [(SAMPLES,), (SAMPLES - 1, CLASSES), (SAMPLES, CLASSES, 1)])
def test_shapes_that_do_not_fit(shape, labels) -> None:
    with pytest.raises(InputError, match=r"outputs must be of shape .* for 64 targets"):
        OBJECTIVES["accuracy"](np.zeros(shape), labels)
