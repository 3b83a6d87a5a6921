"""A penalised fit: as strong as the data need, the same however it is cut, and never at a loss."""

import jax
import numpy as np
import pytest

from gradless import objectives
from gradless._core.errors import InputError
from gradless.models.mlp import MLP
from gradless.training import regularized
from gradless.training.regularized import Fit, Settings, fit, folds, judging, settings
from gradless.training.regularized.rotation import Turned
from gradless.training.samples import Samples

LOG_LOSS = objectives.get("cross_entropy")
MODEL = MLP((3, 8, 2))
SMALL = Settings(folds=3, strengths=(1e-3, 1e-2, 1e-1), starts=2, iterations=30)


def samples_of(inputs, y, weight=None):
    weight = np.ones(len(y)) if weight is None else weight
    return Samples(np.asarray(inputs, np.float32), np.asarray(y), np.asarray(weight, np.float64))


@pytest.fixture(scope="module")
def rings():
    """Rows inside and outside of a circle, and a feature that says nothing."""
    inputs = np.random.default_rng(0).normal(size=(64, 3))
    return samples_of(inputs, (inputs[:, 0] ** 2 + inputs[:, 1] ** 2 > 1.4).astype(int))


@pytest.fixture(scope="module")
def noise():
    rng = np.random.default_rng(1)
    return samples_of(rng.normal(size=(64, 3)), rng.integers(0, 2, 64))


def fitted(samples, settings=SMALL, model=MODEL, seed=0, **options):
    task = options.pop("task", "classification")
    objective = options.pop("objective", LOG_LOSS)
    work = Fit(task, samples, model, objective, seed=seed, settings=settings, **options)
    seen = list(work)
    return seen, work.found


@pytest.fixture(scope="module")
def found(rings):
    return fitted(rings)


def log_loss(outputs, y):
    return float(LOG_LOSS(outputs, y))


def test_it_learns_what_is_not_linear(found, rings):
    _, result = found
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(2000, 3)).astype(np.float32)
    y = (inputs[:, 0] ** 2 + inputs[:, 1] ** 2 > 1.4).astype(int)
    assert result.alpha < 0.1
    assert log_loss(result.model.apply(result.params, inputs), y) < 0.45
    assert result.model.sizes == (3, 8 * result.kept, 2)


def test_noise_is_held_back(noise):
    _, result = fitted(noise)
    assert result.alpha >= 0.1
    rng = np.random.default_rng(6)
    inputs, y = rng.normal(size=(2000, 3)).astype(np.float32), rng.integers(0, 2, 2000)
    assert log_loss(result.model.apply(result.params, inputs), y) < np.log(2) + 0.03


def test_what_is_out_of_fold_is_what_the_strength_was_chosen_by(found, rings):
    _, result = found
    assert list(result.strengths) == [1e-3, 1e-2, 1e-1]
    assert result.alpha == result.strengths[result.losses.argmin()]
    assert result.out_of_fold.shape == (64, 2)
    assert result.out_of_fold.dtype == np.float64
    assert log_loss(result.out_of_fold, rings.targets) == pytest.approx(result.losses.min(), 1e-4)
    assert (result.errors > 0).all()
    # Rows of a fold: as many of each class as there can be.
    counts = [np.bincount(rings.targets[result.fold == k], minlength=2) for k in range(3)]
    assert np.ptp(counts, axis=0).max() <= 1


def test_it_says_how_far_it_is(found):
    seen, result = found
    assert [p.stage for p in seen] == sorted(p.stage for p in seen)
    shares = [p.share for p in seen]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert seen[-1].evaluations == result.evaluations
    assert seen[-1].loss < 0.3


def test_the_bits_do_not_depend_on_chunks(found, rings, monkeypatch):
    monkeypatch.setattr(fit, "chunk", lambda shape, rows: 4)
    seen, result = fitted(rings)
    assert len(seen) > len(found[0])
    jax.tree.map(np.testing.assert_array_equal, result.params, found[1].params)
    assert result.evaluations == found[1].evaluations
    np.testing.assert_array_equal(result.out_of_fold, found[1].out_of_fold)


def test_another_seed_is_another_network(found, rings):
    _, other = fitted(rings, seed=1)
    assert not np.array_equal(other.params[0].weights, found[1].params[0].weights)
    assert not np.array_equal(other.fold, found[1].fold)


