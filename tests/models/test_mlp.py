"""The network is the one of the textbooks, however it is computed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from gradless import book
from gradless._core import storage, tree
from gradless._core.errors import InputError
from gradless.models.contract import Model
from gradless.models.mlp import ACTIVATIONS, INITIALIZERS, MLP, Dense

# name -> function of NumPy and SciPy, tolerance
ORACLES = {
    "relu": (lambda x: np.maximum(x, 0), 0),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.01 * x), 1e-7),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), 1e-6),
    "gelu": (lambda x: x * special.ndtr(x), 1e-3),  # JAX's is the tanh approximation
    "silu": (lambda x: x * special.expit(x), 1e-6),
    "softplus": (lambda x: np.logaddexp(0, x), 1e-6),
    "tanh": (np.tanh, 1e-6),
    "sigmoid": (special.expit, 1e-6),
    "sine": (np.sin, 1e-6),
    "sign": (np.sign, 0),
    "step": (lambda x: np.heaviside(x, 0), 0),
    "identity": (lambda x: x, 0),
}


def random_params(model: MLP, seed: int = 0) -> tuple[Dense, ...]:
    """Weights and biases, all of them different from zero."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda x: rng.normal(size=x.shape).astype(np.float32),
        jax.eval_shape(model.init, jax.random.key(0)),
    )


def initial(model: MLP, seed: int) -> tuple[Dense, ...]:
    """The parameters that the model begins with."""
    return jax.tree.map(np.asarray, jax.jit(model.init)(jax.random.key(seed)))


@functools.cache
def activated(points: tuple[float, ...]) -> dict[str, jax.Array]:
    """What every activation makes of some numbers, by one program."""
    given = np.asarray(points, np.float32)
    return jax.jit(lambda x: {name: of(x) for name, of in ACTIVATIONS.items()})(given)


def numpy_forward(model: MLP, params: tuple[Dense, ...], x: np.ndarray) -> np.ndarray:
    """Textbook forward pass in double precision, samples on the leading axis."""
    activation, _ = ORACLES[model.activation]
    *hidden, last = [jax.tree.map(lambda p: np.asarray(p, np.float64), layer) for layer in params]
    x = x.astype(np.float64)
    for layer in hidden:
        x = activation(x @ layer.weights + layer.biases)
    return x @ last.weights + last.biases


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(17, 2)).astype(np.float32)


def test_every_activation_has_an_oracle() -> None:
    assert ORACLES.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    points = np.concatenate([np.linspace(-6, 6, 97), [-1e-3, 0.0, 1e-3, -50, 50]])
    oracle, tolerance = ORACLES[name]
    given = points.astype(np.float32)
    values = activated(tuple(points))[name]
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, oracle(given.astype(np.float64)), rtol=1e-6, atol=tolerance)


@pytest.mark.parametrize("sizes", [(2, 3), (2, 3, 3), (2, 5, 4, 1), (2, 1, 7, 6, 2)])
def test_apply_is_the_forward_pass(sizes, x) -> None:
    model = MLP(sizes, activation="tanh")
    params = random_params(model)
    outputs = jax.jit(model.apply)(params, x)
    assert outputs.shape == (17, sizes[-1])
    np.testing.assert_allclose(outputs, numpy_forward(model, params, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "sine", "step"])
def test_activation_follows_every_layer_but_the_last(activation: str, x) -> None:
    model = MLP((2, 4, 3, 2), activation=activation)
    params = random_params(model, seed=17)
    expected = numpy_forward(model, params, x)
    assert expected.min() < 0
    assert np.ptp(expected) > 2
    np.testing.assert_allclose(jax.jit(model.apply)(params, x), expected, rtol=1e-4, atol=1e-5)


