"""Runs of comparisons, made up and real."""

import numpy as np

from gradless.runs.comparison.contest import Contest, Plan
from gradless.runs.comparison.entrants import entrants
from gradless.runs.comparison.outcomes import Curve, Outcome
from gradless.runs.comparison.tasks import RecipeTask
from gradless.runs.recipe import Recipe
from gradless.training.gradient_descent import Adam
from gradless.training.records import Stop

RECIPE = Recipe("vertical", hidden=(3,))
NAMES = ("random_search", "hill_climbing")


def plan(names=NAMES, seeds=3, stop=None, adam=None, recipe=RECIPE, first_seed=0) -> Plan:
    """A small one."""
    given = entrants(names)
    return Plan(RecipeTask(recipe), given, seeds, stop or Stop(2100), first_seed, adam)


def finished(given: Plan) -> Contest:
    """All of its runs."""
    contest = Contest(given)
    contest.run()
    return contest


def small() -> Contest:
    """Two searches and gradient descent under three seeds."""
    return finished(plan(adam=Adam()))


def curve(evaluations, loss, accuracy=None) -> Curve:
    """Improvements, a thousand evaluations a second."""
    evaluations, loss = np.asarray(evaluations, float), np.asarray(loss, float)
    accuracy = np.full_like(loss, np.nan) if accuracy is None else np.asarray(accuracy, float)
    return Curve(evaluations, evaluations / 1000, loss, accuracy)


def outcome(name, seed, *points, end=100) -> Outcome:
    """A run of these improvements, each of evaluations and a loss."""
    ended = curve(*zip(*points, strict=True))
    loss = float(ended.loss[-1])
    return Outcome(
        name, seed, ended, end, end / 1000, 0.0, loss, float("nan"), "evaluations used up"
    )
