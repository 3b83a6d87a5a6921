"""``gradless explain``: how would a run be computed, what does it need, and how fast is it here?"""

from __future__ import annotations

import itertools
import json
from typing import Any

import jax

from gradless._core import free_memory, words
from gradless._core.terminal import say
from gradless.cli.commands import Explain
from gradless.cli.recipes import recipe_of, stop_of
from gradless.evaluation.layout import layout_for, why
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.strategies.base import perturbation
from gradless.training import memory
from gradless.training.loop import Stop, check_budget, evaluations_per_generation, train
from gradless.views.tables import Facts

Known = dict[str, Any]
_BYTES = {"float32": 4, "bfloat16": 2}


def main(options: Explain) -> int:
    """Estimate, measure, print."""
    recipe = recipe_of(options)
    stop = stop_of(options, recipe.objective)
    prepared = prepare(recipe, stop)
    say(*prepared.notes)
    check_budget(prepared.strategy, stop)
    facts = explain(prepared)
    if options.measure:
        facts["measured"] = _measure(prepared, options.measure, facts)
    if options.json:
        print(json.dumps(facts))
    options.console().print(Facts(list(sentences(facts).items())))
    return 0


def explain(prepared: Prepared) -> Known:
    """What is known of a run before it begins, from shapes alone; sizes in bytes."""
    problem, strategy, model = prepared.problem, prepared.strategy, prepared.model
    layout = layout_for(problem, strategy)
    sizes, samples = model.sizes, problem.batch_size or problem.n_samples
    width = _BYTES[problem.precision]
    members = layout.block * (2 if layout.pairs else 1)
    multiply_adds = samples * sum(i * o for i, o in itertools.pairwise(sizes))
    rank = perturbation(strategy).rank
    if layout.pairs or (rank and not layout.written_out):
        # Beside the center's, one first layer for both of a pair; of rank r, it is two thin ones.
        change = sizes[0] * sizes[1]
        if rank:
            assert not isinstance(rank, str)  # a plan knows how the network uses its weights
            change = min(change, rank * (sizes[0] + sizes[1]))
        multiply_adds -= samples * (sizes[0] * sizes[1] - change // (2 if layout.pairs else 1))

    key = jax.random.key(0)
    state = jax.eval_shape(strategy.init, key, prepared.params)
    candidates = memory.size(jax.eval_shape(strategy.ask, key, state))
    needed = memory.estimate(problem, strategy, prepared.params, layout, checkpoints=True)
    return {
        "network": {
            "sizes": list(sizes),
            "activation": model.activation,
            "parameters": model.n_parameters,
            "weights": model.weights,
            "precision": problem.precision,
        },
        "data": {
            "name": prepared.train.name,
            "samples": problem.n_samples,
            "samples_in_an_evaluation": samples,
            "objective": problem.objective.name,
        },
        "strategy": {
            "name": strategy.name,
            "candidates": strategy.population,
            "evaluations_per_generation": evaluations_per_generation(strategy),
            "why": prepared.recipe.why,
        },
        "formulation": {
            "written_out_as_rows": layout.written_out,
            "members_together": members,
            "opposite_pairs": layout.pairs,
            "devices": layout.devices,
            "devices_available": jax.device_count(),
            "backend": jax.default_backend(),
            "why": why(layout, problem, strategy.population, problem.precision),
        },
        "evaluation": {
            "multiply_adds": multiply_adds,
            "parameter_bytes": width * model.n_parameters,
            "input_bytes": width * samples * sizes[0],
            # By one layer for the next. Rows stay in registers and the first cache.
            "activation_bytes": 0 if layout.written_out else width * samples * sum(sizes[1:]),
        },
        "memory": {
            "candidate_bytes": candidates,
            "candidates_as_numbers": candidates >= 4 * model.n_parameters * strategy.population,
            "state_bytes": memory.size(state),
            "data_bytes": memory.size(problem),
            "activation_bytes_at_most": needed.evaluation,
            "needed_bytes": needed.total,
            "free_bytes": free_memory.free(),
        },
        "measured": None,
    }


def _measure(prepared: Prepared, seconds: float, facts: Known) -> Known:
    """The rate of the loop that ``gradless train`` runs, which also leaves its program compiled."""
    *_, last = train(prepared.problem, prepared.strategy, prepared.begin(), Stop(seconds=seconds))
    spent = float(last.seconds[-1])
    rate = int(last.evaluations[-1]) / spent
    return {
        "evaluations_per_second": rate,
        "multiply_adds_per_second": rate * facts["evaluation"]["multiply_adds"],
        "seconds": spent,
        "compile_seconds": last.compile_seconds,
    }


# --- What a person sees ---------------------------------------------------------------------------


def sentences(facts: Known) -> dict[str, str]:
    """The facts in words, by what they are about."""
    network, data, strategy = facts["network"], facts["data"], facts["strategy"]
    form, one, held = facts["formulation"], facts["evaluation"], facts["memory"]
    all_of_them = data["samples_in_an_evaluation"] == data["samples"]
    seen = "all of them" if all_of_them else f"{data['samples_in_an_evaluation']:,} of them"
    center = strategy["evaluations_per_generation"] > strategy["candidates"]
    members = f"{form['members_together']:,} members together"
    if form["members_together"] == 1:
        members = "one member after another"
    elif form["opposite_pairs"]:
        count = form["members_together"] // 2
        members = f"{count:,} pairs of opposite members together"
        if count == 1:
            members = "one pair of opposite members after another"
    written = "written as numbers" if held["candidates_as_numbers"] else "as seeds or indices"
    passed_on = "none passed through memory between layers (rows stay in registers and cache)"
    if one["activation_bytes"]:
        passed_on = f"{words.size(one['activation_bytes'])} of activations written and read again"
    rounded = (
        "" if network["weights"] == "float32" else f"weights rounded to {network['weights']}, "
    )
    available = held["free_bytes"]
    available = "" if available is None else f", of {words.size(available)} free"
    lines = {
        "network": f"{'-'.join(map(str, network['sizes']))}, {network['activation']}, "
        f"{network['parameters']:,} parameters, {rounded}computed in {network['precision']}",
        "data": f"{data['name']}: {data['samples']:,} samples, {seen} in every evaluation; "
        f"objective {data['objective']}",
        "strategy": f"{strategy['name']}, {strategy['candidates']:,} candidates a generation"
        + (" and its center" if center else "")
        + (f". {strategy['why']}" if strategy["why"] else ""),
        "formulation": (
            "networks written out as multiply-adds of rows"
            if form["written_out_as_rows"]
            else "a matrix product for each layer"
        )
        + f", {members}, on "
        f"{form['devices']} of {form['devices_available']} {form['backend']} devices: "
        f"{form['why']}",
        "one evaluation": f"{one['multiply_adds']:,} multiply-adds; reads "
        f"{words.size(one['parameter_bytes'])} of parameters and {words.size(one['input_bytes'])} "
        f"of inputs; {passed_on}",
        "memory": f"candidates {written}, {words.size(held['candidate_bytes'])}; strategy "
        f"{words.size(held['state_bytes'])}; data {words.size(held['data_bytes'])}; networks being "
        f"evaluated {words.size(held['activation_bytes_at_most'])}; about "
        f"{words.size(held['needed_bytes'])} in all, with copies and the compiler{available}",
    }
    measured = facts["measured"]
    if measured is not None:
        rate = measured["evaluations_per_second"]
        lines["measured"] = (
            f"{rate:,.{0 if rate >= 100 else 2}f} evaluations a second in the whole loop, "
            f"{_many(measured['multiply_adds_per_second'])} multiply-adds a second "
            f"(for {words.seconds(measured['seconds'])}, after "
            f"{words.seconds(measured['compile_seconds'])} to compile)"
        )
    return lines


def _many(number: float) -> str:
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= size:
            return f"{number / size:.3g} {word}"
    return f"{number:,.0f}"