def test_apply_is_the_network_of_the_book(x) -> None:
    book.init(0)
    dense1, activation1, dense2 = (
        book.Layer_Dense(2, 3),
        book.Activation_ReLU(),
        book.Layer_Dense(3, 3),
    )
    dense1.biases += [[0.5, -0.1, 0.0]]
    dense2.biases += [[0.1, 0.2, -0.3]]
    dense1.forward(x)
    activation1.forward(dense1.output)
    dense2.forward(activation1.output)
    params = (
        Dense(dense1.weights, dense1.biases[0]),
        Dense(dense2.weights, dense2.biases[0]),
    )
    outputs = jax.jit(MLP((2, 3, 3)).apply)(params, x)
    np.testing.assert_allclose(outputs, dense2.output, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("sizes", [(2, 3), (2, 3, 3), (2, 6, 1, 5)])
def test_rows_and_products_agree(sizes, x) -> None:
    model = MLP(sizes, activation="leaky_relu")
    params = random_params(model, seed=3)

    @jax.jit
    def both(params, x):
        return model.apply_rows(params, list(x)), model.apply_rows(params, x)

    rows, product = both(params, x.T)
    assert isinstance(rows, list)
    assert len(rows) == sizes[-1]
    assert product.shape == (sizes[-1], 17)
    np.testing.assert_allclose(np.stack(rows), product, rtol=1e-5, atol=1e-5)


def test_init_has_the_shapes_of_the_sizes() -> None:
    model = MLP((4, 8, 3))
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert [(p.weights.shape, p.biases.shape) for p in params] == [((4, 8), (8,)), ((8, 3), (3,))]
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    assert model.n_parameters == tree.size(params) == 4 * 8 + 8 + 8 * 3 + 3


@pytest.mark.parametrize(
    ("name", "variance"),
    [("he", 2 / 150), ("glorot", 2 / (150 + 250)), ("lecun", 1 / 150), ("book", 1e-4)],
)
def test_initializer(name: str, variance: float) -> None:
    (layer,) = initial(MLP((150, 250), initializer=name), 1)
    weights = np.asarray(layer.weights, np.float64)
    assert np.var(weights) == pytest.approx(variance, rel=4 * np.sqrt(2 / weights.size))
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    np.testing.assert_array_equal(layer.biases, 0)
    assert name in INITIALIZERS


def test_initializer_names_are_tested() -> None:
    assert set(INITIALIZERS) == {"he", "glorot", "lecun", "book"}


def test_init_is_a_function_of_the_key_and_differs_between_layers() -> None:
    model = MLP((4, 4, 4))
    first, again, other = (initial(model, seed) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert np.all(first[0].weights != other[0].weights)
    assert np.all(first[0].weights != first[1].weights)


def test_networks_are_models_and_compare_by_value() -> None:
    assert isinstance(MLP((2, 3)), Model)
    assert not isinstance(object(), Model)
    assert MLP((2, 3)) == MLP((2, 3))
    assert hash(MLP((2, 3))) == hash(MLP((2, 3)))
    assert MLP((2, 3)) != MLP((2, 3), activation="tanh")


@pytest.mark.parametrize("sizes", [(), (2,), (2, 0, 3), (2, -1), (0, 3)])
def test_sizes_that_are_no_network(sizes) -> None:
    with pytest.raises(InputError, match=r"layer sizes .* For example: 2 64 3"):
        MLP(sizes)


# --- Weights in eight bits ------------------------------------------------------------------------


def numpy_rounded(params: tuple[Dense, ...]) -> tuple[Dense, ...]:
    """The 255 numbers of each layer written down, and of these the nearest to each weight."""

    def nearest(weights: np.ndarray) -> np.ndarray:
        steps = np.arange(-127, 128) * np.abs(weights).max() / 127
        return steps[np.abs(weights[..., None] - steps).argmin(-1)]

    return tuple(Dense(nearest(np.asarray(w, np.float64)), np.asarray(b)) for w, b in params)


@pytest.mark.parametrize("rows", [False, True])
def test_int8_networks_compute_with_rounded_weights(rows: bool, x) -> None:
    model = MLP((2, 3, 3), activation="tanh", weights="int8")
    params = random_params(model, seed=5)
    given = list(x.T) if rows else x.T
    outputs = np.stack(jax.jit(model.apply_rows)(params, given)).T
    np.testing.assert_allclose(
        outputs, numpy_forward(model, numpy_rounded(params), x), rtol=1e-3, atol=1e-3
    )
    exact = numpy_forward(model, params, x)
    assert not np.allclose(outputs, exact, rtol=1e-3, atol=1e-3)  # it is another network


def test_the_rounded_parameters_are_the_same_network(x) -> None:
    model = MLP((2, 3, 3), weights="int8")
    params = random_params(model, seed=5)
    used = model.used(params)
    apply = jax.jit(model.apply)
    np.testing.assert_array_equal(apply(used, x), apply(params, x))
    again = model.restored(jax.tree.map(np.asarray, model.stored(params)), "file")
    for (weights, biases), layer, given in zip(again, used, params, strict=True):
        np.testing.assert_array_equal(weights, layer.weights)
        np.testing.assert_array_equal(biases, given.biases)  # which stay float32
    plain = MLP((2, 3, 3))
    assert plain.used(params) == plain.stored(params) == plain.restored(params, "file") == params


def test_a_file_is_a_quarter_of_the_size(tmp_path) -> None:
    sizes = []
    for weights in ("float32", "int8"):
        model = MLP((64, 200, 3), weights=weights)
        storage.save_tree(tmp_path / weights, model.stored(random_params(model)))
        sizes.append((tmp_path / weights).stat().st_size)
    assert 0.25 <= sizes[1] / sizes[0] < 0.29


def test_what_goes_in_steps() -> None:
    in_steps = [MLP((2, 3), activation=a).is_piecewise_constant for a in ("relu", "step", "sign")]
    assert in_steps == [0, 1, 1]
    assert MLP((2, 3), weights="int8").is_piecewise_constant


def test_unknown_names_suggest_the_closest() -> None:
    with pytest.raises(InputError, match="unknown kind of weights 'int4'; did you mean 'int8'"):
        MLP((2, 3), weights="int4")
    with pytest.raises(InputError, match=r"unknown activation 3\. Known: "):
        MLP((2, 3), activation=3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown activation 'rleu'; did you mean 'relu'"):
        MLP((2, 3), activation="rleu")
    with pytest.raises(InputError, match="unknown initializer 'glorott'; did you mean 'glorot'"):
        MLP((2, 3), initializer="glorott")
