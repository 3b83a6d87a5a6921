"""A growing file is read on, in memory that does not grow with it."""

import numpy as np
import pytest

from gradless.pages.live.curves import POINTS, Curve, Followed


def rows(count: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    return np.column_stack([np.arange(count), draw.normal(size=count), np.arange(count)[::-1]])


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 4097, 30_011])
@pytest.mark.parametrize("piece", [1, 7, 5000])
def test_thinned_rows_keep_the_last_value_and_all_extremes(count, piece):
    if count > 5000 and piece == 1:
        return
    curve, whole = Curve(["evaluations", "loss", "best_loss"]), rows(count)
    for begin in range(0, count, piece):
        curve.append(whole[begin : begin + piece])
    shown = curve.shown()
    assert curve.rows == count
    assert len(shown["loss"]) <= POINTS + 1
    assert shown["evaluations"][-1] == count - 1
    assert shown["evaluations"] == sorted(shown["evaluations"])
    assert shown["best_loss"][-1] == 0
    if "loss_low" in shown:
        told = whole[: count - len(curve._left), 1]  # others fill no bucket yet
        assert min(shown["loss_low"]) <= told.min() + 1e-5
        assert max(shown["loss_high"]) >= told.max() - 1e-5
        assert len(curve._left) < count / POINTS * 4


def test_only_what_is_new_is_read(tmp_path):
    path = tmp_path / "live.csv"
    followed = Followed(path, ("evaluations", "loss", "absent"))
    assert not followed.look()
    path.write_text("generation,evaluations,loss\n1,10,0.5\n2,20,")
    assert followed.look()
    assert followed.curve.shown() == {"evaluations": [10.0], "loss": [0.5]}
    assert not followed.look()
    with path.open("a") as file:
        file.write("0.25\n3,30,nan\n4,40\n")  # the last of which is no whole row
    assert followed.look()
    assert followed.curve.shown() == {
        "evaluations": [10.0, 20.0, 30.0], "loss": [0.5, 0.25, None],
    }  # fmt: skip


def test_a_file_that_is_written_anew_is_read_anew(tmp_path):
    path = tmp_path / "live.csv"
    followed = Followed(path, ("loss",))
    path.write_text("loss\n1\n2\n3\n")
    followed.look()
    (tmp_path / "other").write_text("loss\n7\n")
    (tmp_path / "other").replace(path)
    assert followed.look()
    assert followed.curve.shown()["loss"] == [7.0]
    path.unlink()
    assert followed.look()
    assert followed.curve is None
