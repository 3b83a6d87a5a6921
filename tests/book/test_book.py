import re
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest

from gradless import book
from gradless._core.errors import InputError
from gradless.book import (
    Activation_ReLU,
    Activation_Softmax,
    Layer_Dense,
    Loss,
    Loss_CategoricalCrossentropy,
    hill_climb,
    init,
    random_search,
    spiral_data,
    vertical_data,
)

# What chapter 6 prints for random search.
RANDOM_SEARCH_OUTPUT = """\
New set of weights found, iteration: 0, loss: 1.098656415939331, accuracy: 0.3333333333333333
New set of weights found, iteration: 3, loss: 1.0981379747390747, accuracy: 0.3333333333333333
New set of weights found, iteration: 117, loss: 1.0980114936828613, accuracy: 0.3333333333333333
New set of weights found, iteration: 124, loss: 1.0977516174316406, accuracy: 0.6
New set of weights found, iteration: 165, loss: 1.0975710153579712, accuracy: 0.3333333333333333
New set of weights found, iteration: 552, loss: 1.0974693298339844, accuracy: 0.34
New set of weights found, iteration: 778, loss: 1.0968257188796997, accuracy: 0.3333333333333333
New set of weights found, iteration: 4307, loss: 1.0965533256530762, accuracy: 0.3333333333333333
New set of weights found, iteration: 4615, loss: 1.096449851989746, accuracy: 0.3333333333333333
New set of weights found, iteration: 9450, loss: 1.096429467201233, accuracy: 0.3333333333333333
"""

# The chapter's listing of hill climbing. Its layers and its loss come from gradless.book.
HILL_CLIMB_LISTING = """\
import numpy as np
from gradless.book import *

init()

# create dataset
X, y = vertical_data(samples=100, classes=3)

# create model
dense1 = Layer_Dense(2, 3)
activation1 = Activation_ReLU()
dense2 = Layer_Dense(3, 3)
activation2 = Activation_Softmax()

# create loss function
loss_function = Loss_CategoricalCrossentropy()

# helper variables
lowest_loss = 9999999
best_dense1_weights = dense1.weights.copy()
best_dense1_biases = dense1.biases.copy()
best_dense2_weights = dense2.weights.copy()
best_dense2_biases = dense2.biases.copy()

loss_values = []
acc_values = []

for iteration in range(1000):

    # update weights iwth small random values
    dense1.weights += 0.05 * np.random.randn(2, 3)
    dense1.biases += 0.05 * np.random.randn(1, 3)
    dense2.weights += 0.05 * np.random.randn(3, 3)
    dense2.biases += 0.05 * np.random.randn(1, 3)

    # perform a forward pass of the training data through this layer
    dense1.forward(X)
    activation1.forward(dense1.output)
    dense2.forward(activation1.output)
    activation2.forward(dense2.output)

    # perform a forward pass through activation function
    # it takes the output of second dense layer here and returns loss
    loss = loss_function.calculate(activation2.output, y)

    # Store the loss value
    loss_values.append(loss)

    # calculate accuracy from output of activation2 and targets
    predictions = np.argmax(activation2.output, axis=1)
    accuracy = np.mean(predictions == y)
    acc_values.append(accuracy)

    # if loss is smaller - print and save weights and biases aside
    if loss < lowest_loss:
        print(f'New set of weights found, iteration: {iteration}, loss: {loss}, accuracy: {np.mean(predictions == y)}')
        best_dense1_weights = dense1.weights.copy()
        best_dense1_biases = dense1.biases.copy()
        best_dense2_weights = dense2.weights.copy()
        best_dense2_biases = dense2.biases.copy()
        lowest_loss = loss
    # revert weights and biases
    else:
        dense1.weights = best_dense1_weights.copy()
        dense1.biases = best_dense1_biases.copy()
        dense2.weights = best_dense2_weights.copy()
        dense2.biases = best_dense2_biases.copy()
"""  # noqa: E501

# The chapter's random search differs from it in these four lines and never reverts.
RANDOM_SEARCH_LISTING = (
    HILL_CLIMB_LISTING[: HILL_CLIMB_LISTING.index("    # revert")]
    .replace(" += 0.05 * np.random.randn", " = 0.05 * np.random.randn")
    .replace("range(1000)", "range(600)")
)


def read_report(lines):
    """Iterations, losses and accuracies of lines in the chapter's format."""
    pattern = r"New set of weights found, iteration: (\d+), loss: ([\d.]+), accuracy: ([\d.]+)"
    rows = [re.fullmatch(pattern, line).groups() for line in lines]
    iterations, losses, accuracies = zip(*rows, strict=True)
    return (
        [int(text) for text in iterations],
        [float(text) for text in losses],
        [float(text) for text in accuracies],
    )


