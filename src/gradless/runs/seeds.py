"""How does a run keep a seed log, and how does a log become a run folder again without its data?

Besides seed and losses, the log of a run holds what its folder says of data and network, and the
preprocessing: all that ``gradless predict`` needs but the weights.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gradless._core import storage
from gradless._core.errors import InputError
from gradless._core.floats import mode_of
from gradless._core.tree import Params
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.problems.contract import HostProblem
from gradless.problems.supervised import OutputScale
from gradless.runs import run_folder
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.training import replaying, seed_log
from gradless.training.replaying import Rebuilt
from gradless.training.seed_log import Logged
from gradless.training.seed_log_strategy import described
from gradless.training.seed_log_writing import SeedLog
from gradless.training.session import Session, Trained
from gradless.training.sessions import AnySession
from gradless.training.validation import center


def check(prepared: Prepared) -> None:
    """Refuse a log of what no log can rebuild, before anything is written."""
    recipe = prepared.recipe
    if not recipe.seed_log:
        return
    if recipe.regularization is not None:
        raise InputError(
            "--seed-log must go with a search, got a fit with a penalty. Add --alpha 0"
        )
    if recipe.first is not None:
        raise InputError(
            "--seed-log must go with one search, got log loss first. Add --log-loss-first no"
        )
    if isinstance(prepared.problem, HostProblem):
        raise InputError(
            f"--seed-log must go with a compiled objective, got {prepared.problem.objective.name}, "
            "which is computed in Python. Remove --seed-log"
        )
    try:
        described(prepared.strategy)
    except InputError as error:
        text = str(error).replace("leave the log out", "remove --seed-log")
        raise InputError(text.replace("where there is a log", "with --seed-log")) from None


def log_of(folder: Path, prepared: Prepared, session: AnySession) -> SeedLog | None:
    """What writes the log of a session, new or behind what it has; None if none is wanted."""
    if not prepared.recipe.seed_log:
        return None
    assert isinstance(session, Session)
    path, after, plan = folder / run_folder.SEEDS, None, session.plan
    if session.run is not None and int(session.run.generation):
        with mode_of(session.run.best_loss):
            answer = center(plan.main.strategy, session.run)
        after = replaying.going_on(path, prepared.params, session.run, answer)
    made = None if prepared.preprocessing is None else prepared.preprocessing.as_bytes()
    run = {
        "config": run_folder.config_of(prepared),
        "preprocessing": None if made is None else base64.b64encode(made).decode(),
        "outputs": None if prepared.outputs is None else np.asarray(prepared.outputs).tolist(),
        "keeps": "center" if plan.wants_center else "best",
    }
    return SeedLog(
        path, plan.main.strategy, prepared.recipe.seed, prepared.params, run=run, after=after
    )


def keep(log: SeedLog | None, session: AnySession, trained: Trained) -> None:
    """Say in the log which network was kept."""
    if log is None:
        return
    assert session.run is not None
    generation = int(session.run.generation)
    looks = session.validation
    if trained.chosen and looks is not None and looks.best is not None:
        generation = looks.best.generation
    log.keep(generation, trained.params)


class Replayed(NamedTuple):
    """What a log of a run was replayed to.

    Attributes
    ----------
    recipe, config, model, params, preprocessing, outputs
        The run and its network, the preprocessing as a file has it.
    generation, generations
        That of the network, and how many the log has.
    evaluations
        Candidates up to it.
    verified
        Whether it is the one that the run kept, bit for bit; None where that is not known.
    caution
        What a person should know of it.
    """

    recipe: Recipe
    config: dict[str, Any]
    model: MLP
    params: Params
    preprocessing: bytes | None
    outputs: OutputScale | None
    generation: int
    generations: int
    evaluations: int
    verified: bool | None
    caution: str | None

    def write(self, folder: Path) -> None:
        """Write the run folder: configuration, preprocessing and weights."""
        storage.write_json(folder / run_folder.CONFIG, self.config)
        if self.preprocessing is not None:
            storage.write_bytes(folder / run_folder.PREPROCESSING, self.preprocessing)
        run_folder.write_weights(folder, self.model, self.params, self.outputs)


def replay(path: Path, generation: int | None = None) -> Replayed:
    """Rebuild the network of a log.

    Parameters
    ----------
    path
        The log.
    generation
        After how many generations. Default: the network that the run kept, or where it did not end
        the one that it would have kept then.

    Raises
    ------
    InputError
        If it is no log of a run, or damaged, or has fewer generations.
    """
    known = seed_log.read(path)
    of_run = generation is None and known.kept is not None
    if generation is None:
        generation = known.kept[0] if known.kept is not None else known.whole
    if generation > known.whole:
        raise InputError(
            f"--generation must be at most {known.whole:,}, the last one in {path}, got "
            f"{generation:,}"
        )
    run = _run(path, known)
    config = run_folder.checked_config(run["config"], path)
    recipe = Recipe.from_json(config["recipe"])
    model = recipe.model(tuple(config["network"]["sizes"]))
    start = first_weights.drawn(model, recipe.seed)
    part = known if generation == known.whole else seed_log.read(path, generation)
    rebuilt = Rebuilt.of(path, part, start)
    params, verified = _kept(rebuilt, start, run["keeps"], known if of_run else None)
    caution = replaying.other_bits(path, known) if verified is False else None
    if known.kept is None and generation == known.whole:
        caution = f"{path} has no end: the network is that after its {generation:,} generations"
    per_generation = known.header["population"]
    return Replayed(
        recipe, config, model, params, *_decoded(path, run), generation, known.whole,
        generation * per_generation, verified, caution,
    )  # fmt: skip


def _kept(
    rebuilt: Rebuilt, start: Params, keeps: str, known: Logged | None
) -> tuple[Params, bool | None]:
    """The parameters that a run kept, and whether bits are its own; ``known`` is its end."""
    center, best = (
        jax.tree.map(np.asarray, rebuilt.model(vector)) for vector in (rebuilt.center, rebuilt.best)
    )
    usual, other = (center, best) if keeps == "center" else (best, center)
    if known is None or known.kept is None:
        return usual, None
    for params in (usual, other, start):
        if seed_log.digest(jax.tree.leaves(params)) == known.kept[1]:
            return params, True
    return usual, False


def _run(path: Path, known: Logged) -> dict[str, Any]:
    run = known.header.get("run")
    if run is None:
        raise InputError(
            f"LOG must be of gradless train --seed-log, got {path}, which minimize wrote. In "
            f"Python: gradless.replay({str(path)!r}, params)"
        )
    names = {"config", "preprocessing", "outputs", "keeps"}
    if not isinstance(run, dict) or not names <= run.keys():
        raise InputError(f"{path} is damaged: its header is not that of a run")
    return run


def _decoded(path: Path, run: dict[str, Any]) -> tuple[bytes | None, OutputScale | None]:
    """Preprocessing as a file has it, and the scale of outputs."""
    made, outputs = run["preprocessing"], run["outputs"]
    try:
        preprocessing = None if made is None else base64.b64decode(made, validate=True)
        if outputs is None:
            return preprocessing, None
        scale, shift = np.asarray(outputs, np.float64)
        return preprocessing, OutputScale(scale, shift)
    except (binascii.Error, TypeError, ValueError):
        raise InputError(f"{path} is damaged: its header is not that of a run") from None
