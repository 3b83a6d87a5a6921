import numpy as np

from gradless.data.scaling import Moments
from gradless.estimators.remembered import Remembered, _capacity


def test_each_sample_is_equally_likely_to_be_kept(monkeypatch):
    monkeypatch.setattr("gradless.estimators.remembered._ROWS", 10)
    rows, counts = np.arange(40.0)[:, None], np.zeros(40)
    for trial in range(400):
        kept = Remembered.none_of(rows, rows, rows[:, 0])
        for number, first in enumerate(range(0, 40, 8)):
            part = rows[first : first + 8]
            kept = kept.and_of((part, part * 2, part[:, 0]), 1000 * trial + number)
        assert kept.seen == 40
        assert len(kept.features) == len(set(kept.features[:, 0])) == 10
        np.testing.assert_array_equal(kept.outputs, kept.features * 2)
        np.testing.assert_array_equal(kept.weight, kept.features[:, 0])
        counts[kept.features[:, 0].astype(int)] += 1
    assert abs(counts - 100).max() < 5 * np.sqrt(75)


def test_a_network_answers_for_samples_that_are_gone():
    moments = Moments(200.0, np.array([5.0, 0.0]), np.array([2.0, 0.0]))
    kept = Remembered.by_network(
        moments, lambda rows: (rows[:, None, :1] * 3, np.ones((200, 1))), 1, seed=0
    )
    assert len(kept.features) == kept.seen == 200
    assert abs(kept.features[:, 0].mean() - 5) < 0.5
    assert (kept.features[:, 1] == 0).all()
    np.testing.assert_array_equal(kept.outputs, kept.features[:, :1] * 3)
    assert _capacity(2**22) == 1