def test_a_known_strength_needs_no_folds(rings):
    seen, result = fitted(rings, SMALL._replace(alpha=0.02))
    assert {p.stage for p in seen} == {"refit"}
    assert result.alpha == 0.02
    assert len(result.losses) == 0
    assert np.isnan(result.out_of_fold).all()


@pytest.mark.parametrize("chunks", [0, 1, 12])
def test_an_early_end_settles_for_what_there_is(rings, chunks):
    work = Fit("classification", rings, MODEL, LOG_LOSS, seed=0, settings=SMALL)
    for _ in zip(range(chunks), work, strict=False):
        pass
    result = work.settle()
    assert result is work.found
    outputs = result.model.apply(result.params, rings.inputs)
    assert np.isfinite(outputs).all()
    assert result.kept == 0


def test_time_ends_it(rings):
    seen, result = fitted(rings, seconds=1e-9)
    assert len(seen) == 1
    assert result.kept == 0


def test_more_rows_take_more_iterations():
    shape = settings.shape_of("classification", MODEL, LOG_LOSS)
    taken = [settings.plan(Settings(), shape, rows, None).iterations for rows in (2000, 2001)]
    assert taken == [60, 150]
    assert settings.plan(Settings(iterations=7), shape, 5000, None).iterations == 7


@pytest.mark.parametrize("share", [0.2, 0.5, 1.5])
def test_a_budget_is_kept(rings, share):
    least = regularized.least_evaluations(SMALL, "classification", MODEL, LOG_LOSS)
    budget = int(share * 3 * least)
    _, result = fitted(rings, budget=budget)
    assert result.evaluations <= budget
    assert len(result.losses) >= 2
    assert np.isfinite(result.params[0].weights).all()


def one_of_a_class(rng):
    return samples_of(rng.normal(size=(20, 3)), [0] * 19 + [1])


def three_rows(rng):
    return samples_of(rng.normal(size=(3, 3)), [0, 1, 1])


def one_class(rng):
    return samples_of(rng.normal(size=(10, 3)), np.zeros(10, int))


def constant_columns(rng):
    return samples_of(np.zeros((30, 3)), rng.integers(0, 2, 30))


def weights_of_zero(rng):
    return samples_of(rng.normal(size=(30, 3)), rng.integers(0, 2, 30), [0.0] * 20 + [1.0] * 10)


def huge_values(rng):
    return samples_of(1e6 * rng.normal(size=(30, 3)), rng.integers(0, 2, 30))


@pytest.mark.parametrize(
    "data",
    [one_of_a_class, three_rows, one_class, constant_columns, weights_of_zero, huge_values],
)
def test_whatever_the_rows_are(data):
    samples = data(np.random.default_rng(3))
    _, result = fitted(samples)
    assert all(np.isfinite(part).all() for layer in result.params for part in layer)
    assert np.isfinite(result.losses).all()
    assert np.isfinite(result.out_of_fold).all()
    assert result.kept >= 1


@pytest.mark.slow
def test_numbers_of_several_outputs_and_one_feature():
    x = np.linspace(-2, 2, 40)[:, None]
    y = np.concatenate([np.sin(2 * x), x], axis=1)
    settings = SMALL._replace(strengths=(1e-4, 1e-2), iterations=60)
    _, result = fitted(
        samples_of(x, y),
        settings,
        MLP((1, 8, 2), "tanh"),
        task="regression",
        objective=objectives.get("squared_error"),
    )
    assert np.mean((np.asarray(result.model.apply(result.params, x)) - y) ** 2) < 0.02


def test_a_large_table_is_judged_by_a_sample(rings, monkeypatch):
    monkeypatch.setattr(settings, "_FOLDS_WORK", 0)
    monkeypatch.setattr(settings, "_LEAST_SAMPLE", 30)
    least = regularized.least_evaluations(SMALL, "classification", MODEL, LOG_LOSS)
    _, short = fitted(rings, budget=2 * least)
    assert short.evaluations <= 2 * least
    seen, result = fitted(rings)
    assert seen[-1].share == pytest.approx(1)
    assert (result.fold >= 0).sum() == 30
    assert np.isfinite(result.out_of_fold).all()
    assert log_loss(result.model.apply(result.params, rings.inputs), rings.targets) < 0.3


