import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data.held_out import split


@pytest.mark.parametrize("positives", [2, 3, 4, 20])
def test_every_class_is_in_both_parts(positives):
    classes = np.zeros(200, int)
    classes[:positives] = 1
    for seed in range(20):
        train, aside = split(classes, 0.1, seed)
        assert sorted([*train, *aside]) == list(range(200))
        assert set(classes[train]) == set(classes[aside]) == {0, 1}
        assert len(aside) == pytest.approx(20, abs=1)
        assert classes[aside].sum() == max(1, round(0.1 * positives))
    again = split(classes, 0.1, 3)
    np.testing.assert_array_equal(again[1], split(classes, 0.1, 3)[1])
    assert again[1].tolist() != split(classes, 0.1, 4)[1].tolist()


def test_a_class_of_one_sample_cannot_be_in_both():
    assert split(np.array([0, 0, 0, 0, 1]), 0.2, 0) is None
    train, aside = split(np.array([0, 0, 1, 1]), 0.1, 0)
    assert len(train) == len(aside) == 2


def test_labels_are_there_and_not_there_in_both_parts():
    rng = np.random.default_rng(0)
    labels = (rng.random((100, 3)) < [0.03, 0.5, 0.98]).astype(int)
    labels[:, 0] = 0
    labels[[3, 50], 0] = 1
    for seed in range(10):
        for part in split(labels, 0.1, seed):
            assert (labels[part].any(0) & (labels[part] == 0).any(0)).all()


def test_numbers_and_too_few_samples():
    train, aside = split(np.arange(20.0)[:, None], 0.25, 0)
    assert (len(train), len(aside)) == (15, 5)
    with pytest.raises(InputError, match=r"early_stopping=True must be given 2 .* got 1"):
        split(np.zeros((1, 1)), 0.1, 0)
