"""Networks of steps and their surrogate gradients: the same outputs, other derivatives."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from benchmarks.steps import __main__ as command
from benchmarks.steps import digits, hard, tasks, tasks_page
from benchmarks.steps.competition import SEARCH, SURROGATE, hyperparameters
from benchmarks.steps.settings import SETTINGS
from benchmarks.steps.tasks import TASKS, Network

X = jnp.linspace(-2, 2, 41)
STEPS = {
    "spike": (hard.spike, X, {0.0, 1.0}),
    "staircase": (lambda x, s: hard.staircase(x, 4, s), X, {0.0, 0.25, 0.5, 0.75, 1.0}),
    "largest": (hard.largest, jnp.array([[1.0, 2.0], [3.0, 2.0], [2.0, -1.0]]), {0.0, 1.0}),
    "int8": (hard.int8, X, None),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_hard_and_its_surrogate_changes_only_the_derivative(name):
    step, x, values = STEPS[name]

    weights = jnp.arange(1.0, x.size + 1).reshape(x.shape)

    def weighted(x, surrogate):
        value = step(x, surrogate)
        return jnp.sum(weights * value), value

    def valued_and_sloped(surrogate):
        slope, value = jax.jit(jax.grad(weighted, has_aux=True), static_argnums=1)(x, surrogate)
        return np.asarray(value), np.asarray(slope)

    (true, flat), (same, sloped) = valued_and_sloped(False), valued_and_sloped(True)
    np.testing.assert_array_equal(true, same)
    assert not flat.any()
    assert sloped.any()
    if values is not None:
        assert set(true.ravel().tolist()) == values


def test_int8_weights_are_whole_numbers_times_a_scale():
    scaled = np.asarray(hard.int8(X)) / (2 / 127)
    np.testing.assert_allclose(scaled, np.round(scaled), atol=1e-4)
    assert abs(scaled).max() == pytest.approx(127)


def test_the_largest_of_equals_is_the_first():
    np.testing.assert_array_equal(hard.largest(jnp.array([[2.0], [2.0], [1.0]])).T, [[1, 0, 0]])


# What a gradient cannot reach without a surrogate: whatever lies before the step.
BEFORE = {
    "spiking": ("first", "first_bias"),
    "int8": ("first", "last"),
    "argmax attention": ("query", "key"),
    "staircase": ("first", "first_bias"),
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_network_has_the_same_outputs_with_a_surrogate_and_a_gradient_before_its_steps(
    task, monkeypatch
):
    monkeypatch.setattr(tasks, "WIDTH", 4)  # what is written out takes long to compile
    monkeypatch.setattr(tasks, "TIME", 3)
    network = Network(task, 64)
    params = network.init(jax.random.key(0))
    pixels = jax.random.uniform(jax.random.key(1), (64, 5))

    @jax.jit
    def found(params):
        def loss(params, surrogate):
            outputs = task.rest(params, task.first(params, pixels), surrogate)
            return -jnp.sum(jax.nn.log_softmax(outputs, 0)[3]), outputs

        both = [jax.grad(loss, has_aux=True)(params, each) for each in (False, True)]
        return *both, network.apply(params, pixels.T)

    (flat, true), (sloped, same), applied = found(params)
    np.testing.assert_array_equal(true, same)
    assert true.shape == (10, 5)
    np.testing.assert_allclose(applied.T, true, rtol=1e-4, atol=1e-5)
    for name in BEFORE.get(task.name, ()):
        assert not np.any(flat[name]), name
    assert all(np.any(each) for name, each in sloped.items()), task.name
    if task.name == "hard mixture of experts":  # the gate alone lies before the step
        assert not np.any(flat["first"][:, :4])
        assert np.any(sloped["first"][:, :4])


def test_every_task_has_settings_and_its_learning_rate_falls_to_a_share():
    assert set(SETTINGS) == {task.name for task in TASKS}
    search = SETTINGS["spiking"].search
    decay = hyperparameters(search, 50)["learning_rate_decay"]
    assert decay**50 == pytest.approx(search.final)


# --- Digits ---------------------------------------------------------------------------------------


def test_digits_are_split_in_their_order_and_centered_by_what_is_learned(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5000, 28, 28), np.uint8)
    labels = np.arange(5000) % 10
    np.savez(tmp_path / "mnist.npz", images=images, labels=labels)
    found = digits.read(tmp_path / "mnist.npz")
    assert [len(rows.labels) for rows in found] == [3500, 500, 1000]
    np.testing.assert_array_equal(np.concatenate([rows.labels for rows in found]), labels)
    np.testing.assert_allclose(found.train.pixels.mean(0), 0, atol=1e-4)
    whole = images.reshape(5000, -1) / 255
    np.testing.assert_allclose(found.test.pixels, whole[4000:] - whole[:3500].mean(0), atol=1e-5)


def test_a_command_without_digits_says_what_is_needed(tmp_path, capsys):
    other = tmp_path / "other.npz"
    np.savez(other, images=np.zeros((5000, 8, 8)), labels=np.zeros(5000))
    for path in (tmp_path / "nothing.npz", other):
        with pytest.raises(SystemExit):
            command.main(["--digits", str(path)])
        assert "needed is an .npz file with MNIST" in " ".join(capsys.readouterr().err.split())


# --- Page -----------------------------------------------------------------------------------------


def _run(task, method, seed, accuracies):
    curve = [
        {
            "passes": 1000 * (place + 1),
            "seconds": 0.5 * (place + 1),
            "validation_loss": 1 - accuracy,
            "test_loss": 1 - accuracy,
            "test_accuracy": accuracy,
        }
        for place, accuracy in enumerate(accuracies)
    ]
    kept = int(np.argmax(accuracies))
    return {
        "task": task, "method": method, "seed": seed, "parameters": 1290, "kept": kept,
        "curve": curve,
    }  # fmt: skip


def test_a_page_says_which_method_is_ahead_and_what_is_published():
    runs = [
        *(_run("staircase", SEARCH, seed, [0.5, 0.7, 0.8, 0.9]) for seed in (0, 1)),
        *(_run("staircase", SURROGATE, seed, [0.8, 0.92, 0.91]) for seed in (0, 1)),
        *(_run("int8", SEARCH, seed, [0.9, 0.98]) for seed in (0, 1)),
        *(_run("int8", SURROGATE, seed, [0.9, 0.95]) for seed in (0, 1)),
        _run("spiking", SEARCH, 0, [0.9, 0.95]),  # which has nothing to be compared with yet
    ]
    document = {
        "command": "python -m benchmarks.steps --digits FILE",
        "machine": {"cpu": "a cpu", "os": "an os", "python": "3.11"},
        "rows": {"train": 7000, "validation": 1000, "test": 2000},
        "runs": json.loads(json.dumps(runs)),
    }
    text = "\n".join(tasks_page.section(document))
    assert (
        "| staircase | floor | 1,290 | 90.0% ± 0.0 | 0.100 | 92.0% ± 0.0 | 0.080 | 94.3% |" in text
    )
    # As many passes as Adam's three epochs took, the search is at its third judgement.
    assert (
        "| 0.004 million | 2.0 | 0.003 million | 1.5 | 80.0% | 80.0% | 1.0 s, 0.002 million |"
        in text
    )
    assert "0 of 2 runs are" in text
    assert "The straight-through estimator is more accurate on staircase by 2.0 points." in text
    assert "The search is at least as accurate on int8 by 3.0 points." in text
    assert "The search is above PolyStep's published figure on int8." in text
    assert "The search is below PolyStep's published figure on staircase." in text
    assert "spiking |" not in text
    document["runs"] = [run for run in document["runs"] if run["seed"] == 0]
    text = "\n".join(tasks_page.section(document))
    assert "means of\none seed" in text
    assert "| 1,290 | 90.0% | 0.100 | 92.0% | 0.080 |" in text