def run_listing(listing):
    printed = StringIO()
    names = {}
    with redirect_stdout(printed):
        exec(listing, names)
    return printed.getvalue().splitlines(), names


@pytest.fixture(scope="module")
def random_searched():
    lines = []
    return random_search(report=lines.append), lines


@pytest.fixture(scope="module")
def hill_climbed():
    lines = []
    return hill_climb(report=lines.append), lines


def test_random_search_reports_the_ten_lines_of_the_chapter(random_searched):
    _, lines = random_searched
    iterations, losses, accuracies = read_report(lines)
    expected_iterations, expected_losses, expected_accuracies = read_report(
        RANDOM_SEARCH_OUTPUT.splitlines()
    )
    assert iterations == expected_iterations
    assert accuracies == expected_accuracies
    np.testing.assert_allclose(losses, expected_losses, rtol=0, atol=1e-6)


def test_hill_climb_golden_last_improvement(hill_climbed):
    _, lines = hill_climbed
    iterations, losses, accuracies = read_report(lines)
    assert iterations[-1] == 991
    assert losses[-1] == pytest.approx(0.17705635726451874, rel=0, abs=1e-6)
    assert accuracies[-1] == 0.9266666666666666


def test_hill_climb_barely_learns_the_spiral():
    result = hill_climb("spiral", report=lambda line: None)
    assert result.best_loss == pytest.approx(1.0799247, rel=0, abs=1e-5)
    assert result.best_accuracy < 0.5


@pytest.mark.parametrize(
    ("searched", "iterations"), [("random_searched", 10_000), ("hill_climbed", 1_000)]
)
def test_a_search_returns_what_it_reported(searched, iterations, request):
    result, lines = request.getfixturevalue(searched)
    reported_iterations, reported_losses, reported_accuracies = read_report(lines)

    assert result.losses.shape == result.accuracies.shape == (iterations,)
    assert result.losses.dtype == np.float32
    assert result.accuracies.dtype == np.float64
    # An iteration is reported when its loss is below all before it, and only then.
    lowest_before = np.minimum.accumulate(np.append(np.float32(np.inf), result.losses))[:-1]
    assert reported_iterations == np.flatnonzero(result.losses < lowest_before).tolist()
    assert reported_losses == result.losses[reported_iterations].tolist()
    assert reported_accuracies == result.accuracies[reported_iterations].tolist()

    assert result.best_iteration == reported_iterations[-1]
    assert result.best_loss == reported_losses[-1]
    assert result.best_accuracy == reported_accuracies[-1]


@pytest.mark.parametrize("searched", ["random_searched", "hill_climbed"])
def test_the_returned_layers_have_the_best_loss(searched, request):
    result, _ = request.getfixturevalue(searched)
    assert result.dense1_weights.shape == (2, 3)
    assert result.dense1_biases.shape == (1, 3)
    assert result.dense2_weights.shape == (3, 3)
    assert result.dense2_biases.shape == (1, 3)
    assert result.dense1_weights.dtype == result.dense2_biases.dtype == np.float32

    init()
    points, labels = vertical_data(100, 3)
    hidden = np.maximum(0, points @ result.dense1_weights + result.dense1_biases)
    scores = hidden @ result.dense2_weights + result.dense2_biases
    true_scores = scores[np.arange(300), labels]
    loss = np.mean(np.log(np.sum(np.exp(scores), axis=1)) - true_scores)
    assert loss == pytest.approx(result.best_loss, rel=0, abs=1e-6)


def test_an_equal_loss_is_no_improvement(monkeypatch):
    monkeypatch.setattr(Loss, "calculate", lambda self, output, y: np.float32(1))
    lines = []
    assert hill_climb(iterations=5, report=lines.append).best_iteration == 0
    assert len(lines) == 1


def test_searches_depend_on_the_seed_alone():
    def quiet(seed):
        return hill_climb("spiral", 20, seed, report=lambda line: None).losses

    assert np.array_equal(quiet(7), quiet(7))
    assert not np.array_equal(quiet(7), quiet(8))


def test_a_search_prints_by_default(capsys):
    random_search(iterations=4)
    iterations, _, _ = read_report(capsys.readouterr().out.splitlines())
    assert iterations == [0, 3]


def test_a_readers_hill_climbing_follows_the_chapter(hill_climbed):
    lines, names = run_listing(HILL_CLIMB_LISTING)
    iterations, losses, accuracies = read_report(lines)
    assert iterations[0] == 0
    assert losses[-1] < 0.2
    assert accuracies[-1] > 0.9
    assert len(names["loss_values"]) == len(names["acc_values"]) == 1000
    assert names["dense1"].output.dtype == np.float32
    assert names["loss"].dtype == np.float32
    # The reader's noise is float64. Until rounding tells, it is the same search.
    result, _ = hill_climbed
    np.testing.assert_allclose(names["loss_values"][:20], result.losses[:20], rtol=0, atol=1e-6)


