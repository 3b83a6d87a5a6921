"""Folders and rows that commands cannot use are refused."""

import json
import shutil
from pathlib import Path

import pytest

from helpers.commands import (
    SMALL,
    call,
    last_checkpoint,
    read_json,
    refuse,
    rows_of,
    succeed,
    write_table,
)


def test_a_folder_that_holds_something_is_left_alone(vertical):
    folder = vertical.copy(Path("run"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "another run" in refuse("train", "vertical", *SMALL, "--out", folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine", encoding="utf-8")
    assert "other files" in refuse("train", "vertical", *SMALL, "--out", "other")


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["--evaluations", "200"], ["200", "more than the 200", "from its beginning"]),
        (["--evaluations", "150"], ["150", "more than the 200"]),
        (["--evaluations", "-1"], ["--evaluations must be 1 or more, got -1"]),
        (["--time", "-1"], ["--time must be above 0, got -1"]),
        (["--sigma", "0.1"], ["has no option --sigma", "gradless resume --help-all"]),
    ],
)
def test_resume_refuses_limits_that_it_cannot_keep(vertical, arguments, fragments):
    line = refuse("resume", vertical.folder, *arguments)
    for fragment in fragments:
        assert fragment in line


@pytest.mark.usefixtures("without_pictures")
def test_resume_and_plot_refuse_data_that_have_changed(numbers, tmp_path):
    table = Path(shutil.copy(numbers.folder.parent / "numbers.csv", tmp_path / "table.csv"))
    succeed("train", table, *SMALL, "--quiet", "--out", "run")
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("\n0", "\n1", 1), encoding="utf-8")
    assert table.read_text(encoding="utf-8") != text
    assert "have changed" in refuse("resume", "run", "--evaluations", "400")
    assert "have changed" in refuse("plot", "run")
    table.unlink()
    assert "no such file" in refuse("resume", "run", "--evaluations", "400")


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoints", "config.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "nonsense"])
def test_a_damaged_run_is_refused_by_whatever_needs_it(vertical, tmp_path, name, damage):
    folder = vertical.copy(Path("run"))
    path = last_checkpoint(folder) if name == "checkpoints" else folder / name
    data = path.read_bytes()
    path.unlink()
    for older in folder.glob("checkpoints/*"):
        if name == "checkpoints":
            older.unlink()
    if damage != "missing":
        path.write_bytes({"empty": b"", "cut": data[:-9], "nonsense": b"nonsense" * 99}[damage])
    table = write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]])
    if name != "checkpoints":
        assert name in refuse("predict", folder, table)
    if name != "model.safetensors":
        line = refuse("resume", folder, "--evaluations", "400")
        assert ("checkpoint" if damage == "missing" else path.name) in line or name in line


@pytest.mark.parametrize(
    "damage",
    [
        lambda config: config.pop("network"),
        lambda config: config.pop("recipe"),
        lambda config: config["data"].pop("features"),
        lambda config: config["data"].pop("classes"),
        lambda config: config["data"].update(classes=["only one"]),
        lambda config: config["recipe"].update(activation=7),
        lambda config: config["recipe"].update(activation="none"),
        lambda config: config["network"].update(sizes=[2, 4, 3]),
        lambda config: config["network"].update(sizes="2-3-3"),
    ],
    ids=["network", "recipe", "features", "classes", "class", "type", "name", "sizes", "text"],
)
def test_a_config_that_was_edited_is_refused(vertical, tmp_path, damage):
    folder = vertical.copy(Path("run"))
    config = read_json(folder, "config.json")
    damage(config)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    table = write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]])
    refuse("predict", folder, table)


def test_the_network_of_another_run_is_refused(iris, vertical, iris_table):
    folder = iris.copy(Path("run"))
    shutil.copy(vertical.folder / "model.safetensors", folder)
    assert "model.safetensors" in refuse("predict", folder, iris_table)


def test_prediction_refuses_rows_that_it_cannot_use(iris, iris_table):
    text = iris_table.read_text(encoding="utf-8")
    Path("renamed.csv").write_text(text.replace("petal width (cm)", "width"), encoding="utf-8")
    line = refuse("predict", iris.folder, "renamed.csv")
    assert "'petal width (cm)'" in line
    assert "found" in line
    Path("gap.csv").write_text(text.replace("5.1", "", 1), encoding="utf-8")
    code, out, err = call("predict", iris.folder, "gap.csv")
    assert (code, len(rows_of(out))) == (0, 150)
    assert "'sepal length (cm)': 1 cell without a value" in err
    Path("word.csv").write_text(text.replace("5.1", "long", 1), encoding="utf-8")
    code, out, err = call("predict", iris.folder, "word.csv")
    assert (code, len(rows_of(out))) == (0, 150)
    assert "'long' in line 2" in err
    assert "no such file" in refuse("predict", iris.folder, "none.csv")
    assert "--out ." in refuse("predict", iris.folder, iris_table, "--out", ".")