@pytest.mark.slow
def test_more_columns_than_rows_are_as_good_as_their_span():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 300)).astype(np.float32)
    turned = Turned.of(inputs)
    assert turned.inputs.shape == (40, 40)
    np.testing.assert_allclose(turned.inputs @ turned.back, inputs, atol=1e-4)
    np.testing.assert_allclose(turned.inputs @ turned.inputs.T, inputs @ inputs.T, rtol=1e-3)
    assert Turned.of(np.zeros((4, 9), np.float32)).inputs.shape == (4, 1)

    y = (inputs[:, 0] + inputs[:, 1] > 0).astype(int)
    _, result = fitted(samples_of(inputs, y), model=MLP((300, 8, 2)))
    assert result.model.sizes[0] == 300
    outputs = result.model.apply(result.params, inputs)
    assert log_loss(outputs, y) < log_loss(result.out_of_fold, y) < 1


@pytest.mark.parametrize("numbers", [False, True])
def test_folds_spread_targets(numbers):
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(53, 1)) if numbers else rng.choice(3, 53, p=[0.8, 0.15, 0.05])
    found = folds.drawn(targets, np.ones(53), 5, seed=3)
    assert sorted(np.bincount(found)) == [10, 10, 11, 11, 11]
    np.testing.assert_array_equal(found, folds.drawn(targets, np.ones(53), 5, seed=3))
    assert not np.array_equal(found, folds.drawn(targets, np.ones(53), 5, seed=4))
    low = targets[:, 0] < np.median(targets) if numbers else targets == 1
    counts = np.bincount(found[low], minlength=5)
    assert counts.max() - counts.min() <= (2 if numbers else 1)


def judged_of(*means):
    """Strengths whose losses differ by these means, with a standard error of 0.1."""
    noise = np.tile([-1.0, 1.0], 50)
    share = np.full(100, 0.01)
    return {
        10.0**power: judging.Judged(mean, 0.1, np.zeros((1, 100)), mean + power * noise, share)
        for power, mean in enumerate(means)
    }


def test_strengths_beyond_a_clear_rise_are_left_out():
    falling, rising, flat = judged_of(2, 1), judged_of(1, 2), judged_of(1, 1.05)
    assert [judging.is_hopeless(a, rising) for a in (0.1, 3, 100)] == [False, False, True]
    assert [judging.is_hopeless(a, falling) for a in (0.1, 3, 100)] == [True, False, False]
    assert not any(judging.is_hopeless(a, flat) for a in (0.1, 3, 100))
    assert not judging.is_hopeless(100, judged_of(1))
    assert judging.best(judged_of(2, 1, 1, 3)) == 100
    assert judging.best({}) is None


@pytest.mark.parametrize(
    ("model", "objective", "reason"),
    [
        (MLP((3, 2)), "cross_entropy", "one hidden layer"),
        (MLP((3, 8, 8, 2)), "cross_entropy", "one hidden layer"),
        (MLP((3, 8, 2), "step"), "cross_entropy", "in steps"),
        (MLP((3, 8, 2), weights="int8"), "cross_entropy", "in steps"),
        (MODEL, "accuracy", "in steps"),
        (MODEL, "f1", "mean over rows"),
        (MODEL, "absolute_error", "not for classification"),
        (MLP((3, 10**6, 2)), "cross_entropy", "weights"),
    ],
)
def test_it_says_where_it_does_not_apply(rings, model, objective, reason):
    chosen = objectives.get(objective)
    assert reason in regularized.applies("classification", rings, model, chosen)
    with pytest.raises(InputError, match=reason):
        Fit("classification", rings, model, chosen, seed=0)
    assert regularized.applies("classification", rings, MODEL, LOG_LOSS) is None


def test_groups_are_in_one_fold():
    group = np.repeat(np.arange(9), [30, 20, 10, 10, 5, 5, 5, 3, 2])
    targets, weight = np.zeros(90, int), np.ones(90)
    fold = folds.drawn(targets, weight, 3, 0, group)
    assert all(len(set(fold[group == one])) == 1 for one in range(9))
    assert np.bincount(fold).tolist() == [30, 30, 30]
