import dataclasses
import json

import jax
import numpy as np
import pytest
from sklearn import metrics
from sklearn.preprocessing import StandardScaler

from gradless._core import defaults
from gradless._core.errors import InputError
from gradless.data.datasets import load
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.training.loop import Stop, train

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
        Recipe("spiral", hidden=(64,)),
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


def test_neurons_are_those_of_the_defaults_and_of_the_chapter_in_the_plane():
    assert Recipe("iris").neurons == defaults.HIDDEN == Recipe("table.csv").neurons
    assert Recipe("spiral").neurons == defaults.HIDDEN_IN_THE_PLANE == (64,)
    assert Recipe("iris", hidden=()).neurons == ()
    assert Recipe.from_json({"data": "iris", "hidden": None}).hidden is None
    assert prepare(Recipe("iris", strategy="hill_climbing")).recipe.hidden == defaults.HIDDEN


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
        prepare(Recipe("vertical", hidden=(100_000, 100_000), strategy="hill_climbing"))


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
    random = np.random.default_rng(0)
    params = jax.tree.map(
        lambda x: random.normal(size=x.shape).astype(x.dtype),
        jax.eval_shape(prepared.model.init, jax.random.key(1)),
    )
    dataset = prepared.train if prepared.test is None else prepared.test
    return prepared.judge(params, dataset), outputs_of(prepared, params, dataset), dataset.targets


def outputs_of(prepared, params, dataset):
    """Outputs of a network of the search in the units of the targets."""
    hidden, last = jax.tree.map(np.float64, params)
    within = np.maximum(dataset.features @ hidden.weights + hidden.biases, 0)
    outputs = within @ last.weights + last.biases
    return outputs if prepared.outputs is None else prepared.outputs.applied(outputs)


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


NUMBERS = {
    "squared_error": metrics.mean_squared_error,
    "absolute_error": metrics.mean_absolute_error,
    "r2": metrics.r2_score,
    "quantile:0.9": lambda true, found: metrics.mean_pinball_loss(true, found, alpha=0.9),
}


def numbers_of(size: float):
    """Targets around 30 sizes, from 28 to 32 of them."""
    return lambda row: size * (30 + (row % 9 - 4) / 2 + row / 1000)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("size", [1e5, 1.0, 1e-5])
@pytest.mark.parametrize("objective", NUMBERS)
def test_regression_is_judged_as_by_scikit_learn(table, objective, size, standardize):
    path = table(target=numbers_of(size))
    recipe = Recipe(path, **SMALL, objective=objective, standardize=standardize)
    judgement, outputs, targets = judged(recipe)
    expected = NUMBERS[objective](targets, outputs[:, 0])
    assert judgement.value == pytest.approx(expected, rel=1e-4)
    assert judgement.accuracy is None


# --- Scaled outputs -------------------------------------------------------------------------------


def test_outputs_get_mean_and_deviation_of_the_training_targets(table):
    prepared = prepare(Recipe(table(target=numbers_of(1e5)), **SMALL))
    assert prepared.recipe.scale_outputs is True
    scaler = StandardScaler().fit(prepared.train.targets[:, None].astype(np.float64))
    np.testing.assert_allclose(prepared.outputs.shift, scaler.mean_)
    np.testing.assert_allclose(prepared.outputs.scale, scaler.scale_)


