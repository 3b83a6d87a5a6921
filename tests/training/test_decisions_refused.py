"""What no decision can be tuned for, or from, is refused in a line."""

import numpy as np
import pytest

from gradless import InputError
from gradless.training.decisions import counted, metric_of, tune

F1 = counted.named("f1", positive=1)
SECOND = np.random.default_rng(0).uniform(0.1, 0.9, 50)
LIKELY = np.stack([1 - SECOND, SECOND], 1)
TRUE = (np.arange(50) % 5 == 3).astype(int)
FEW = np.isin(np.arange(50), [TRUE.argmin(), TRUE.argmax()]).astype(float)


def changed(row):
    likely = LIKELY.copy()
    likely[3] = row
    return likely


@pytest.mark.parametrize(
    ("likely", "true", "more", "said"),
    [
        (changed([0.5, 0.6]), TRUE, {}, "a sum of 1 in each row, got 0.5, 0.6 in row 4"),
        (changed([-0.1, 1.1]), TRUE, {}, "must be from 0 to 1, got -0.1, 1.1 in row 4"),
        (changed([np.nan, 1]), TRUE, {}, "must be finite numbers, got nan, 1 in row 4"),
        (LIKELY[:, 1], TRUE, {}, r"must be of shape \(n, classes\), two or more, got \(50,\)"),
        (LIKELY[:, 1:], TRUE, {}, r"two or more, got \(50, 1\)"),
        ([["a", "b"]], [0], {}, "must be numbers"),
        (LIKELY[:0], TRUE[:0], {}, "of one row or more"),
        (LIKELY, np.zeros(50), {}, "must be two true classes or more in the table, got 1"),
        (LIKELY, TRUE + 1, {}, "true classes must be from 0 to 1, got 1 to 2"),
        (LIKELY, TRUE[:9], {}, r"one true class for each row of probabilities, got \(9,\)"),
        (LIKELY, TRUE, {"weight": -np.ones(50)}, "weights must be one finite number"),
        (LIKELY, np.where(TRUE, "b", "a"), {}, "must be their indices, 0, 1, ..., got other"),
        (LIKELY, np.where(TRUE, np.nan, 0), {}, "must be their indices"),
        (LIKELY, TRUE + 0.5, {}, "must be their indices"),
        (LIKELY[:3], [0, 1, 0], {}, "must be 4 rows or more with a weight above 0, .* got 3"),
        (LIKELY, TRUE, {"weight": FEW}, "must be 4 rows or more with a weight above 0, .* got 2"),
        (LIKELY, TRUE, {"groups": range(9)}, r"one group for each row .* got \(9,\) for 50 rows"),
        (LIKELY, TRUE, {"classes": ["a"]}, "a column of probabilities for each class"),
        (LIKELY, TRUE, {"most": 2.5}, "capacity must be a share above 0 and up to 1"),
        (LIKELY, TRUE, {"most": 0.0}, "capacity must be a share above 0 and up to 1"),
    ],
)
def test_what_cannot_be_tuned_is_refused_in_a_line(likely, true, more, said):
    with pytest.raises(InputError, match=said) as refused:
        tune(likely, true, F1, **more)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objective": "f2"}, "unknown metric of decisions 'f2'. Known: accuracy"),
        ({"objective": "f2"}, "jaccard, matthews, precision, profit, quadratic_kappa, recall"),
        ({"objective": "roc_auc"}, "no decision changes it"),
        ({"objective": "neg_log_loss"}, "a scorer of predicted labels"),
        ({"objective": "r2"}, "a scorer of labels such as 'n', got 'r2' .*to float"),
        ({"objective": "f1_samples"}, "got 'f1_samples' .*multilabel.*For example: accuracy"),
        ({"objective": "fbeta:x"}, "must have a number above 0"),
        ({"objective": "f1:2"}, "unknown metric of decisions 'f1:2'"),
        ({"objective": "zero_one:2"}, "unknown metric of decisions 'zero_one:2'"),
        ({"objective": "profit"}, "must have a value"),
        ({"objective": None, "cost": 5}, "must have a value"),
        ({"objective": "profit", "value": -3}, "must have a value above 0"),
        ({"objective": "f1", "value": 3}, "value and cost are numbers of the objective 'profit'"),
        ({"objective": "f1", "costs": np.eye(2)}, "costs are numbers of the objective 'cost'"),
        ({"objective": "cost"}, "must have costs"),
        ({"objective": None, "costs": {("n", "x"): 1}}, "of the classes n, y, got 'x'"),
        ({"objective": None, "costs": {"n": 1}}, "of pairs"),
        (
            {"objective": None, "costs": {("n", "y"): "x"}},
            r"finite numbers, got 'x' of \('n', 'y'\)",
        ),
        ({"objective": None, "costs": "x"}, "must be a matrix of numbers .* got 'x'"),
        ({"objective": None, "costs": [[0, 1], [2]]}, "must be a matrix of numbers"),
        ({"objective": None, "costs": [[0, np.nan], [1, 0]]}, "got nan in row 1, column 2"),
        ({"objective": None, "costs": np.zeros((2, 2))}, "must differ between the decisions"),
        ({"objective": None, "costs": [[0, 1]]}, "as many rows as columns"),
        ({"objective": None, "costs": 1 - np.eye(3)}, r"of shape \(2, 2\) for 2 classes"),
        ({"objective": None, "costs": np.eye(2)}, "must be lowest on the diagonal"),
        ({"objective": None, "positive": "x"}, "must be one of n, y, got 'x'"),
        ({"objective": lambda true, decided: 1.0}, "needs a direction"),
        ({"objective": 3}, "must be a name, a scorer or a function"),
    ],
)
def test_what_is_no_metric_of_decisions_is_refused(given, said):
    with pytest.raises(InputError, match=said) as refused:
        metric_of(given.pop("objective"), ["n", "y"], **given)
    assert "\n" not in str(refused.value)


def test_metrics_of_one_class_of_two_are_refused_for_more():
    with pytest.raises(InputError, match=r"must be of two classes, got 3.*jaccard_macro"):
        metric_of("jaccard", ["a", "b", "c"])
