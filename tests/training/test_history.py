"""A run is recorded the same however it was cut, stays small, and survives the disk."""

import sys
from pathlib import Path

import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.training.history import History
from gradless.training.history_rows import Row

HEADER = "generation,evaluations,seconds,loss,accuracy,best_loss,best_accuracy\n"


def make_rows(count: int, start: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    generation = np.arange(start, start + count)
    loss = rng.exponential(size=count).astype(np.float32)
    accuracy = rng.random(count).astype(np.float32)
    return {
        "generation": generation,
        "evaluations": 7 * generation,
        "seconds": np.cumsum(rng.random(count)),
        "loss": loss,
        "accuracy": accuracy,
        "best_loss": np.minimum.accumulate(loss),
        "best_accuracy": np.maximum.accumulate(accuracy),
    }


def part(rows: dict[str, np.ndarray], start: int, stop: int) -> dict[str, np.ndarray]:
    return {name: values[start:stop] for name, values in rows.items()}


def csv_of(history: History, folder: Path) -> str:
    history.to_csv(folder / "written.csv")
    return (folder / "written.csv").read_text()


def kept_by_hand(start: int, count: int, capacity: int) -> list[int]:
    """The rule as one says it: one generation at a time, and double when there is no room."""
    kept: list[int] = []
    stride = 1
    for generation in range(start, start + count):
        kept.append(generation)
        if len(kept) > 2 and kept[-2] % stride:
            del kept[-2]
        while len(kept) > capacity:
            stride *= 2
            kept = [g for g in kept if g % stride == 0 or g in (start, generation)]
    return kept


@pytest.mark.parametrize("start", [0, 1, 5])
@pytest.mark.parametrize("capacity", [2, 3, 7, 32])
def test_keeps_first_latest_and_multiples_of_a_doubling_stride(start, capacity):
    for count in [*range(1, 40), 257, 1000]:
        history = History(capacity)
        history.append(**make_rows(count, start))
        assert history.column("generation").tolist() == kept_by_hand(start, count, capacity)
        assert len(history) <= capacity or count == 1


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_does_not_depend_on_how_the_run_was_cut(seed, tmp_path):
    rng = np.random.default_rng(seed)
    count, capacity = int(rng.integers(2, 400)), int(rng.integers(2, 60))
    rows = make_rows(count, start=int(rng.integers(0, 3)))
    whole, cut, resumed = History(capacity), History(capacity), History(capacity)
    whole.append(**rows)
    edges = np.sort(rng.integers(0, count + 1, rng.integers(1, 12)))
    for start, stop in zip([0, *edges], [*edges, count], strict=True):
        cut.append(**part(rows, start, stop))
        resumed.append(**part(rows, start, stop))
        resumed.to_csv(tmp_path / "run.csv")
        resumed = History.from_csv(tmp_path / "run.csv", capacity)
    assert csv_of(cut, tmp_path) == csv_of(whole, tmp_path)
    assert csv_of(resumed, tmp_path) == csv_of(whole, tmp_path)


def test_values_stay_with_their_generation():
    rows = make_rows(1000)
    history = History(100)
    history.append(**rows)
    index = history.column("generation") - 1
    for name in history.columns:
        np.testing.assert_array_equal(history.column(name), rows[name][index])


def test_last_row_and_copies():
    history = History()
    with pytest.raises(IndexError, match="empty"):
        history.last  # noqa: B018
    history.append(
        generation=1, evaluations=10, seconds=0.25, loss=1.5, accuracy=0.5, best_loss=1.5,
        best_accuracy=0.5,
    )  # fmt: skip
    assert history.last == Row(1, 10, 0.25, 1.5, {"accuracy": 0.5}, 1.5, {"accuracy": 0.5})
    history.column("loss")[0] = 99
    assert history.last.loss == 1.5
    with pytest.raises(InputError, match="did you mean 'loss'"):
        history.column("los")


def test_csv_is_short_exact_and_has_empty_cells_without_accuracy(tmp_path):
    history = History()
    history.append(
        generation=[0, 1, 2],
        evaluations=[1, 2, 10**12],
        seconds=[0, 0.12345, 3600],
        loss=np.array([0.1, np.inf, np.nan], np.float32),
        accuracy=[np.nan, 1 / 3, 1],
        best_loss=[0.1, 0.1, 1e-7],
        best_accuracy=[np.nan, 1 / 3, 1],
    )
    assert csv_of(history, tmp_path) == HEADER + (
        "0,1,0.000,0.1,,0.1,\n"
        "1,2,0.123,inf,0.33333334,0.1,0.33333334\n"
        "2,1000000000000,3600.000,nan,1.0,1e-07,1.0\n"
    )
    read = History.from_csv(tmp_path / "written.csv")
    for name in ("generation", "evaluations", "loss", "accuracy", "best_loss", "best_accuracy"):
        np.testing.assert_array_equal(read.column(name), history.column(name))
        assert read.column(name).dtype == history.column(name).dtype


def test_empty_history_is_read_back(tmp_path):
    assert csv_of(History(measures=["accuracy"]), tmp_path) == HEADER
    read = History.from_csv(tmp_path / "written.csv")
    assert (len(read), read.measures) == (0, ("accuracy",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generation": np.arange(5, 8)}, "expected 4 first"),
        ({"generation": np.array([4, 6, 7])}, "steps of 1"),
        ({"loss": np.zeros(2)}, "one shape"),
        ({name: np.zeros((3, 1)) for name in make_rows(1)}, "one shape"),
    ],
)
def test_blocks_that_do_not_fit_are_refused_whole(change, message, tmp_path):
    rows = make_rows(6)
    history = History()
    history.append(**part(rows, 0, 3))
    before = csv_of(history, tmp_path)
    with pytest.raises(ValueError, match=message):
        history.append(**part(rows, 3, 6) | change)
    assert csv_of(history, tmp_path) == before
    with pytest.raises(ValueError, match="expected 0 first"):
        History().append(**make_rows(3, start=-1))


def test_capacity_below_two_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        History(1)


def drop_line(text: str, number: int) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[:number] + lines[number + 1 :])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: "", "cut off"),
        (lambda text: text[:-3], "cut off"),
        (lambda text: text.replace("loss", "lass", 1), "line 1"),
        (lambda text: text.replace(",", ";"), "line 1"),
        (lambda text: text + "9,63\n", "line 10 is '9,63', expected 7 numbers"),
        (lambda text: text + "9,63,1.0,one,1,1,1\n", "line 10"),
        (lambda text: text + "9,63,1.0,,1,1,1\n", "line 10"),
        (lambda text: text + f"9,{10**30},1.0,1,1,1,1\n", "line 10"),
        (lambda text: text + "9,1,1.0,1,1,1,1\n", "out of order"),
        (lambda text: text + "11,77,1.0,1,1,1,1\n", "missing"),
        (lambda text: text + text.splitlines()[-1] + "\n", "doubled"),
        (lambda text: drop_line(text, 4), "missing"),
    ],
)
def test_damaged_files_are_refused_in_one_line(damage, message, tmp_path):
    history = History()
    history.append(**make_rows(8))
    path = tmp_path / "run.csv"
    path.write_text(damage(csv_of(history, tmp_path)))
    with pytest.raises(InputError, match=message) as caught:
        History.from_csv(path)
    assert str(path) in str(caught.value)
    assert "restore it" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text_or_missing_are_refused(tmp_path):
    path = tmp_path / "run.csv"
    with pytest.raises(InputError, match=r"run\.csv.*check the path"):
        History.from_csv(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    with pytest.raises(InputError, match="not a text file"):
        History.from_csv(path)


def test_a_file_with_another_capacity(tmp_path):
    history = History(10)
    history.append(**make_rows(100))
    history.to_csv(tmp_path / "run.csv")
    with pytest.raises(InputError, match="larger capacity"):
        History.from_csv(tmp_path / "run.csv", capacity=5)
    larger = History.from_csv(tmp_path / "run.csv", capacity=1000)
    assert larger.column("generation").tolist() == [1, *range(16, 97, 16), 100]
    larger.append(**part(make_rows(120), 100, 120))
    assert larger.column("generation").tolist() == [1, *range(16, 113, 16), 120]


def test_losses_in_float64_stay_what_they_are(tmp_path):
    exact = {"loss": np.array([1e300, 1e6 + 1e-9, -1e300])}
    history = History()
    history.append(**part(make_rows(6), 0, 3))
    history.append(**part(make_rows(6), 3, 6) | exact)
    assert history.column("loss").dtype == history.column("best_loss").dtype == np.float64
    assert history.column("accuracy").dtype == np.float32
    assert history.column("loss")[3:].tolist() == exact["loss"].tolist()
    np.testing.assert_array_equal(history.column("loss")[:3], make_rows(6)["loss"][:3])
    csv_of(history, tmp_path)
    for other in (
        History.from_csv(tmp_path / "written.csv"), History.from_arrays(history.arrays())
    ):  # fmt: skip
        assert other.column("loss").dtype == np.float64
        np.testing.assert_array_equal(other.column("loss"), history.column("loss"))


def test_a_number_beyond_float32_is_inf():
    history = History()
    history.append(**make_rows(2) | {"loss": [1e300, -1e300]})
    assert history.column("loss").tolist() == [np.inf, -np.inf]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError("disk full")

    history = History()
    history.append(**make_rows(3))
    old = csv_of(history, tmp_path)
    history.append(**part(make_rows(6), 3, 6))
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        history.to_csv(tmp_path / "written.csv")
    assert (tmp_path / "written.csv").read_text() == old
    assert [path.name for path in tmp_path.iterdir()] == ["written.csv"]


# --- Looking at it --------------------------------------------------------------------------------


def test_pandas_gets_the_columns_as_they_are(monkeypatch):
    history = History()
    history.append(**make_rows(5))
    frame = history.to_pandas()
    assert tuple(frame.columns) == history.columns
    for name in history.columns:
        np.testing.assert_array_equal(frame[name], history.column(name))
        assert frame[name].dtype == history.column(name).dtype
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"to_pandas needs pandas, .* pip install pandas"):
        history.to_pandas()


