"""What does the library find that the playground's engine has to find as well?

``python -m pages.engine_fixture``, in the folder of the tests, writes it into a file of the page,
which ``npm test`` compares with the engine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gradless import objectives
from gradless._core import noise
from gradless.data.datasets import load
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import HillClimbing, OpenAIES, RandomSearch
from gradless.training.loop import Stop, begin, evaluations_per_generation, train

FILE = Path(__file__).parents[2] / "web" / "playground" / "tests" / "fixture.json"
SEED = 3


class Case(NamedTuple):
    """A search, by the names that the playground has for it."""

    strategy: str
    data: str
    numbers: dict[str, Any]
    activation: str = "relu"
    generations: int = 200


CASES = [
    Case("random_search", "vertical", {"sigma": 0.5, "population": 24}),
    Case("hill_climbing", "spiral", {"sigma": 0.05, "speculation": 1}),
    Case("hill_climbing", "moons", {"sigma": 0.1, "speculation": 8}, "sign"),
    Case("adapted_hill_climbing", "spiral", {"sigma": 0.05}, "tanh"),
    # Not longer: ranks are steps, so that a rounding becomes a difference, which Adam enlarges.
    Case("openai_es", "circles", {"sigma": 0.1, "population": 32}, generations=60),
]
_STRATEGIES = {each.name: each for each in (RandomSearch, HillClimbing, OpenAIES)}


def found(case: Case) -> dict[str, Any]:
    """What a search of the library finds: when it improves, and how good that is."""
    adapted = {"adapt": True} if case.strategy.startswith("adapted") else {}
    name = case.strategy.removeprefix("adapted_")
    strategy = _STRATEGIES[name](**case.numbers, **adapted)
    dataset = load(case.data, seed=SEED)
    model = MLP((2, 64, dataset.n_outputs), case.activation)
    problem = SupervisedProblem.of(dataset, model, objectives.get("cross_entropy"))
    run = begin(strategy, first_weights.drawn(model, SEED), SEED)
    stop = Stop(evaluations=case.generations * evaluations_per_generation(strategy))
    records = list(train(problem, strategy, run, stop))
    losses = np.concatenate([record.best_loss for record in records])
    improved = np.flatnonzero(np.diff(losses, prepend=np.inf) < 0)
    best = np.asarray(records[-1].run.best)
    return {
        **case._asdict(), "hidden": [64], "seed": SEED, "improved": (improved + 1).tolist(),
        "losses": rounded(losses[improved]), "best": rounded(best[:: len(best) // 8]),
    }  # fmt: skip


def points(name: str) -> dict[str, Any]:
    """Some points of a data set."""
    data = load(name, seed=SEED)
    return {
        "data": name, "seed": SEED, "x": rounded(data.features[::50].ravel()),
        "label": data.targets[::50].tolist(),
    }  # fmt: skip


def drawn() -> dict[str, Any]:
    """Noise of a candidate, and first weights."""
    key = jax.random.fold_in(jax.random.key(SEED), 5)
    weights = first_weights.drawn(MLP((2, 8, 3)), SEED)
    return {
        "key": 5, "member": 7, "seed": SEED,
        "normals": rounded(noise.normal(noise.seed(key, 7), 41)),
        "uniforms": rounded(noise.uniform(noise.seed(key, 7), 7)),
        "first_weights": rounded(np.concatenate([w.ravel() for w, _ in weights])),
    }  # fmt: skip


def rounded(numbers: Any) -> list[float]:
    """Numbers as a file has them."""
    return [float(f"{number:.7g}") for number in np.asarray(numbers, np.float64)]


def fixture() -> dict[str, Any]:
    """All of the file."""
    return {
        "searches": [found(case) for case in CASES],
        "points": [points(name) for name in ("vertical", "spiral", "moons", "circles")],
        "drawn": drawn(),
    }


if __name__ == "__main__":
    # A line for each search: short to read, and to compare.
    parts = [f'"{name}": {json.dumps(part)}' for name, part in fixture().items()]
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    FILE.write_text(text.replace("}, {", "},\n{"))