def test_a_readers_random_search_follows_the_chapter():
    lines, names = run_listing(RANDOM_SEARCH_LISTING)
    iterations, losses, accuracies = read_report(lines)
    expected = read_report(RANDOM_SEARCH_OUTPUT.splitlines()[:6])
    assert (iterations, accuracies) == (expected[0], expected[2])
    np.testing.assert_allclose(losses, expected[1], rtol=0, atol=1e-6)
    # Weights drawn by the reader are float64; what the network computes from them is not.
    assert names["dense1"].weights.dtype == np.float64
    assert names["activation2"].output.dtype == np.float32


def test_star_import_gives_the_public_names():
    assert sorted(book.__all__) == [
        "Activation_ReLU",
        "Activation_Softmax",
        "Layer_Dense",
        "Loss",
        "Loss_CategoricalCrossentropy",
        "SearchResult",
        "hill_climb",
        "init",
        "random_search",
        "spiral_data",
        "vertical_data",
    ]


def test_vertical_data_golden():
    init()
    points, labels = vertical_data(samples=100, classes=3)
    assert points.shape == (300, 2)
    assert points.dtype == np.float32
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, [0] * 100 + [1] * 100 + [2] * 100)
    golden = [[0.17640524, 0.6883151], [0.04001572, 0.3652241], [0.0978738, 0.3729515]]
    np.testing.assert_allclose(points[:3], golden, rtol=0, atol=1e-7)
    np.testing.assert_allclose(points[-1], [0.6588812, 0.48214108], rtol=0, atol=1e-7)


def test_spiral_data_golden():
    init()
    points, labels = spiral_data(samples=100, classes=3)
    assert points.shape == (300, 2)
    assert points.dtype == np.float32
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, [0] * 100 + [1] * 100 + [2] * 100)
    golden = [[0, 0], [0.00299556, 0.00964661], [0.01288097, 0.01556285], [0.02997479, 0.0044481]]
    np.testing.assert_allclose(points[:4], golden, rtol=0, atol=1e-7)
    # Every arm runs from the origin to radius 1.
    np.testing.assert_allclose(np.hypot(*points.T)[99::100], 1, atol=1e-6)


def test_a_dense_layer_on_the_spiral_gives_what_chapter_3_prints():
    init()
    points, _ = spiral_data(samples=100, classes=3)
    dense1 = Layer_Dense(2, 3)
    dense1.forward(points)
    printed = [
        [0.0000000e00, 0.0000000e00, 0.0000000e00],
        [-1.0475188e-04, 1.1395361e-04, -4.7983500e-05],
        [-2.7414842e-04, 3.1729150e-04, -8.6921798e-05],
        [-4.2188365e-04, 5.2666257e-04, -5.5912682e-05],
        [-5.7707680e-04, 7.1401405e-04, -8.9430439e-05],
    ]
    np.testing.assert_allclose(dense1.output[:5], printed, rtol=1e-6, atol=0)
    assert dense1.output.dtype == np.float32


def test_dense_layer_starts_small_and_unbiased():
    init()
    dense = Layer_Dense(40, 50)
    assert dense.weights.shape == (40, 50)
    assert dense.weights.dtype == dense.biases.dtype == np.float32
    assert dense.weights.std() == pytest.approx(0.01, rel=0.1)
    assert np.array_equal(dense.biases, np.zeros((1, 50)))


def test_dense_layer_sums_products_in_float64():
    dense = Layer_Dense(1000, 1)
    dense.weights = np.ones((1000, 1), dtype=np.float32)
    dense.biases = np.full((1, 1), 0.5, dtype=np.float32)
    inputs = np.ones((1, 1000), dtype=np.float32)
    # In float32 ones would be lost beside 1e8.
    inputs[0, [0, -1]] = 1e8, -1e8
    dense.forward(inputs)
    assert dense.output == 998.5


def test_relu():
    relu = Activation_ReLU()
    relu.forward(np.array([[-2, 0, 3]], dtype=np.float32))
    assert np.array_equal(relu.output, [[0, 0, 3]])
    assert relu.output.dtype == np.float32


def test_softmax_does_not_overflow():
    softmax = Activation_Softmax()
    softmax.forward(np.array([[1000, 1000 + np.log(3)], [-1000, -1000]], dtype=np.float32))
    np.testing.assert_allclose(softmax.output, [[0.25, 0.75], [0.5, 0.5]], atol=1e-4)
    assert softmax.output.dtype == np.float32


