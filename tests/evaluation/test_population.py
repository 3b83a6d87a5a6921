"""A population gets the same losses however it is laid out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_squared_error

from gradless import objectives, strategies
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset
from gradless.evaluation.layout import choose_layout
from gradless.evaluation.population import replicate
from gradless.models.mlp import MLP
from gradless.problems.contract import Layout
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import RandomSearch
from gradless.strategies.base import Perturbation, perturbation
from helpers.scored import (
    Linear,
    asked,
    given_scores,
    numpy_loss,
    numpy_scores,
    random_network,
    scores,
    small,
)

# Every pair of what makes another program: none, one or several blocks (one larger than the
# population is the same as one of its size), one by one, rows or products, one device or two. Of 13
# members in blocks, the last block has a rest, and the second device less to do.
PAIRS = Perturbation(opposite_pairs=True)
LAYOUTS = [
    (1, Layout(written_out=True, block=1, devices=1)),
    (1, Layout(written_out=False, block=1, devices=2)),
    (5, Layout(written_out=True, block=7, devices=2)),
    (5, Layout(written_out=False, block=7, devices=1)),
    (13, Layout(written_out=True, block=7, devices=1)),
    (13, Layout(written_out=False, block=3, devices=2)),
    (13, Layout(written_out=True, block=1, devices=2)),
    (13, Layout(written_out=False, block=1, devices=1)),
]


def regression(samples: int = 20) -> Dataset:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(samples, 2)).astype(np.float32)
    return Dataset("numbers", features, np.sin(features[:, 0]), ("a", "b"), None)


@jax.jit
def batch(problem, seed):
    """The data of a generation."""
    return problem.batch(jax.random.key(seed))


# --- Layouts --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(vertical: Dataset) -> Dataset:
    return small(vertical, 30)


@pytest.fixture(scope="module")
def few_problem(few: Dataset, model: MLP) -> SupervisedProblem:
    return SupervisedProblem.of(few, model, objectives.get("cross_entropy"))


@pytest.fixture(scope="module")
def population(few: Dataset, model: MLP):
    """Seeds of networks by population size, and what NumPy says of these networks."""
    strategy = RandomSearch(sigma=0.7, population=200)
    state, *all_of_them = jax.tree.map(np.asarray, asked(strategy, random_network(model.sizes)))

    def of(size: int):
        seeds, networks = jax.tree.map(lambda x: x[:size], all_of_them)
        return strategy, state, seeds, numpy_scores(few, networks)

    return of


@pytest.mark.parametrize(
    ("size", "layout"),
    LAYOUTS,
    ids=[
        f"{size}-{'rows' if each.written_out else 'products'}-block{each.block}-{each.devices}dev"
        for size, each in LAYOUTS
    ],
)
def test_every_layout_gives_the_scores_of_numpy(size, layout, few, few_problem) -> None:
    networks = random_network((2, 3, 3), size)
    expected = numpy_scores(few, networks)
    score = given_scores(few_problem, networks, layout)
    assert score.loss.shape == score.measures["accuracy"].shape == (size,)
    np.testing.assert_allclose(score.loss, expected.loss, rtol=1e-5)
    np.testing.assert_allclose(score.measures["accuracy"], expected.measures["accuracy"], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "block", "devices"),
    [
        ("openai_es", {}, 1, 1),
        ("openai_es", {}, 1, 2),
        ("openai_es", {"rank": 1}, 2, 2),
        ("pgpe", {}, 1, 1),
        ("ars", {"rank": 1}, 1, 1),
        ("spsa", {"probes": 5, "rank": 1}, 3, 1),
    ],
)
def test_pairs_get_the_scores_of_their_members(
    name, options, block, devices, few, few_problem, model
) -> None:
    strategy = strategies.get(name, **{**({} if name == "spsa" else {"population": 10}), **options})
    assert perturbation(strategy).opposite_pairs
    state, candidates, networks = asked(strategy, random_network(model.sizes))
    expected = numpy_scores(few, networks)
    paired = scores(few_problem, strategy, state, candidates, Layout(False, block, devices, True))
    assert len(np.unique(expected.loss)) == 10
    np.testing.assert_allclose(paired.loss, expected.loss, rtol=1e-5)
    np.testing.assert_allclose(
        paired.measures["accuracy"], expected.measures["accuracy"], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "options", "block", "devices"),
    [("fzoo", {"probes": 6}, 4, 2), ("spsa", {"probes": 3, "curvature": True}, 1, 1)],
)
def test_candidates_that_are_no_pairs_are_walked_one_by_one(
    name, options, block, devices, few, model, few_problem
) -> None:
    strategy = strategies.get(name, rank=1, **options)
    assert not perturbation(strategy).opposite_pairs
    state, candidates, networks = asked(strategy, random_network(model.sizes))
    expected = numpy_scores(few, networks)
    found = scores(few_problem, strategy, state, candidates, Layout(False, block, devices))
    assert len(np.unique(expected.loss)) == 7
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-5)


def test_pairs_are_chosen_where_there_are_any(few, problem, model) -> None:
    wide = SupervisedProblem.of(few, MLP((2, 300, 3)), objectives.get("cross_entropy"))
    flat = SupervisedProblem.of(few, MLP((2, 3)), objectives.get("cross_entropy"))
    assert choose_layout(wide, 64, PAIRS).pairs
    assert choose_layout(wide, 64, PAIRS).block == 1
    assert choose_layout(wide, 64, Perturbation(True, rank=1)).block == 1
    assert not choose_layout(wide, 65, Perturbation(rank=1)).pairs
    assert not choose_layout(wide, 64).pairs
    assert not choose_layout(flat, 64, PAIRS).pairs
    assert not choose_layout(problem, 64, PAIRS).pairs  # written out


def test_candidates_of_the_layout_tests_tell_members_apart(population, few) -> None:
    for expected in (population(64)[-1], numpy_scores(few, random_network((2, 3, 3), 64))):
        assert len(np.unique(expected.loss.round(4))) > 60
        assert len(np.unique(expected.measures["accuracy"])) > 5


@pytest.mark.parametrize("layout", [layout for size, layout in LAYOUTS if size == 13])
def test_nan_is_the_loss_of_its_member_alone(layout, few, few_problem) -> None:
    networks = random_network((2, 3, 3), 13)
    expected = numpy_scores(few, networks)
    networks[0].weights[5, 0, 1] = np.nan
    networks[1].biases[11, 2] = np.nan
    score = given_scores(few_problem, networks, layout)
    broken = np.isin(np.arange(13), [5, 11])
    np.testing.assert_array_equal(np.isnan(score.loss), broken)
    np.testing.assert_array_equal(score.measures["accuracy"][broken], 0)
    np.testing.assert_allclose(score.loss[~broken], expected.loss[~broken], rtol=1e-5)
    np.testing.assert_allclose(
        score.measures["accuracy"][~broken], expected.measures["accuracy"][~broken], rtol=1e-6
    )


def test_losses_of_an_objective_to_maximise_are_negative(few, model) -> None:
    problem = SupervisedProblem.of(few, model, objectives.get("accuracy"))
    networks = random_network(model.sizes, 13)
    expected = numpy_scores(few, networks)
    score = given_scores(problem, networks, Layout(True, 7, 1))
    np.testing.assert_allclose(score.loss, -expected.measures["accuracy"], rtol=1e-6)
    np.testing.assert_allclose(score.measures["accuracy"], expected.measures["accuracy"], rtol=1e-6)


# --- Models and data ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "batch_size"), [(Layout(False, 7, 2), 11), (Layout(True, 1, 1), None)]
)
def test_any_model_with_init_and_apply(layout, batch_size, few) -> None:
    problem = SupervisedProblem.of(
        few, Linear(), objectives.get("cross_entropy"), batch_size=batch_size
    )
    weights = np.random.default_rng(0).normal(size=(13, 2, 3)).astype(np.float32)
    score = given_scores(problem, {"w": weights}, layout)
    x, targets = batch(problem, 0)
    x, labels = np.asarray(x, np.float64), np.asarray(targets["one_hot"]).argmax(0)
    assert len(x) == (batch_size or 30)
    for index, w in enumerate(weights):
        logits = np.tanh(x) @ w
        assert float(score.loss[index]) == pytest.approx(numpy_loss(logits, labels), rel=1e-5)
        assert float(score.measures["accuracy"][index]) == pytest.approx(
            accuracy_score(labels, logits.argmax(1))
        )


@pytest.mark.parametrize("rows", [True, False])
def test_regression_has_a_loss_and_no_measures(rows: bool) -> None:
    data, model = regression(), MLP((2, 1))
    problem = SupervisedProblem.of(data, model, objectives.get("squared_error"))
    networks = random_network(model.sizes, 5)
    score = given_scores(problem, networks, Layout(rows, 7, 1))
    expected = [
        mean_squared_error(data.targets, data.features @ weights[:, 0] + bias)
        for weights, bias in zip(*networks[0], strict=True)
    ]
    np.testing.assert_allclose(score.loss, expected, rtol=1e-5)
    assert score.measures == {}
    assert problem.measures == ()


# --- Minibatches ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batched(vertical: Dataset, model: MLP) -> SupervisedProblem:
    return SupervisedProblem.of(vertical, model, objectives.get("cross_entropy"), batch_size=20)


def test_a_minibatch_is_a_function_of_the_key(batched) -> None:
    first, again, other = (batch(batched, seed) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert np.any(first[0] != other[0])
    assert batched.uses_minibatches


def test_a_minibatch_holds_distinct_samples_with_their_own_targets(batched, vertical) -> None:
    features = {
        tuple(x): label for x, label in zip(vertical.features, vertical.targets, strict=True)
    }
    inputs, targets = batch(batched, 0)
    assert inputs.shape == (2, 20)
    drawn = [tuple(column) for column in np.asarray(inputs).T]
    assert len(set(drawn)) == 20
    labels = [features[column] for column in drawn]
    np.testing.assert_array_equal(np.asarray(targets["one_hot"]).argmax(0), labels)
    np.testing.assert_array_equal(targets["tie"], objectives.class_targets(labels, 3)["tie"])


def test_all_samples_are_one_batch(vertical, model, problem) -> None:
    whole = SupervisedProblem.of(
        vertical, model, objectives.get("cross_entropy"), batch_size=vertical.n_samples
    )
    for full in (whole, problem):
        assert not full.uses_minibatches
        inputs, targets = jax.tree.map(np.asarray, full.batch(jax.random.key(5)))
        np.testing.assert_array_equal(inputs[:, :300], vertical.features.T)
        np.testing.assert_array_equal(targets["one_hot"].argmax(0)[:300], vertical.targets)
        # Whole vectors, filled up with samples that count nothing.
        assert inputs.shape[1] % 16 == 0
        assert targets["weight"].sum() == targets["total"] == 300
    assert problem.n_samples == 300


# --- The choice of a layout -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 64, 1000, 100_000])
@pytest.mark.parametrize("sizes", [(2, 3, 3), (2, 64, 3), (2, 512, 512, 3)])
def test_chosen_layouts_can_be_used(size: int, sizes, vertical) -> None:
    problem = SupervisedProblem.of(vertical, MLP(sizes), objectives.get("cross_entropy"))
    layout = choose_layout(problem, size)
    assert 1 <= layout.devices <= min(size, jax.device_count())
    assert 1 <= layout.block <= size
    assert layout.mesh.size == layout.devices


def test_only_work_worth_sharing_is_shared(problem, vertical) -> None:
    assert choose_layout(problem, 2).devices == 1
    # The rows of a few neurons are spread over the cores by the compiler.
    assert choose_layout(problem, 100_000).devices == 1
    large = SupervisedProblem.of(vertical, MLP((2, 512, 512, 3)), problem.objective)
    assert choose_layout(large, 1).devices == 1
    assert choose_layout(large, 64).devices == jax.device_count()
    assert large.cost.operations > 100 * problem.cost.operations


def test_only_layers_of_a_few_neurons_are_written_out(vertical, problem) -> None:
    large = SupervisedProblem.of(vertical, MLP((2, 512, 512, 3)), problem.objective)
    assert not choose_layout(large, 64).written_out
    assert not choose_layout(
        SupervisedProblem.of(vertical, Linear(), problem.objective), 64
    ).written_out


@pytest.mark.parametrize("size", [1, 200])
def test_the_chosen_layout_gives_the_scores_of_numpy(size, population, few_problem) -> None:
    strategy, state, seeds, expected = population(size)
    score = scores(few_problem, strategy, state, seeds, choose_layout(few_problem, size))
    np.testing.assert_allclose(score.loss, expected.loss, rtol=1e-5)
    np.testing.assert_allclose(score.measures["accuracy"], expected.measures["accuracy"], rtol=1e-6)


def test_replicate_puts_everything_on_every_device(problem) -> None:
    values = replicate({"x": jnp.arange(3.0), "key": jax.random.key(0)}, Layout(True, 1, 2))
    assert values["x"].sharding.device_set == set(jax.devices()[:2])
    assert values["x"].is_fully_replicated
    np.testing.assert_array_equal(values["x"], [0, 1, 2])


# --- What cannot be a problem ---------------------------------------------------------------------


def test_objective_for_the_other_task() -> None:
    with pytest.raises(InputError, match=r"'cross_entropy' must be used for .* got regression"):
        SupervisedProblem.of(regression(), MLP((2, 1)), objectives.get("cross_entropy"))


@pytest.mark.parametrize("sizes", [(3, 3), (2, 4), (2, 64, 2), (1, 3)])
def test_network_that_does_not_fit_the_data(sizes, vertical) -> None:
    with pytest.raises(InputError, match=r"must fit the data, 2 features and 3 outputs, got"):
        SupervisedProblem.of(vertical, MLP(sizes), objectives.get("cross_entropy"))


@pytest.mark.parametrize("batch_size", [0, -1, 301])
def test_batch_size_out_of_range(batch_size: int, vertical, model) -> None:
    with pytest.raises(InputError, match=rf"from 1 to .* 300, got {batch_size}"):
        SupervisedProblem.of(vertical, model, objectives.get("cross_entropy"), batch_size)
