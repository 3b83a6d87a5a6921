"""``gradless export``: files for other programs say what ``gradless predict`` says."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import gradless
from gradless._core import storage
from gradless.models.mlp import ACTIVATIONS, MLP, Dense
from gradless.runs import run_folder
from gradless.runs.exported.content import Exported
from gradless.runs.exported.recipes import recipe
from helpers.commands import SMALL, Trained, read_json, refuse, rows_of, succeed, write_table

FORMATS = {
    "numpy": ("model.npz", ("numpy",)),
    "torch": ("model-torch.safetensors", ("torch",)),
    "onnx": ("model.onnx", ("onnx", "onnxruntime")),
    "flax": ("model-flax.safetensors", ("flax.linen",)),
}


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Trained:
    """Numbers with gaps, few and many categories, and dates: two classes."""
    place = tmp_path_factory.mktemp("people")
    draw = np.random.default_rng(1)
    rows = []
    for row in range(160):
        age = int(draw.integers(18, 90))
        plan = str(draw.choice(["basic", "pro", "trial"]))
        town = f"town {row % 70}"
        date = f"2024-{row % 12 + 1:02}-{row % 28 + 1:02}"
        bought = "yes" if age > 50 or plan == "pro" else "no"
        rows.append(["" if row % 9 == 0 else age, "" if row % 7 == 0 else plan, town, date, bought])
    table = write_table(place / "people.csv", ["age", "plan", "town", "since", "bought"], rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradless.views.pictures.draw", lambda *_: [])
        out = succeed(
            "train", table, "--target", "bought", "--categories", "town", *SMALL, "--quiet",
            "--out", place / "run",
        )  # fmt: skip
    return Trained(place / "run", out)


def table_of(run: Trained) -> Path:
    return next(run.folder.parent.glob("*.csv"))


def predicted(run: Path, table: Path) -> tuple[list[str], np.ndarray | None]:
    """What ``gradless predict`` says."""
    loaded = gradless.load_run(run)
    shares = None if loaded.classes is None else loaded.predict_proba(table)
    return loaded.predict(table), shares


def as_onnx_takes_it(run: Path, table: Path, path: Path) -> Path:
    """The table with the numbers that stand for dates in their places."""
    flat = gradless.load_run(run)._read(table).flat()
    cells = []
    for column, kind in enumerate(flat.kinds):
        values = flat.features[:, column] if kind == "number" else flat.texts(column)
        cells.append(["" if v is None or v != v else v for v in values.tolist()])
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([flat.feature_names, *zip(*cells, strict=True)])
    return path


def by_recipe(kind: str, run: Path, table: Path, *more: str) -> dict:
    """What the lines that are printed make of a table."""
    name, needed = FORMATS[kind]
    for module in needed:
        pytest.importorskip(module)
    text = succeed("export", run, "--to", kind, *more)
    assert text.startswith(f"# Written: {run / name}")
    assert max(map(len, text.splitlines()[1:])) < 100 + len(str(run))
    if kind == "onnx":
        table = as_onnx_takes_it(run, table, run.parent / "flat.csv")
    found = {} if kind == "onnx" else {"X": gradless.load_run(run).inputs(table)}
    exec(text.replace("NEW.csv", str(table)), found)
    return found


def with_network(run: Trained, folder: Path, hidden: list[int], **told: str) -> Path:
    """The run with another network, of random weights."""
    run.copy(folder)
    config = read_json(folder, "config.json")
    inputs, *_, outputs = config["network"]["sizes"]
    model = MLP((inputs, *hidden, outputs), **told)
    config["network"]["sizes"] = list(model.sizes)
    config["recipe"] |= {"hidden": hidden, **told}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    draw = np.random.default_rng(2)
    params = [
        tuple(draw.normal(size=np.shape(part)).astype(np.float32) for part in layer)
        for layer in zip(
            [np.zeros(pair) for pair in zip(model.sizes, model.sizes[1:], strict=False)],
            map(np.zeros, model.sizes[1:]),
            strict=True,
        )
    ]
    tree = {"layers": model.stored([Dense(*layer) for layer in params])}
    network = run_folder.read_network(run.folder)
    if network.scale is not None:
        tree["outputs"] = network.scale
    about = {"scaled": network.scale is not None}
    storage.save_tree(folder / "model.safetensors", tree, about)
    return folder


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["iris", "numbers", "people"])
def test_the_printed_lines_predict_what_predict_does(kind, name, request, tmp_path):
    run = request.getfixturevalue(name)
    table = request.getfixturevalue("iris_table") if name == "iris" else table_of(run)
    folder = run.copy(tmp_path / "run")
    found = by_recipe(kind, folder, table)
    answers, shares = predicted(folder, table)
    if shares is None:
        np.testing.assert_allclose(found["prediction"], answers, rtol=1e-6, atol=1e-6)
    else:
        assert list(found["prediction"]) == list(answers)
        np.testing.assert_allclose(found["probabilities"], shares, atol=1e-6)
        assert len(set(answers)) > 1


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_goes_along(kind, activation, iris, iris_table, tmp_path):
    folder = with_network(iris, tmp_path / "run", [5, 4], activation=activation)
    found = by_recipe(kind, folder, iris_table)
    answers, shares = predicted(folder, iris_table)
    np.testing.assert_allclose(found["probabilities"], shares, atol=1e-6)
    assert list(found["prediction"]) == list(answers)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_network_without_hidden_layers_and_one_of_eight_bits(kind, numbers, tmp_path):
    table = table_of(numbers)
    for name, hidden, told in (("flat", [], {}), ("eight", [3], {"weights": "int8"})):
        folder = with_network(numbers, tmp_path / name, hidden, **told)
        found = by_recipe(kind, folder, table)
        answers, _ = predicted(folder, table)
        np.testing.assert_allclose(found["prediction"], answers, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", FORMATS)
def test_data_in_the_plane_have_no_scales(kind, vertical, tmp_path):
    folder = vertical.copy(tmp_path / "run")
    table = write_table(tmp_path / "points.csv", ["x", "y"], [[0.25, -1], [0.5, 0.5], [-3, 2]])
    found = by_recipe(kind, folder, table)
    np.testing.assert_allclose(found["probabilities"], predicted(folder, table)[1], atol=1e-6)


@pytest.mark.parametrize("kind", ["numpy", "onnx"])
def test_what_training_did_not_have_is_as_in_predict(kind, people, tmp_path):
    rows = [
        ["", "gold", "town 3", "", ""],
        [51, "", "nowhere", "2031-01-01", ""],
        [1e9, "pro", "", "", ""],
    ]
    table = write_table(tmp_path / "new.csv", ["age", "plan", "town", "since", "bought"], rows)
    folder = people.copy(tmp_path / "run")
    found = by_recipe(kind, folder, table)
    np.testing.assert_allclose(found["probabilities"], predicted(folder, table)[1], atol=1e-7)


def test_inputs_have_the_numbers_of_the_table(people, iris, iris_table):
    run = gradless.load_run(people.folder)
    given = run.inputs(table_of(people))
    names = list(run.input_names)
    assert given.shape == (160, len(names))
    rows = rows_of(table_of(people).read_text(encoding="utf-8"))
    ages = [row["age"] for row in rows]
    known = [index for index, age in enumerate(ages) if age]
    np.testing.assert_array_equal(given[known, names.index("age")], [float(ages[k]) for k in known])
    np.testing.assert_array_equal(
        given[:, names.index("age is missing")], [not age for age in ages]
    )
    assert given[:, names.index("plan = pro")].tolist() == [float(r["plan"] == "pro") for r in rows]
    given = [[float(r[n]) for n in gradless.load_run(iris.folder).input_names]
             for r in rows_of(iris_table.read_text(encoding="utf-8"))]  # fmt: skip
    np.testing.assert_array_equal(gradless.load_run(iris.folder).inputs(iris_table), given)


def test_inputs_are_those_of_the_network_before_scaling(people):
    network = run_folder.read_network(people.folder)
    run = gradless.load_run(people.folder)
    columns = run._read(table_of(people))
    succeed("export", people.folder, "--out", "a.npz")
    file = np.load("a.npz")
    scaled = (run.inputs(table_of(people)) - file["mean"]) / file["scale"]
    np.testing.assert_allclose(
        scaled, network.preprocessing.transform(columns), rtol=1e-6, atol=1e-6
    )
    assert file["inputs"].tolist() == list(run.input_names)


@pytest.mark.parametrize("kind", ["torch", "flax"])
def test_files_of_torch_and_flax_hold_their_own_names_and_shapes(kind, iris):
    succeed("export", iris.folder, "--to", kind, "--out", "a.safetensors")
    with safe_open("a.safetensors", "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - is no dictionary
        about = json.loads(file.metadata()["gradless"])
    shapes = {name: array.shape for name, array in arrays.items() if array.dtype == np.float32}
    if kind == "torch":
        assert shapes == {"0.weight": (3, 4), "0.bias": (3,), "2.weight": (3, 3), "2.bias": (3,)}
    else:
        assert shapes == {
            "Dense_0.kernel": (4, 3), "Dense_0.bias": (3,),
            "Dense_1.kernel": (3, 3), "Dense_1.bias": (3,),
        }  # fmt: skip
    succeed("export", iris.folder, "--out", "a.npz")
    reference = np.load("a.npz")  # which the printed lines are run on, wherever NumPy is
    for name in ("fill", "mean", "scale"):
        np.testing.assert_array_equal(arrays[name], reference[name])
    for layer in range(2):
        names = (f"{2 * layer}.weight", f"{2 * layer}.bias")
        if kind == "flax":
            names = (f"Dense_{layer}.kernel", f"Dense_{layer}.bias")
        weights = arrays[names[0]] if kind == "flax" else arrays[names[0]].T
        np.testing.assert_array_equal(weights, reference[f"weights_{layer}"])
        np.testing.assert_array_equal(arrays[names[1]], reference[f"biases_{layer}"])
    assert about["classes"] == ["setosa", "versicolor", "virginica"]
    assert about["inputs"] == list(gradless.load_run(iris.folder).input_names)


def test_the_same_run_gives_the_same_bytes(iris):
    for kind in ("numpy", "torch", "flax"):
        for name in ("a", "b"):
            succeed("export", iris.folder, "--to", kind, "--out", name, "--force")
        assert Path("a").read_bytes() == Path("b").read_bytes()


def test_a_file_that_exists_is_overwritten_only_when_told(iris):
    Path("mine.npz").write_text("precious", encoding="utf-8")
    line = refuse("export", iris.folder, "--out", "mine.npz")
    assert "must be a new file, got mine.npz, which exists. Use --force" in line
    assert Path("mine.npz").read_text(encoding="utf-8") == "precious"
    succeed("export", iris.folder, "--out", "mine.npz", "--force")
    assert "weights_0" in np.load("mine.npz")


def test_files_of_the_run_itself_are_never_overwritten(iris):
    folder = iris.copy(Path("run"))
    before = (folder / "model.safetensors").read_bytes()
    line = refuse(
        "export", folder, "--to", "torch", "--out", folder / "model.safetensors", "--force"
    )
    assert "must not be a file of a run" in line
    assert (folder / "model.safetensors").read_bytes() == before
    succeed("export", folder)
    succeed("export", folder, "--force")


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--to", "onx"], "--to must be numpy, torch, onnx or flax, got onx. Did you mean onnx?"),
        (["--to", "keras"], "--to must be numpy, torch, onnx or flax, got keras."),
        (["--out", "no/where.npz"], "no/where.npz cannot be written (No such file or directory)"),
        (["--out", "."], "--out must be a file, got the folder .. For example: --out model.npz"),
        (["--to", "ONNX"], 'needs onnx. Install it from a checkout with: pip install ".[onnx]"'),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_said(arguments, fragment, iris, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    assert fragment in refuse("export", iris.folder, *arguments)


def test_what_is_no_finished_run_is_said(iris):
    assert "Missing RUN" in refuse("export")
    assert "which holds no config.json" in refuse("export", ".")
    folder = iris.copy(Path("run"))
    (folder / "model.safetensors").unlink()
    assert "since the run did not end" in refuse("export", folder)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_documentation_has_the_lines_that_are_printed(kind):
    sizes = ((6, 16), (16, 3))
    exported = Exported(
        tuple("abcdef"), (), ("a", "b"), ("number", "category"), (),
        tuple(np.zeros(size, np.float32) for size in sizes),
        tuple(np.zeros(size[1], np.float32) for size in sizes),
        "relu", np.ones(3), np.zeros(3), ("setosa", "versicolor", "virginica"), "species",
    )  # fmt: skip
    run = Path("runs/plants")
    lines = recipe(kind, exported, run / FORMATS[kind][0], run).splitlines()
    text = "\n".join(line for line in lines if line and not line.startswith("#"))
    documented = (Path(__file__).parents[2] / "docs/export.md").read_text(encoding="utf-8")
    shown = documented.replace("later.csv", "NEW.csv").splitlines()
    assert text in "\n".join(filter(None, shown))  # a page has empty lines after imports