def test_one_hot_rows_give_the_loss_of_class_indices():
    probabilities = np.array([[0.7, 0.1, 0.2], [0.1, 0.5, 0.4], [0.02, 0.9, 0.08]], np.float32)
    classes = np.array([0, 1, 1])
    loss = Loss_CategoricalCrossentropy()
    by_index = loss.forward(probabilities, classes)
    by_row = loss.forward(probabilities, np.eye(3)[classes])
    assert np.array_equal(by_index, by_row)
    assert by_index.dtype == by_row.dtype == np.float32
    # Chapter 5 of the book prints this mean.
    assert loss.calculate(probabilities, classes) == pytest.approx(0.38506088005216804, abs=1e-6)


def test_probabilities_are_clipped_on_both_sides():
    certain = np.array([[0, 1], [0, 1]], dtype=np.float32)
    wrong, right = Loss_CategoricalCrossentropy().forward(certain, np.array([0, 1]))
    assert wrong == pytest.approx(-np.log(1e-7), abs=1e-5)
    # 1 - 1e-7 is nearest to 1 - 2**-23 in float32.
    assert right == pytest.approx(2.0**-23, rel=1e-3)


def test_a_loss_of_ones_own_needs_only_forward():
    class Loss_Brier(Loss):  # noqa: N801
        def forward(self, y_pred, y_true):
            return np.sum((y_pred - np.eye(2)[y_true]) ** 2, axis=1)

    halves = np.full((2, 2), 0.5)
    assert Loss_Brier().calculate(halves, np.array([0, 1])) == 0.5


def test_the_readers_draws_continue_the_stream():
    init(3)
    vertical_data(samples=2, classes=1)
    readers = np.random.randn()
    assert readers == np.random.RandomState(3).randn(5)[-1]


def test_numpy_is_left_as_it_was():
    functions = (np.dot, np.zeros, np.eye, np.random.randn)
    init()
    random_search(iterations=1, report=lambda line: None)
    assert functions == (np.dot, np.zeros, np.eye, np.random.randn)
    assert np.random.randn(2).dtype == np.float64
    assert np.zeros(2).dtype == np.float64
    ones = np.ones((2, 2), dtype=np.float32)
    assert np.dot(ones, ones).dtype == np.float32


@pytest.mark.parametrize("search", [random_search, hill_climb])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"data": "spirl"},
            "unknown data set 'spirl'; did you mean 'spiral'? Known: spiral, vertical",
        ),
        ({"data": 3}, "unknown data set 'int'. Known: spiral, vertical"),
        ({"iterations": 0}, "iterations is 0, expected a whole number of at least 1; pass"),
        ({"iterations": 1.5}, "iterations is 1.5, expected a whole number of at least 1; pass"),
        ({"iterations": "9"}, "iterations is '9', expected a whole number of at least 1; pass"),
        ({"seed": -1}, "seed is -1, expected a whole number from 0 to 4294967295; pass"),
        ({"seed": 2**32}, "seed is 4294967296, expected a whole number from 0 to 4294967295; pass"),
        ({"seed": None}, "seed is None, expected a whole number from 0 to 4294967295; pass"),
    ],
)
def test_bad_input_is_named_before_any_work(search, arguments, message):
    np.random.seed(5)
    with pytest.raises(InputError, match=re.escape(message)) as raised:
        search(**arguments, report=pytest.fail)
    assert "\n" not in str(raised.value)
    assert np.random.randn() == np.random.RandomState(5).randn()


def test_the_bounds_themselves_are_accepted():
    result = random_search(iterations=np.int64(1), seed=2**32 - 1, report=lambda line: None)
    assert result.best_iteration == 0
    _, labels = vertical_data(samples=1, classes=256)
    assert labels[-1] == 255


@pytest.mark.parametrize("create_data", [spiral_data, vertical_data])
@pytest.mark.parametrize(
    ("samples", "classes", "message"),
    [
        (0, 3, "samples is 0, expected a whole number of at least 1"),
        (10, 0, "classes is 0, expected a whole number from 1 to 256"),
        (10, 257, "classes is 257, expected a whole number from 1 to 256"),
    ],
)
def test_data_sets_name_bad_sizes(create_data, samples, classes, message):
    with pytest.raises(InputError, match=message):
        create_data(samples, classes)


def test_targets_of_another_shape_are_named():
    with pytest.raises(InputError, match=r"y_true has shape \(2, 1, 1\), expected"):
        Loss_CategoricalCrossentropy().forward(np.ones((2, 2)), np.zeros((2, 1, 1), dtype=int))
