"""What does not fit is refused before it begins, and what is advised instead does fit."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import free_memory
from gradless._core.errors import InputError
from gradless.cli import main
from gradless.models.mlp import MLP
from gradless.problems.contract import Layout
from gradless.runs.comparison.contest import Contest
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.training import memory
from gradless.training.generation import begin
from gradless.training.loop import Stop
from gradless.training.minimization import minimize
from helpers.comparisons import finished, plan
from helpers.noise_problems import noise_problem, shapes

COMPILES_AS_USERS_DO = True  # the compiler decides on memory, too
MIB = 2**20
SHARE = 0.9  # of what is free that may be taken

slow = pytest.mark.slow
needs_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="of the memory of a CPU")


@pytest.fixture
def free(monkeypatch) -> Callable[[float], None]:
    """Sets how many bytes seem to be free."""

    def set_to(count: float) -> None:
        monkeypatch.setattr(free_memory, "free", lambda: int(count))

    return set_to


# --- Sizes counted by hand ------------------------------------------------------------------------

THOUSAND = jax.ShapeDtypeStruct((1000,), jnp.float32)


def doubled(x: jax.Array) -> jax.Array:
    return jax.lax.fori_loop(0, 3, lambda _, y: (y + 1) * 2, x)


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (lambda x: x + 1, 1),
        (lambda x: ((x + 1) * 2) ** 2, 2),  # a result and the one that it is made from
        (lambda x: (x + 1) * (x + 2), 3),
        (lambda x: (x + 1).sum() + (x + 2).sum(), 1),
        (jax.jit(lambda x: x + 1), 1),  # what is made inside is what comes out
        (doubled, 1 + 2),  # what it carries, and what the body makes of it
        (lambda x: jnp.outer(x, x).sum(), 1000 + 2),
        (lambda x: jax.lax.map(lambda y: (jnp.zeros(1000) + y).sum(), x), 1 + 2),
        (lambda x: jax.lax.cond(x[0] > 0, lambda: x + 1, lambda: (x + 1) * 2), 2),
    ],
)
def test_the_results_that_are_needed_at_once_are_counted(function, arrays):
    counted = memory.peak(jax.make_jaxpr(function)(THOUSAND).jaxpr)
    assert arrays * 4000 <= counted <= arrays * 4000 + 100  # and a few single numbers


def test_what_a_run_holds_is_counted_by_hand():
    problem = noise_problem((20, 64, 5), 100)
    strategy = strategies.get("differential_evolution", population=32)
    dimension = 20 * 64 + 64 + 64 * 5 + 5
    needed = memory.estimate(
        problem, strategy, shapes(problem.model), Layout(False, 1, 2), checkpoints=True
    )
    population = 4 * 32 * dimension
    cpu = jax.default_backend() == "cpu"
    filled = 112  # samples, to whole vectors
    assert needed.data == (3 if cpu else 1) * 4 * (filled * (20 + 5 + 5 + 1) + 1)
    # Beside each vector, its member, weight and rate.
    assert needed.candidates == (2 if cpu else 1) * (population + 32 * 12)
    run = 2 * population + 2 * 4 * dimension  # the archive too, and twice the best
    assert 0 <= needed.run - 4 * (2 if cpu else 1) * run < 4 * 2 * 300
    if cpu:
        assert 0 <= needed.checkpoint - 2 * run < 2 * 300


def test_seeds_take_no_memory_and_devices_of_a_cpu_share_one():
    problem = noise_problem((20, 64, 5), 100)
    one, two = (
        memory.estimate(
            problem,
            strategies.get("openai_es", population=2**16),
            shapes(problem.model),
            Layout(False, 1, devices),
        )
        for devices in (1, 2)
    )
    assert one.candidates < 20 * 2**16
    if jax.default_backend() == "cpu":
        assert two.run == 2 * one.run


def test_nothing_is_allocated_to_estimate():
    """A state of 256 GiB, of shapes alone."""
    model = MLP((2, 2**20, 3))
    problem = noise_problem((2, 3), 30)
    problem = dataclasses.replace(problem, model=model)
    strategy = strategies.get("particle_swarm", population=4096)
    needed = memory.estimate(problem, strategy, shapes(model), Layout(False, 1, 1))
    assert needed.run > 4 * 3 * 4 * 4096 * model.n_parameters
    assert needed.total > needed.run + needed.candidates


def test_samples_and_members_evaluated_together_count():
    params = shapes(MLP((20, 64, 5)))
    strategy = strategies.get("random_search", population=64)

    def evaluation(samples: int, block: int, **more: Any) -> int:
        problem = noise_problem((20, 64, 5), samples, **more)
        return memory.estimate(problem, strategy, params, Layout(False, block, 1)).evaluation

    activations = 4 * 1600 * 64
    assert evaluation(1600, 1) > 2 * activations
    assert evaluation(1600, 8) > 7.9 * evaluation(1600, 1)
    # Whatever the batch size, the network is judged on all samples at the end.
    assert evaluation(1600, 1, batch_size=16) > 2 * activations
    assert evaluation(1600, 8, batch_size=16) < evaluation(1600, 2)


def test_where_nobody_says_what_is_free_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(free_memory, "free", lambda: None)
    memory.check(memory.Needed(2**60, 0, 0, 0, 0), "all of it")


# --- Near the limit -------------------------------------------------------------------------------

LARGE = [
    Recipe("digits", hidden=(512,), strategy="openai_es"),
    Recipe("digits", hidden=(512, 256), strategy="openai_es", batch_size=1024),
    Recipe(
        "digits",
        hidden=(64,),
        strategy="differential_evolution",
        hyperparameters={"population": 3000},
    ),
    Recipe("digits", hidden=(64,), strategy="cma_es"),
    Recipe("digits", hidden=(3000,), strategy="snes", batch_size=32),
    Recipe("digits", hidden=(2000,)),
]


def needed(recipe: Recipe) -> int:
    prepared = prepare(recipe)
    return memory.estimate(
        prepared.problem, prepared.strategy, prepared.params, checkpoints=True
    ).total


# The others are refused below.
@pytest.mark.parametrize("recipe", [LARGE[1], LARGE[3]])
def test_a_run_is_refused_from_its_size_on(recipe, free):
    count = needed(recipe)
    free(count / SHARE + 1000)
    assert prepare(recipe).recipe.hidden == recipe.hidden
    free(count / SHARE - 1000)
    with pytest.raises(
        InputError, match=r"parameters .* must be at most 90% of the .* free, got about "
    ):
        prepare(recipe)


def test_of_strategies_that_fit_the_best_is_chosen(free):
    recipe = LARGE[-1]
    assert recipe.strategy == "auto"
    free(2**50)
    chosen = prepare(recipe).recipe
    free(needed(recipe) / SHARE - 1000)
    other = prepare(recipe).recipe
    assert other.strategy != chosen.strategy
    assert f"{chosen.strategy} would be chosen, but needs" in other.why
    free(needed(dataclasses.replace(recipe, strategy="spsa")) / SHARE - 1000)
    with pytest.raises(InputError, match="must be at most 90% of"):
        prepare(recipe)


def advised(error: str, recipe: Recipe) -> Recipe:
    """The recipe with what the message says."""
    (setting,) = re.findall(r"; use (.*), which needs about [0-9.,]+ [KMG]iB$", error)
    kind, _, value = setting.rpartition(" ")
    if kind == "batch size":
        return dataclasses.replace(recipe, batch_size=int(value))
    if kind == "population":
        changed = {**recipe.hyperparameters, "population": int(value)}
        return dataclasses.replace(recipe, hyperparameters=changed)
    if kind == "strategy":
        return dataclasses.replace(recipe, strategy=value, hyperparameters={})
    hidden = re.fullmatch(r"hidden layers of ([0-9 ]+) neurons", setting)
    return dataclasses.replace(recipe, hidden=tuple(map(int, hidden[1].split())))


@pytest.mark.parametrize(
    ("recipe", "free_mib", "setting"),
    [
        (LARGE[0], 258, "batch_size"),
        (LARGE[2], 700, "hyperparameters"),
        (LARGE[3], 900, "strategy"),
        (LARGE[4], 280, "hidden"),
    ],
)
def test_what_is_advised_fits_and_is_the_mildest(recipe, free_mib, setting, free):
    free(free_mib * MIB)
    with pytest.raises(InputError) as refused:
        prepare(recipe)
    smaller = advised(str(refused.value), recipe)
    changed = {f.name for f in dataclasses.fields(Recipe)
               if getattr(smaller, f.name) != getattr(recipe, f.name)}  # fmt: skip
    assert changed - {"hyperparameters"} == {setting} - {"hyperparameters"}
    assert prepare(smaller).recipe.hidden == smaller.hidden
    if setting == "hyperparameters":  # twice as many would not fit
        population = 2 * smaller.hyperparameters["population"]
        with pytest.raises(InputError, match="got about"):
            prepare(dataclasses.replace(recipe, hyperparameters={"population": population}))


def test_without_anything_that_fits_other_advice_is_given(free):
    free(10 * MIB)
    with pytest.raises(InputError, match=r"90% of the 10 MiB free, got about .*; free some memory"):
        prepare(Recipe("vertical", hidden=(3,)))


def test_training_is_refused_before_there_is_a_run_folder(free, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradless.training.plan._begun", None)  # nothing of that size is made
    free(8 * 2**30)
    assert main(["train", "vertical", "--hidden", "1000000", "1000000"]) == 2
    assert not list(tmp_path.iterdir())
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"openai_es with [0-9,]+ parameters .* 8\.0 GiB free, got about", line)
    assert re.search(r"; use hidden layers of \d+ \d+ neurons, which needs about", line)


def sphere(x: jax.Array) -> jax.Array:
    return jnp.sum(x**2)


def simulated(x: np.ndarray) -> float:
    return float(np.sum(x**2))


@pytest.mark.parametrize(("loss", "compiled"), [(sphere, True), (simulated, False)])
def test_a_search_is_refused_before_it_begins(loss, compiled, free, monkeypatch):
    def search(**more: Any) -> Any:
        start = np.ones(2000, np.float32)
        return minimize(loss, start, seconds=0.01, compiled=compiled, **more)

    free(300 * MIB)
    monkeypatch.setattr("gradless.training.plan.begun", lambda *_: pytest.fail("it has begun"))
    with pytest.raises(InputError, match=r"particle_swarm with 2,000 .* use population 256,") as no:
        search(strategy="particle_swarm", population=1000)
    with pytest.raises(InputError, match=r"cma_es .* use strategy sep_cma_es"):
        search(strategy="cma_es")
    assert "90% of the 300 MiB free" in str(no.value)
    for fits in ({"strategy": "sep_cma_es"}, {"strategy": "particle_swarm", "population": 256}):
        with pytest.raises(pytest.fail.Exception, match="it has begun"):
            search(**fits)


@pytest.mark.slow
def test_of_a_comparison_only_what_fits_is_run(free):
    recipe = Recipe("digits", hidden=(32,))
    free(320 * MIB)
    names, stop = ("cma_es", "hill_climbing"), Stop(evaluations=20)
    contest = finished(plan(names, seeds=1, stop=stop, recipe=recipe))
    assert [outcome.name for outcome in contest.outcomes] == ["hill_climbing"]
    assert "free, got about" in contest.failures["cma_es"]
    with pytest.raises(InputError, match=r"cma_es with .* leave it out"):
        Contest(plan(names[:1], seeds=1, stop=stop, recipe=recipe))


def test_a_run_that_has_begun_needs_only_the_rest(free):
    problem = noise_problem((64, 64, 10), 300)
    strategy = strategies.get("differential_evolution", population=1024)
    params = shapes(problem.model)
    run = jax.eval_shape(begin, strategy, params, 0)
    total = memory.estimate(problem, strategy, params).total
    there = memory.size(problem) + memory.size(run)
    assert there > 4 * 1024 * problem.model.n_parameters
    free((total - there) / SHARE + 1000)
    memory.check_run(problem, strategy, run)
    free((total - there) / SHARE - 1000)
    with pytest.raises(InputError, match="use population 512"):
        memory.check_run(problem, strategy, run)


def test_what_is_there_counts_for_the_advice_too(free):
    free(100 / SHARE + 1)
    smaller = [memory.Setting("half of it", lambda: memory.Needed(150, 0, 0, 0, 0))]
    with pytest.raises(InputError, match="use half of it, which needs about 150 bytes"):
        memory.check(memory.Needed(151, 0, 0, 0, 0), "all of it", [smaller], there=50)
