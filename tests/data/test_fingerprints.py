import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data import fingerprints
from gradless.data.columns import Columns
from gradless.data.table import read_labelled, read_table


def of_file(tmp_path, text, names=("size", "site"), kinds=("number", "category"), classes="xyz"):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    columns, targets, _ = read_labelled(path, names, kinds, "kind", tuple(classes))
    return fingerprints.of_rows(columns, targets, tuple(classes))


TEXT = "size,site,kind\n1.5,wood,x\n0,shore,y\n,wood,z\n1e3,,x\n"


def test_rows_are_known_however_they_are_written(tmp_path):
    first = of_file(tmp_path, TEXT)
    assert first.dtype == np.uint64
    assert len(set(first.tolist())) == 4
    other = "note,kind,site,size\nn,x,,1000.0\nm,z,wood,\nk,y,shore,-0.0\nk,x,wood,15e-1\n"
    np.testing.assert_array_equal(of_file(tmp_path, other)[::-1], first)


@pytest.mark.parametrize(
    "row", ["1.501,wood,x", "1.5,shore,x", "1.5,wood,y", ",wood,x", "1.5,,x", "-1.5,wood,x"]
)
def test_another_row_has_another_fingerprint(tmp_path, row):
    (changed,) = of_file(tmp_path, f"size,site,kind\n{row}\n")
    assert changed not in of_file(tmp_path, TEXT)


def test_values_belong_to_their_columns():
    def of(names, values):
        columns = Columns(np.array([values], np.float32), names, (None, None))
        return fingerprints.of_rows(columns, np.zeros(1, np.float32), None)[0]

    assert of(("a", "b"), [1, 2]) == of(("b", "a"), [2, 1])
    assert of(("a", "b"), [1, 2]) != of(("a", "b"), [2, 1])
    assert of(("a", "b"), [1, 1]) != of(("a", "b"), [2, 2])


def test_a_table_has_the_fingerprints_of_its_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TEXT, encoding="utf-8")
    table = read_table(path, "kind")
    found = fingerprints.of_rows(table.columns, table.targets, table.class_names)
    np.testing.assert_array_equal(found, of_file(tmp_path, TEXT))


def test_seen_rows_are_found_in_a_folder(tmp_path):
    rows = np.random.default_rng(0).integers(0, 2**63, 1000, dtype=np.uint64)
    assert fingerprints.seen(tmp_path, rows) is None  # a run of an earlier version
    fingerprints.write(tmp_path, np.concatenate([rows[:600], rows[:10]]))
    assert (tmp_path / fingerprints.FILE).stat().st_size < 8 * 600 + 500
    assert fingerprints.seen(tmp_path, rows).tolist() == [True] * 600 + [False] * 400
    (tmp_path / fingerprints.FILE).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"rows\.safetensors"):
        fingerprints.seen(tmp_path, rows)
