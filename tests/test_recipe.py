import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from gradless.data import load
from gradless.errors import InputError
from gradless.recipe import Recipe, prepare

SMALL = {"hidden": (3,)}


@pytest.fixture
def table(tmp_path):
    """Writes a CSV file of two features, the second one linear in the row, and a target."""

    def write(rows: int = 40, target=lambda row: "no" if row % 3 else "yes", name="table.csv"):
        lines = [f"{row % 7},{row * 100},{target(row)}" for row in range(rows)]
        path = tmp_path / name
        path.write_text("\n".join(["a,b,target", *lines]) + "\n", encoding="utf-8")
        return str(path)

    return write


def parameters(recipe: Recipe) -> np.ndarray:
    return np.asarray(prepare(recipe).begin().best)


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("spiral"),
        Recipe("table.csv", target="price", task="regression", test_fraction=0.1, hidden=()),
        Recipe(
            "iris",
            standardize=False,
            hidden=(8, 4),
            activation="tanh",
            initializer="book",
            objective="accuracy",
            hyperparameters={"sigma": 0.1, "adapt": True},
            batch_size=16,
            precision="bfloat16",
            weights="int8",
            seed=7,
        ),
    ],
)
def test_a_recipe_comes_back_from_json(recipe):
    again = Recipe.from_json(json.loads(json.dumps(dataclasses.asdict(recipe))))
    assert again == recipe
    assert isinstance(again.hidden, tuple)


def test_a_recipe_of_before_has_weights_of_float32():
    before = json.loads(json.dumps(dataclasses.asdict(Recipe("spiral"))))
    del before["weights"]
    assert Recipe.from_json(before).weights == "float32"


def test_a_prepared_recipe_prepares_to_itself():
    prepared = prepare(Recipe("iris", **SMALL, strategy="snes", hyperparameters={"sigma": 0.1}))
    again = prepare(Recipe.from_json(json.loads(json.dumps(dataclasses.asdict(prepared.recipe)))))
    assert again.recipe == prepared.recipe
    assert again.strategy == prepared.strategy
    assert again.fingerprint == prepared.fingerprint


@pytest.mark.parametrize(
    "value", [None, [], "spiral", {}, {"hidden": [3]}, {"data": "spiral", "layers": [3]}]
)
def test_what_is_no_recipe_is_refused(value):
    with pytest.raises(InputError, match="no recipe that this version can read"):
        Recipe.from_json(value)


# --- Defaults -------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["spiral", "vertical", "moons", "circles"])
def test_data_in_the_plane_are_used_whole_and_as_they_are(data):
    prepared = prepare(Recipe(data, **SMALL))
    assert prepared.test is None
    assert prepared.preprocessing is None
    assert (prepared.recipe.test_fraction, prepared.recipe.standardize) == (0.0, False)
    np.testing.assert_array_equal(prepared.train.features, load(data).features)


def test_measured_data_are_split_and_standardised():
    prepared = prepare(Recipe("iris", **SMALL))
    assert (prepared.recipe.test_fraction, prepared.recipe.standardize) == (0.25, True)
    assert (prepared.train.n_samples, prepared.test.n_samples) == (112, 38)
    np.testing.assert_allclose(prepared.train.features.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(prepared.train.features.std(0), 1, atol=1e-5)
    # With the mean and deviation of the training samples: the originals come back.
    restored = np.concatenate([prepared.train.features, prepared.test.features])
    scaler = prepared.preprocessing.transformer.named_transformers_["numbers"]["scale"]
    restored = scaler.inverse_transform(restored.astype(np.float64)).astype(np.float32)
    original = load("iris").features
    np.testing.assert_allclose(
        restored[np.lexsort(restored.round(3).T)], original[np.lexsort(original.T)], atol=1e-4
    )


def test_tables_are_split_and_standardised_and_named_by_their_whole_path(table, monkeypatch):
    path = table()
    monkeypatch.chdir(path.removesuffix("/table.csv"))
    prepared = prepare(Recipe("table.csv", **SMALL))
    assert (prepared.train.n_samples, prepared.test.n_samples) == (30, 10)
    assert prepared.recipe.standardize is True
    assert prepared.recipe.data == path


def test_a_small_table_is_used_whole(table):
    assert prepare(Recipe(table(rows=19), **SMALL)).test is None
    assert prepare(Recipe(table(rows=20), **SMALL)).test.n_samples == 5


def test_defaults_can_be_overruled(table):
    prepared = prepare(Recipe("vertical", **SMALL, test_fraction=0.1, standardize=True))
    assert (prepared.train.n_samples, prepared.test.n_samples) == (270, 30)
    np.testing.assert_allclose(prepared.train.features.std(0), 1, atol=1e-5)
    prepared = prepare(Recipe(table(), **SMALL, test_fraction=0.0, standardize=False))
    assert prepared.test is None
    assert prepared.train.features[:, 1].max() == 3900


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 1.5, float("nan"), float("inf")])
def test_a_test_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(InputError, match=r"test fraction"):
        prepare(Recipe("vertical", **SMALL, test_fraction=fraction))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused_whatever_the_data(seed, table):
    for data in ("vertical", table()):
        with pytest.raises(InputError, match=str(seed)):
            prepare(Recipe(data, **SMALL, seed=seed, test_fraction=0.0))


@pytest.mark.parametrize("objective", ["cross_entropy", "accuracy", "zero_one"])
def test_an_objective_for_classes_makes_a_numeric_target_classes(objective, table):
    path = table(rows=120, target=lambda row: row % 30)  # more whole numbers than are classes
    assert not prepare(Recipe(path, **SMALL)).train.is_classification
    prepared = prepare(Recipe(path, **SMALL, objective=objective))
    assert len(prepared.train.class_names) == 30


