"""Scorers of one class of two are told of which."""

import pytest
from sklearn.metrics import get_scorer, jaccard_score, make_scorer

from gradless._core.scorers import with_positive


@pytest.mark.parametrize("name", ["jaccard", "precision"])
def test_the_second_label_is_the_positive_one(name):
    scorer = get_scorer(name)
    told = with_positive(scorer, ["no", "yes"])
    assert told._kwargs["pos_label"] == "yes"
    assert "pos_label" not in scorer._kwargs
    assert told._score_func is scorer._score_func


@pytest.mark.parametrize(
    ("scorer", "labels"),
    [
        (get_scorer("jaccard"), [0, 1]),
        (get_scorer("jaccard"), [False, True]),
        (get_scorer("jaccard"), ["a", "b", "c"]),
        (get_scorer("jaccard_macro"), ["no", "yes"]),
        (get_scorer("accuracy"), ["no", "yes"]),
        (make_scorer(jaccard_score, pos_label="no"), ["no", "yes"]),
        (lambda estimator, features, labels: 1.0, ["no", "yes"]),
    ],
)
def test_other_scorers_stay_as_they_are(scorer, labels):
    assert with_positive(scorer, labels) is scorer