def test_a_history_says_in_short_what_it_holds():
    history = History()
    assert repr(history) == "History(empty)"
    history.append(**(make_rows(3) | {"best_loss": np.float32([3, 2, 0.25])}))
    assert repr(history) == "History(3 rows, 21 evaluations, best loss 0.25)"
    assert "21 in" in history._repr_html_()


def test_a_history_is_drawn_into_a_file_and_for_a_notebook(tmp_path):
    history = History()
    history.append(**make_rows(50))
    figure = history.plot(path=tmp_path / "loss.svg", title="exponential noise")
    assert (tmp_path / "loss.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
    (axes,) = figure.axes
    each, best = axes.get_lines()[:2]
    np.testing.assert_allclose(each.get_ydata(), history.column("loss"))
    np.testing.assert_allclose(best.get_ydata(), history.column("best_loss"))
    assert axes.get_title(loc="left") == "exponential noise"
    assert history.plot()._repr_png_().startswith(b"\x89PNG")
    assert [each.name for each in tmp_path.iterdir()] == ["loss.svg"]
    (name, *_) = history.measures
    axes = history.plot(name).axes[0]
    assert axes.get_ylabel().startswith(name)
    with pytest.raises(InputError, match=r"unknown measure 'loss.png'.*written by path="):
        history.plot("loss.png")