def test_a_search_is_the_same_for_targets_in_any_unit(table):
    found = []
    for size in (1.0, 2.0**20, 2.0**-20):
        path = table(target=lambda row, size=size: repr(size * (row % 9) / 8))
        prepared = prepare(Recipe(path, **SMALL, strategy="hill_climbing", task="regression"))
        *_, last = train(prepared.problem, prepared.strategy, prepared.begin(), Stop(2000))
        best = prepared.structure.unravel(np.asarray(last.run.best))
        outputs = outputs_of(prepared, best, prepared.test)
        found.append((float(last.best_loss[-1]) / size**2, outputs / size))
    for loss, outputs in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-3)
        np.testing.assert_allclose(outputs, found[0][1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "recipe",
    [
        {"standardize": False},
        {"scale_outputs": False},
        {"task": "classification", "objective": "squared_error"},
    ],
)
def test_outputs_are_left_as_they_are(table, recipe):
    target = "abc".__getitem__ if "task" in recipe else lambda row: row + 0.5
    prepared = prepare(Recipe(table(target=lambda row: target(row % 3)), **SMALL, **recipe))
    assert (prepared.outputs, prepared.recipe.scale_outputs) == (None, False)
    assert prepared.problem.output_scale is None


def test_one_target_for_all_can_be_learned(table):
    prepared = prepare(Recipe(table(target=lambda row: 1e6), **SMALL, task="regression"))
    assert (float(prepared.outputs.scale[0]), float(prepared.outputs.shift[0])) == (0, 1e6)


@pytest.mark.parametrize("offset", [1e8, 1e12])
def test_a_large_offset_of_the_targets_changes_nothing(table, offset):
    """What the search sees, and so the run, is that of the targets without it."""
    low, high = (
        prepare(
            Recipe(
                table(target=lambda row, away=away: f"{away + row % 9:.0f}"),
                **SMALL,
                task="regression",
            )
        )
        for away in (0, offset)
    )
    for name, values in low.problem.targets.items():
        np.testing.assert_allclose(high.problem.targets[name], values, atol=1e-3)
    assert high.outputs.scale == pytest.approx(low.outputs.scale, rel=1e-4)
    assert high.outputs.shift - offset == pytest.approx(low.outputs.shift, abs=1e-3)


def test_numbers_that_float32_cannot_tell_apart_are_said_where_they_are_not_scaled(tmp_path):
    path = tmp_path / "times.csv"
    rows = (f"{1_700_000_000 + k},{k},{0.1 * k},{100_000_000 + k}.5\n" for k in range(40))
    path.write_text("time,small,y,large\n" + "".join(rows))
    for target, expected in (("y", ["time", "large"]), ("large", ["time", "large"])):
        recipe = Recipe(str(path), **SMALL, target=target, task="regression")
        assert prepare(recipe).notes == ()
        notes = prepare(dataclasses.replace(recipe, standardize=False)).notes
        assert [note.split(":")[0] for note in notes] == [f"column {name!r}" for name in expected]


@pytest.mark.parametrize("size", [1e17, 1e-17])
def test_targets_whose_squares_are_no_float32_are_refused(table, size):
    with pytest.raises(InputError, match=r"deviation from 1e-15 to 1e\+15.*, got \S+e.1\d"):
        prepare(Recipe(table(target=numbers_of(size)), **SMALL))


def test_a_first_phase_is_planned_for_metrics_that_count(table):
    recipe = Recipe(table(), **SMALL, objective="f1")
    prepared = prepare(recipe, Stop(4000))
    assert prepared.recipe.first["evaluations"] == 2000
    assert prepared.strategy.name == "openai_es"
    again = prepare(Recipe.from_json(json.loads(json.dumps(dataclasses.asdict(prepared.recipe)))))
    assert again.recipe == prepared.recipe
    plan = again.plan(Stop(4000))
    assert (plan.first.stop.evaluations, plan.first.objective.name) == (2000, "log loss")
    assert plan.keeps_center
    named = prepare(dataclasses.replace(recipe, strategy="snes"), Stop(seconds=10))
    assert named.recipe.first == {
        "strategy": "snes",
        "hyperparameters": dataclasses.asdict(named.strategy),
        "evaluations": None,
        "seconds": 5.0,
        "stagnation": None,
    }
    for other, stop in (
        ({"objective": "cross_entropy"}, Stop(4000)),
        ({"log_loss_first": False}, Stop(4000)),
        ({}, Stop(1)),  # too narrow for two
        ({}, None),
    ):
        assert prepare(dataclasses.replace(recipe, **other), stop).recipe.first is None
    wanted = dataclasses.replace(recipe, objective="cross_entropy", log_loss_first=True)
    assert prepare(wanted, Stop(4000)).recipe.first is not None


def test_recipes_of_before_leave_outputs_as_they_are():
    before = {"data": "table.csv", "standardize": True}
    assert Recipe.from_json(before).scale_outputs is False
    assert Recipe.from_json({**before, "scale_outputs": None}).scale_outputs is None


# --- The class to be found ------------------------------------------------------------------------


def test_the_class_to_be_found_is_the_second_one(table):
    usual = prepare(Recipe(table(), **SMALL, objective="f1"))
    other = prepare(Recipe(table(), **SMALL, objective="f1", positive="no"))
    assert usual.train.class_names == ("no", "yes")
    assert other.train.class_names == ("yes", "no")
    np.testing.assert_array_equal(other.train.targets, 1 - usual.train.targets)
    again = prepare(Recipe(table(), **SMALL, objective="f1", positive="yes"))
    assert again.fingerprint == usual.fingerprint != other.fingerprint
    judgement, outputs, targets = judged(other.recipe)
    answers = np.array(["yes", "no"])
    expected = metrics.f1_score(answers[targets], answers[outputs.argmax(1)], pos_label="no")
    assert judgement.value == pytest.approx(expected)
    assert 0 < judgement.value < 1


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"positive": "yse"}, "unknown class 'yse'; did you mean 'yes'"),
        ({"data": "iris", "positive": "setosa"}, "one of two classes, got 'setosa' for 3 classes"),
    ],
)
def test_a_class_that_cannot_be_found_is_refused(table, recipe, message):
    with pytest.raises(InputError, match=message):
        prepare(Recipe(**{"data": table(), **SMALL, **recipe}))


def test_numbers_are_no_classes_only_because_the_objective_wants_some(table):
    path = table(target=lambda row: 1.5 * max(row, 10))
    with pytest.raises(InputError, match="'f1' must have classes that repeat"):
        prepare(Recipe(path, **SMALL, objective="f1"))
