"""Estimators that soon end and compile."""

from gradless import GradientFreeClassifier, GradientFreeRegressor

# Which compile in half of the time of others.
QUICK = {
    "hidden_layer_sizes": (3,),
    "strategy": "hill_climbing",
    "random_state": 0,
    "early_stopping": False,
}


def classifier(**parameters):
    return GradientFreeClassifier(**{**QUICK, "max_evaluations": 2000, **parameters})


def regressor(**parameters):
    return GradientFreeRegressor(**{**QUICK, "max_evaluations": 2000, **parameters})