@pytest.mark.parametrize(
    ("target", "objective"),
    [(lambda row: row % 2, "cross_entropy"), (lambda row: row / 2, "squared_error")],
)
def test_the_objective_follows_the_target(target, objective, table):
    assert prepare(Recipe(table(target=target), **SMALL)).recipe.objective == objective


def test_a_network_larger_than_the_machine_is_refused():
    with pytest.raises(InputError, match=r"10,000,700,003 parameters .* GiB"):
        prepare(Recipe("vertical", hidden=(100_000, 100_000)))


# --- Seed and fingerprint -------------------------------------------------------------------------


def test_the_seed_decides_the_first_parameters():
    first = parameters(Recipe("vertical", **SMALL, seed=3))
    np.testing.assert_array_equal(first, parameters(Recipe("vertical", **SMALL, seed=3)))
    assert (first != parameters(Recipe("vertical", **SMALL, seed=4))).any()
    assert len(np.unique(first)) >= 15  # every weight its own number
    # Neither the data nor the strategy have a part in it.
    np.testing.assert_array_equal(first, parameters(Recipe("spiral", **SMALL, seed=3)))
    other = Recipe("vertical", **SMALL, seed=3, strategy="random_search")
    np.testing.assert_array_equal(first, parameters(other))


def test_the_fingerprint_is_that_of_the_data(table):
    path = table()
    recipe = Recipe(path, **SMALL)
    original = prepare(recipe).fingerprint
    assert prepare(recipe).fingerprint == original
    assert prepare(dataclasses.replace(recipe, hidden=(4,))).fingerprint == original

    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read()
    for before, after in (("\n3,300,yes", "\n3,301,yes"), ("\n3,300,yes", "\n3,300,no")):
        assert before in text
        changed = path.replace("table", "changed")
        with open(changed, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text.replace(before, after))
        whole = {**SMALL, "test_fraction": 0.0}
        assert (
            prepare(Recipe(changed, **whole)).fingerprint
            != prepare(Recipe(path, **whole)).fingerprint
        )


# --- Judging --------------------------------------------------------------------------------------


def judged(recipe: Recipe):
    """The value and accuracy, and the outputs and targets for scikit-learn to judge."""
    prepared = prepare(recipe)
    params = prepared.model.init(jax.random.key(1))
    dataset = prepared.train if prepared.test is None else prepared.test
    outputs = np.asarray(prepared.model.apply(params, jnp.asarray(dataset.features)), np.float64)
    return prepared.judge(params, dataset), outputs, dataset.targets


@pytest.mark.parametrize("data", ["vertical", "iris"])
@pytest.mark.parametrize("objective", ["cross_entropy", "accuracy", "zero_one", "squared_error"])
def test_classification_is_judged_as_by_scikit_learn(data, objective):
    judgement, outputs, targets = judged(Recipe(data, **SMALL, objective=objective))
    predicted = outputs.argmax(1)
    odds = np.exp(outputs)
    expected = {
        "cross_entropy": lambda: metrics.log_loss(targets, odds / odds.sum(1, keepdims=True)),
        "accuracy": lambda: metrics.accuracy_score(targets, predicted),
        "zero_one": lambda: metrics.zero_one_loss(targets, predicted),
        "squared_error": lambda: metrics.mean_squared_error(np.eye(3)[targets], outputs),
    }
    assert judgement.value == pytest.approx(expected[objective](), rel=1e-5)
    assert judgement.accuracy == pytest.approx(expected["accuracy"](), abs=1e-6)
    assert 0.05 < judgement.accuracy < 0.95  # so that right and wrong are both counted


def test_regression_is_judged_as_by_scikit_learn(table):
    path = table(target=lambda row: (row - 20) / 3)
    judgement, outputs, targets = judged(Recipe(path, **SMALL))
    assert judgement.value == pytest.approx(
        metrics.mean_squared_error(targets, outputs[:, 0]), rel=1e-5
    )
    assert judgement.accuracy is None


# --- Precision ------------------------------------------------------------------------------------


def test_a_precision_that_the_machine_lacks_is_refused_before_the_data_are_read(monkeypatch):
    monkeypatch.setattr("gradless.evaluate.has_bfloat16", lambda: False)
    with pytest.raises(InputError, match="without bfloat16 arithmetic"):
        prepare(Recipe("none.csv", precision="bfloat16"))


def test_in_bfloat16_a_loss_goes_in_steps(monkeypatch):
    monkeypatch.setattr("gradless.evaluate.has_bfloat16", lambda: True)
    prepared = prepare(Recipe("vertical", hidden=(3,), precision="bfloat16"))
    assert prepared.problem.precision == "bfloat16"
    assert prepare(Recipe("vertical", hidden=(3,))).strategy.name == "fd_lbfgs"
    assert prepared.strategy.name == "openai_es"
    assert "steps" in prepared.recipe.why


def test_with_weights_of_eight_bits_a_loss_goes_in_steps():
    prepared = prepare(Recipe("vertical", hidden=(3,), weights="int8"))
    assert prepared.model.weights == "int8"
    assert prepared.strategy.name == "openai_es"
    assert "steps" in prepared.recipe.why


def test_weights_of_eight_bits_need_float32_and_that_is_said_before_the_data_are_read():
    with pytest.raises(InputError, match=r"bfloat16 was given with int8 weights.*use precision"):
        prepare(Recipe("none.csv", precision="bfloat16", weights="int8"))
