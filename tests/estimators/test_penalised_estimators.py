"""Estimators fit with a penalty on the weights unless something else is asked for."""

import numpy as np
import pytest
from sklearn.base import clone

import gradless
from gradless import GradientFreeClassifier, GradientFreeRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 2))
Y = X[:, 0] + RNG.normal(0, 1, 90) > 0


@pytest.fixture(scope="module")
def model():
    return GradientFreeClassifier(4, random_state=0).fit(X, Y)


def test_what_was_chosen_is_said_and_kept_in_a_file(model, tmp_path):
    assert model.alpha_ == model.alphas_[np.argmin(model.cv_losses_)]
    assert model.coefs_[0].shape == (2, 12)
    model.save(tmp_path / "model.safetensors")
    again = gradless.load_estimator(tmp_path / "model.safetensors")
    assert again.alpha_ == model.alpha_
    assert again.cv_losses_.tolist() == model.cv_losses_.tolist()
    assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


def test_noise_is_not_learnt_by_heart():
    noise = RNG.permutation(np.repeat([False, True], 45))
    model = GradientFreeClassifier(4, random_state=0).fit(X, noise)
    assert np.abs(model.predict_proba(X) - 0.5).max() < 0.2
    assert model.cv_losses_.min() < np.log(2) + 0.05


@pytest.mark.slow
def test_a_network_goes_on_as_the_mean_that_it_is(model):
    going_on = clone(model).set_params(max_evaluations=2000)
    going_on.fit(X, Y)  # too few evaluations for a penalty
    assert (going_on.alpha_, going_on.coefs_[0].shape) == (0.0, (2, 4))
    wide = GradientFreeClassifier(4, random_state=0).fit(X, Y)
    wide.set_params(max_evaluations=2000).partial_fit(X, Y)
    assert wide.coefs_[0].shape == (2, 12)


@pytest.mark.parametrize(
    "others",
    [
        {"strategy": "hill_climbing"},
        {"warm_start": True},
        pytest.param({"early_stopping": True}, marks=pytest.mark.slow),
        pytest.param({"batch_size": 16}, marks=pytest.mark.slow),
        pytest.param({"hidden_layer_sizes": ()}, marks=pytest.mark.slow),
        {"alpha": 0},
    ],
    ids=str,
)
def test_other_settings_ask_for_a_search(others):
    asked = {"hidden_layer_sizes": 4, "max_evaluations": 200, "random_state": 0, **others}
    assert GradientFreeClassifier(**asked).fit(X, Y).alpha_ == 0
    if "alpha" not in others:
        with pytest.raises(ValueError, match=r"alpha must be left out or 0 here, got 0\.1"):
            GradientFreeClassifier(**asked, alpha=0.1).fit(X, Y)


@pytest.mark.parametrize("alpha", ["much", -1, np.nan, None, True])
def test_alpha_is_a_number_or_auto(alpha):
    with pytest.raises(ValueError, match="alpha must be 'auto', or a number, 0 or more"):
        GradientFreeRegressor(4, alpha=alpha).fit(X, X[:, 0])


def test_weights_are_repetitions_and_a_scale_of_the_target_changes_nothing():
    y = X[:, 0] * X[:, 1] + RNG.normal(0, 0.1, 90)
    twice = np.r_[np.arange(90), np.arange(20)]
    weight = np.r_[np.full(20, 2.0), np.ones(70)]
    one = GradientFreeRegressor(4, alpha=0.01, random_state=0).fit(X, y, weight)
    other = GradientFreeRegressor(4, alpha=0.01, random_state=0).fit(X[twice], y[twice])
    assert one.predict(X).tobytes() == other.predict(X).tobytes()
    larger = GradientFreeRegressor(4, alpha=0.01, random_state=0).fit(X, 1e6 * y + 1e9, weight)
    np.testing.assert_allclose((larger.predict(X) - 1e9) / 1e6, one.predict(X), atol=2e-3)


def test_noise_asks_for_a_strength_beyond_the_usual_ones():
    noise = RNG.normal(size=(40, 20))
    model = GradientFreeRegressor(4, random_state=0).fit(noise, RNG.normal(size=40))
    assert model.alphas_.max() > 0.1


def test_time_that_is_used_up_is_said():
    model = GradientFreeClassifier(4, max_time=1e-9, random_state=0).fit(X, Y)
    assert model.stopped_because_ == "time used up"
    assert GradientFreeClassifier(4, random_state=0).fit(X, Y).stopped_because_ == (
        "the fit is complete"
    )


def test_weights_may_have_any_unit(model):
    weighed = clone(model).fit(X, Y, np.full(90, 0.3))
    # Means and deviations of the features may differ in a last digit.
    np.testing.assert_allclose(weighed.predict_proba(X), model.predict_proba(X), rtol=1e-6)


def test_the_best_loss_never_rises_within_a_stage():
    seen: dict[str, list[float]] = {}

    class Watch:
        def begin(self, info):
            self.of = seen.setdefault(info.objective.name, [])

        def record(self, record):
            self.of.extend(record.best_loss.tolist())

        def end(self, reason):
            del reason

    GradientFreeClassifier(4, random_state=0).fit(X, Y, observers=[Watch()])
    assert len(seen) == 2
    assert all((np.diff(losses) <= 0).all() for losses in seen.values())


def test_costs_of_two_classes_keep_the_penalty():
    costs = gradless.objectives.cost_matrix([[0, 1], [10, 0]])
    model = GradientFreeClassifier(4, objective=costs, random_state=0).fit(X, Y)
    assert model.alpha_ > 0
    assert model.predict(X).mean() > 0.6  # an error that costs ten times as much is avoided


@pytest.mark.slow
def test_costs_of_several_classes_are_fitted_and_decided_on():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(200, 2))
    grade = np.digitize(features[:, 0] + rng.normal(0, 0.7, 200), [-0.6, 0.6])
    costs = [[0, 1, 1], [20, 0, 1], [20, 20, 0]]  # a grade that is said too low costs twenty
    objective = gradless.objectives.cost_matrix(costs)
    model = GradientFreeClassifier(4, objective=objective, random_state=0)
    plain = GradientFreeClassifier(4, random_state=0)
    other = rng.normal(size=(2000, 2))
    truth = np.digitize(other[:, 0] + rng.normal(0, 0.7, 2000), [-0.6, 0.6])
    paid, before = (
        np.array(costs)[truth, one.fit(features, grade).predict(other)].mean()
        for one in (model, plain)
    )
    assert model.alpha_ == plain.alpha_ > 0
    assert paid < 0.6 * before


@pytest.mark.slow
def test_a_profit_of_noise_calls_nobody():
    rng = np.random.default_rng(3)
    features, value = rng.normal(size=(90, 2)), rng.uniform(5, 15, 90)
    bought = rng.uniform(size=90) < 0.2  # a call brings 2 in the mean, and costs 4
    model = GradientFreeClassifier(4, objective="profit:4", random_state=0)
    model.fit(features, bought, sample_value=value)
    assert model.alpha_ > 0
    assert model.predict(rng.normal(size=(2000, 2))).mean() < 0.02


def test_an_objective_of_a_persons_own_is_fitted_as_it_says(model):
    wrong = gradless.objectives.get("zero_one").of_samples
    objective = gradless.objectives.Objective(
        "mine", "share of wrong ones", wrong, smooth=False, fitted_by="cross_entropy", decided=True
    )
    own = GradientFreeClassifier(4, objective=objective, random_state=0).fit(X, Y)
    assert own.alpha_ == model.alpha_
    assert (own.predict(X) == model.predict(X)).mean() > 0.9
