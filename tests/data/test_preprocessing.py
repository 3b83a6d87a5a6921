"""Columns become the inputs that pandas and scikit-learn make of them by hand."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import compose, impute, pipeline, preprocessing
from sklearn.preprocessing import FunctionTransformer

from gradless._core.errors import InputError
from gradless.data.columns import Columns
from gradless.data.datasets import load_table
from gradless.data.preprocessing import Preprocessing
from gradless.data.table import read_columns, read_table
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe

NAMES = ("age", "city", "spend", "plan")


def frame(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Numbers and categories, of both some with gaps and some without."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 12, rows).round(1)
    age[random.random(rows) < 0.2] = np.nan
    city = random.choice(["Oslo", "Rome", "São Paulo"], rows).astype(object)
    city[random.random(rows) < 0.1] = None
    return pd.DataFrame(
        {
            "age": age,
            "city": city,
            "spend": random.gamma(2, 1e4, rows).round(2),
            "plan": random.choice(["basic", "pro"], rows),
            "churn": np.where(random.random(rows) < 0.3, "yes", "no"),
        }
    )


def by_hand(train: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """The inputs of other rows, without a transformer of columns."""
    parts = []
    for name in ("age", "spend"):
        filled = train[name].fillna(train[name].median())
        values = other[name].fillna(train[name].median())
        parts.append((values - filled.mean()) / filled.std(ddof=0))
    parts.append(other["age"].isna())
    for name in ("city", "plan"):
        texts = other[name].fillna("missing")
        parts += [texts == value for value in sorted(set(train[name].fillna("missing")))]
    return np.stack([np.asarray(part, np.float64) for part in parts], axis=1)


@pytest.fixture
def table(tmp_path):
    """Writes a frame as a CSV file and reads its columns."""

    def write(data: pd.DataFrame) -> Columns:
        data.to_csv(tmp_path / "table.csv", index=False)
        return read_table(tmp_path / "table.csv", "churn").columns

    return write


@pytest.fixture
def columns(table) -> Columns:
    return table(frame())


# --- Inputs ---------------------------------------------------------------------------------------


def test_inputs_are_those_made_by_hand(table):
    train, other = frame(), frame(90, seed=1)
    fitted = Preprocessing.fit(table(train))
    for data in (train, other):
        inputs = fitted.transform(table(data))
        assert inputs.dtype == np.float32
        np.testing.assert_allclose(inputs, by_hand(train, data), rtol=1e-5, atol=1e-6)
    assert fitted.input_names == (
        *("age", "spend", "age is missing", "city = Oslo", "city = Rome", "city = São Paulo"),
        *("city = missing", "plan = basic", "plan = pro"),
    )


def test_inputs_are_those_of_a_pipeline_on_frames(table):
    train, other = frame(), frame(90, seed=1)
    numbers = pipeline.make_pipeline(
        impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler()
    )
    reference = compose.make_column_transformer(
        (numbers, ["age", "spend"]),
        (impute.MissingIndicator(), ["age"]),
        (preprocessing.OneHotEncoder(sparse_output=False), ["city", "plan"]),
    )
    reference.fit(train.fillna({"city": "missing"}))
    expected = reference.transform(other.fillna({"city": "missing"}))
    found = Preprocessing.fit(table(train)).transform(table(other))
    np.testing.assert_allclose(found, expected.astype(np.float64), rtol=1e-5, atol=1e-6)


def test_numbers_without_gaps_are_standardised_and_nothing_else():
    values = np.float32(np.random.default_rng(0).normal(50, 9, (80, 3)))
    numbers = Columns(values, ("a", "b", "c"), (None, None, None))
    fitted = Preprocessing.fit(numbers)
    assert fitted.input_names == numbers.feature_names
    exact = (values.astype(np.float64) - values.mean(0, np.float64)) / values.std(0, np.float64)
    np.testing.assert_allclose(fitted.transform(numbers), exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("offset", [1e8, 1.7e9, 1.7e12, 1e15])
@pytest.mark.parametrize("words", [False, True])
def test_a_large_offset_costs_no_digits(offset, words, tmp_path):
    """Of times in seconds or in milliseconds; in a mixed table they are objects on the way."""
    steps = np.arange(100.0)
    fitted = Preprocessing.fit(
        Columns(
            np.stack([offset + steps, steps % 2], axis=1),
            ("time", "b"),
            (None, ("u", "v") if words else None),
        )
    )
    fitted.save(tmp_path / "kept.skops")
    kept = Preprocessing.load(tmp_path / "kept.skops", fitted.names, fitted.kinds)
    more = np.stack([offset + steps[::-1], steps % 2], axis=1)
    inputs = kept.transform(Columns(more, fitted.names, (None, ("u", "v") if words else None)))
    expected = (steps[::-1] - steps.mean()) / steps.std()
    np.testing.assert_allclose(inputs[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_without_scaling_numbers_stay_what_they_are(columns):
    fitted = Preprocessing.fit(columns, scale=False)
    inputs, gaps = fitted.transform(columns), np.isnan(columns.features[:, 0])
    np.testing.assert_array_equal(inputs[~gaps, 0], np.float32(columns.features[~gaps, 0]))
    np.testing.assert_array_equal(inputs[gaps, 0], np.float32(np.nanmedian(columns.features[:, 0])))
    np.testing.assert_array_equal(inputs[:, 1], np.float32(columns.features[:, 2]))


@pytest.mark.parametrize("column", [[-3e38, 3e38], [1e-45, 0], [1e-45] + [0] * 999, [7.0] * 9])
def test_inputs_stay_finite_at_the_ends_of_float32(column):
    numbers = Columns(np.float32(column)[:, None], ("a",), (None,))
    assert np.isfinite(Preprocessing.fit(numbers).transform(numbers)).all()


def test_a_column_that_is_empty_in_training_is_no_error():
    """Its values may all be among the test rows."""
    empty = np.full((4, 2), np.nan, np.float32)
    train = Columns(empty, ("a", "b"), (None, ()))
    fitted = Preprocessing.fit(train)
    other = Columns(np.float32([[5, 0]]), ("a", "b"), (None, ("x",)))
    assert fitted.input_names == ("a", "a is missing", "b = missing")
    assert np.isfinite(fitted.transform(train)).all()
    assert fitted.transform(other)[0, 1:].tolist() == [0, 0]


def test_blocks_change_nothing(columns, monkeypatch):
    fitted = Preprocessing.fit(columns)
    whole = fitted.transform(columns)
    monkeypatch.setattr("gradless.data.preprocessing._BLOCK_CELLS", 50)
    np.testing.assert_array_equal(fitted.transform(columns), whole)


def test_names_that_would_be_the_same_are_told_apart():
    train = Columns(np.float32([[0, 1], [1, 2]]), ("a", "a = x"), (("x", "y"), None))
    assert Preprocessing.fit(train).input_names == ("a = x", "a = x'", "a = y")


def test_other_columns_are_refused(columns):
    fitted = Preprocessing.fit(columns)
    with pytest.raises(InputError, match="those that the preprocessing was fitted on"):
        fitted.transform(columns._replace(feature_names=("spend", "city", "age", "plan")))


# --- What training has not seen -------------------------------------------------------------------


def test_unseen_categories_are_none_of_the_known_ones_and_are_told(tmp_path, columns):
    fitted = Preprocessing.fit(columns)
    text = "plan,spend,city,age\nbasic,1,Bonn,30\ngold,,Bonn,\npro,2,Köln,30\n,3,Rome,30\n"
    (tmp_path / "new.csv").write_text(text, encoding="utf-8")
    new = read_columns(tmp_path / "new.csv", NAMES, columns.kinds)
    inputs = dict(zip(fitted.input_names, fitted.transform(new).T.tolist(), strict=True))
    for city in ("Oslo", "São Paulo", "missing"):
        assert inputs[f"city = {city}"] == [0, 0, 0, 0]
    assert inputs["city = Rome"] == [0, 0, 0, 1]
    # Of two categories, an unknown one is neither.
    assert inputs["plan = basic"] == [1, 0, 0, 0]
    assert inputs["plan = pro"] == [0, 0, 1, 0]
    assert inputs["age is missing"] == [0, 1, 0, 0]
    spend, city, gap, plan = fitted.strangers(new)
    assert spend.startswith("column 'spend': 1 cell without a value, of which the training data")
    assert city.startswith("column 'city': 3 cells with categories that the training data did not")
    assert "'Bonn' (2), 'Köln' (1); treated as unknown" in city
    assert "column 'plan': 1 cell without a value, of which the training data had none" in gap
    assert "1 cell with categories that the training data did not have: 'gold' (1)" in plan
    assert list(fitted.strangers(columns)) == []


def test_only_some_unseen_categories_are_named(columns):
    fitted = Preprocessing.fit(columns)
    names = tuple(f"town {k}" for k in range(9))
    features = np.zeros((9, 4), np.float32)
    features[:, 1] = range(9)
    new = Columns(features, NAMES, (None, names, None, ("pro",)))
    (line,) = fitted.strangers(new)
    assert line.count("town") == 3
    assert "and 6 more" in line


# --- Many categories ------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_many_categories_are_what_the_target_is_in_them(tmp_path, classes):
    random = np.random.default_rng(0)
    towns = random.integers(0, 80, 800)
    effect = np.linspace(-2, 2, 80)[towns]
    targets: np.ndarray = effect + random.normal(0, 1, 800)
    if classes:
        targets = np.digitize(targets, [-0.5, 0.8][: classes - 1]).astype(np.int32)
    names = tuple(f"town {k}" for k in range(80))
    columns = Columns(
        np.stack([random.normal(size=800), towns], axis=1).astype(float),
        ("a", "town"),
        (None, names),
    )
    before = np.random.get_state()[1].copy()
    fitted = Preprocessing.fit(columns, targets=targets)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert len(fitted.input_names) == 1 + (classes if classes > 2 else 1)
    plain = fitted.transform(columns)
    inputs = fitted.with_crossed(plain.copy(), np.arange(800))
    np.testing.assert_array_equal(inputs[:, 0], plain[:, 0])
    np.testing.assert_allclose(inputs[:, 1:].mean(0), 0, atol=1e-6)
    goal = targets if classes < 3 else targets == 0
    of_others, of_all = (np.corrcoef(x[:, 1], goal)[0, 1] for x in (inputs, plain))
    assert 0.5 < of_others < of_all  # its own answer is not in it
    again = Preprocessing.fit(columns, targets=targets)
    np.testing.assert_array_equal(again.crossed, fitted.crossed)
    path = tmp_path / "kept.skops"
    fitted.save(path)
    kept = Preprocessing.load(path, fitted.names, fitted.kinds)
    new = Columns(np.array([[0.0, 0], [0.0, 1]]), ("a", "town"), (None, ("town 5", "nowhere")))
    np.testing.assert_array_equal(kept.transform(new), fitted.transform(new))
    assert "'nowhere' (1)" in next(iter(kept.strangers(new)))


def test_dates_are_inputs_and_kept(tmp_path):
    days = np.arange(18_000.0, 18_400.0)
    columns = Columns(
        np.stack([days, days % 7], axis=1), ("day", "b"), (None, None), ("date", None)
    )
    fitted = Preprocessing.fit(columns)
    parts = ("", ": year", *(f": {of}, {angle}" for of in ("month", "weekday")
                             for angle in ("sine", "cosine")))  # fmt: skip
    assert fitted.input_names == (*(f"day{part}" for part in parts), "b")
    assert np.isfinite(fitted.transform(columns)).all()
    fitted.save(tmp_path / "kept.skops")
    kept = Preprocessing.load(tmp_path / "kept.skops", fitted.names, fitted.kinds)
    np.testing.assert_array_equal(kept.transform(columns), fitted.transform(columns))


# --- On disk --------------------------------------------------------------------------------------


def test_what_is_saved_is_what_is_loaded(tmp_path, columns):
    fitted, path = Preprocessing.fit(columns), tmp_path / "preprocessing.skops"
    fitted.save(path)
    again = Preprocessing.load(path, NAMES, columns.kinds)
    assert again.input_names == fitted.input_names
    np.testing.assert_array_equal(again.transform(columns), fitted.transform(columns))
    assert path.stat().st_size < 20_000
    # Nothing but types of scikit-learn, NumPy and builtins.
    assert skops.io.get_untrusted_types(file=path) == ["numpy.dtype"]


def test_other_types_are_not_loaded(tmp_path, columns):
    path = tmp_path / "preprocessing.skops"
    skops.io.dump(FunctionTransformer(func=json.loads), path)
    with pytest.raises(InputError, match=r"preprocessing\.skops holds types that .*json") as error:
        Preprocessing.load(path, NAMES, columns.kinds)
    assert len(str(error.value).splitlines()) == 1


def test_other_transformers_are_not_taken(tmp_path, columns):
    path = tmp_path / "preprocessing.skops"
    fitted = Preprocessing.fit(columns)
    fitted.save(path)
    for names, kinds in [
        (NAMES, ("number",) * 4),
        (NAMES[:3], columns.kinds[:3]),
        ((*NAMES, "more"), (*columns.kinds, "number")),
    ]:
        with pytest.raises(InputError, match=r"preprocessing\.skops (holds|cannot)"):
            Preprocessing.load(path, names, kinds)
    transformers = [
        preprocessing.StandardScaler().fit(np.eye(4)),
        compose.make_column_transformer(("passthrough", [0, 1, 2, 3])).fit(np.eye(4)),
    ]
    for transformer in transformers:
        skops.io.dump(transformer, path)
        with pytest.raises(InputError, match=r"preprocessing\.skops"):
            Preprocessing.load(path, NAMES, columns.kinds)


def damaged(data: bytes) -> dict[str, bytes]:
    """The file in other states."""
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 255
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("schema.json", "{}")
    pickled = (
        b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
    )
    return {
        "empty": b"",
        "cut": data[:-9],
        "half": data[: len(data) // 2],
        "flipped": bytes(flipped),
        "nonsense": b"nonsense" * 99,
        "other archive": empty.getvalue(),
        "pickle": pickled,
    }


@pytest.mark.parametrize("state", [*damaged(b"  "), "missing"])
def test_damaged_files_are_refused_by_name(tmp_path, columns, state):
    path = tmp_path / "preprocessing.skops"
    Preprocessing.fit(columns).save(path)
    if state == "missing":
        path.unlink()
    else:
        path.write_bytes(damaged(path.read_bytes())[state])
    with pytest.raises(InputError) as error:
        Preprocessing.load(path, NAMES, columns.kinds)
    (line,) = str(error.value).splitlines()
    assert line.startswith(str(path))


# --- In a recipe ----------------------------------------------------------------------------------


def test_only_the_training_rows_are_learned_from(tmp_path):
    data = frame(120)
    data.to_csv(tmp_path / "table.csv", index=False)
    prepared = prepare(Recipe(str(tmp_path / "table.csv"), target="churn", hidden=(3,)))
    targets = data["churn"] == "yes"
    assert prepared.test.n_samples == 30
    # Stratified.
    assert abs(prepared.test.targets.mean() - targets.mean()) < 0.02
    table = load_table(str(tmp_path / "table.csv"), target="churn")
    whole = Preprocessing.fit(table.columns)
    scaler = prepared.preprocessing.transformer.named_transformers_["numbers"]["scale"]
    of_all = whole.transformer.named_transformers_["numbers"]["scale"]
    assert (scaler.mean_ != of_all.mean_).all()
    assert scaler.n_samples_seen_ == 90
    np.testing.assert_allclose(prepared.train.features[:, :2].mean(0), 0, atol=1e-5)


def test_checksums_are_those_of_what_a_file_says(tmp_path):
    """The order in which categories come does not count, their names and places do."""
    path = Path(tmp_path / "table.csv")
    data = frame(60)
    recipe = Recipe(str(path), target="churn", hidden=(3,))

    def checksums(changed: pd.DataFrame) -> dict[str, str]:
        changed.to_csv(path, index=False)
        return prepare(recipe).columns

    before = checksums(data)
    assert set(before) == {*NAMES, "the target"}
    assert checksums(data) == before
    for name, value in [("city", "Bonn"), ("city", None), ("plan", "basic!"), ("age", 1.5)]:
        other = data.copy()
        other.loc[7, name] = value
        after = checksums(other)
        assert [key for key in before if before[key] != after[key]] == [name]
