"""A growing file is read on, in memory that does not grow with it."""

import numpy as np
import pytest

from gradless.pages.live.curves import LONG, POINTS, Curve, Followed, plain, stamp


def rows(count: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    return np.column_stack([np.arange(count), draw.normal(size=count), np.arange(count)[::-1]])


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 4097, 30_011])
@pytest.mark.parametrize("piece", [1, 7, 5000])
def test_thinned_rows_are_spread_evenly_and_end_with_the_last(count, piece):
    if count > 5000 and piece == 1:
        return
    curve, whole = Curve(["evaluations", "loss", "best_loss"]), rows(count)
    for begin in range(0, count, piece):
        curve.append(whole[begin : begin + piece])
    places = curve.column("evaluations").astype(int)
    assert curve.rows == count
    assert len(places) <= POINTS + 1
    assert places[-1] == count - 1
    np.testing.assert_array_equal(curve.column("loss"), whole[places, 1])
    steps = np.diff(places)
    assert len(set(steps[:-1])) <= 1
    assert (steps > 0).all()
    assert len(places) >= min(count, POINTS // 2)


def text_of(begin, end):
    return "".join(f"{i},{1 / i:.9g},x{'y' * (i % 40)}\n" for i in range(begin, end))


@pytest.mark.parametrize("end", ["", "60001,0.5"])
def test_a_long_file_is_read_in_places_and_then_on(tmp_path, end):
    path = tmp_path / "history.csv"
    path.write_text("evaluations,loss,other\n" + text_of(1, 60_001) + end)
    assert path.stat().st_size > LONG
    followed = Followed(path, ("evaluations", "loss"))
    assert followed.look(stamp(path))
    places = followed.curve.column("evaluations")
    assert places[-1] == 60_000
    assert (np.diff(places) > 0).all()
    assert POINTS // 2 <= len(places) <= POINTS + 1
    assert np.diff(places).max() < 1000
    np.testing.assert_allclose(followed.curve.column("loss"), 1 / places, rtol=1e-8)
    with path.open("a") as file:
        file.write(
            text_of(60_001, 60_011)[len(end) :] if not end else ",z\n" + text_of(60_002, 60_011)
        )
    assert followed.look(stamp(path))
    assert followed.curve.column("evaluations")[-1] == 60_010


def test_numbers_are_told_in_six_digits_and_whole_ones_whole():
    values = np.array([12_195_384, 0.0114212345, -1.5, 0, 1e-300, np.nan, np.inf, 123456.789])
    assert plain(values) == [12_195_384, 0.0114212, -1.5, 0, 1e-300, None, None, 123457]


def test_only_plain_files_are_read(tmp_path):
    (tmp_path / "file").write_text("loss\n1\n")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    assert stamp(tmp_path / "file") is not None
    assert [stamp(tmp_path / name) for name in ("link", "folder", "absent")] == [None] * 3


def test_only_what_is_new_is_read(tmp_path):
    path = tmp_path / "live.csv"
    followed = Followed(path, ("evaluations", "loss", "absent"))
    assert not followed.look(stamp(path))
    path.write_text("generation,evaluations,loss\n1,10,0.5\n2,20,")
    assert followed.look(stamp(path))
    assert followed.curve.shown() == {"evaluations": [10.0], "loss": [0.5]}
    assert not followed.look(stamp(path))
    with path.open("a") as file:
        file.write("0.25\n3,30,nan\n4,40\n")  # the last of which is no whole row
    assert followed.look(stamp(path))
    assert followed.curve.shown() == {
        "evaluations": [10.0, 20.0, 30.0], "loss": [0.5, 0.25, None],
    }  # fmt: skip


def test_a_file_that_is_written_anew_is_read_anew(tmp_path):
    path = tmp_path / "live.csv"
    followed = Followed(path, ("loss",))
    path.write_text("loss\n1\n2\n3\n")
    followed.look(stamp(path))
    (tmp_path / "other").write_text("loss\n7\n")
    (tmp_path / "other").replace(path)
    assert followed.look(stamp(path))
    assert followed.curve.shown()["loss"] == [7.0]
    path.unlink()
    assert followed.look(stamp(path))
    assert followed.curve is None
