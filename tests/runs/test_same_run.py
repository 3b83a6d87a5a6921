"""One seed is one run: nothing that is not in the recipe changes a bit of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from gradless import cli
from gradless.evaluation.layout import layout_for
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.training import loop
from gradless.training.loop import Stop, evaluations_per_generation

COMPILES_AS_USERS_DO = True  # bits are compared
RUN = ("vertical", "--hidden", "3", "--strategy", "snes", "--batch-size", "64")
slow = pytest.mark.slow
LIMIT = ("--evaluations", "1701")  # 100 generations and a rest that is not used


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch) -> None:
    monkeypatch.setattr("gradless.views.pictures.draw", lambda *_: [])


def run(folder: Path, *more: str) -> dict[str, bytes]:
    """What a run ends with: all of its last checkpoint but for the times, and the network."""
    assert cli.main(["train", *RUN, *LIMIT, "--out", str(folder), *more]) == 0
    return content(folder)


def content(folder: Path) -> dict[str, bytes]:
    arrays = load_file(max((folder / "checkpoints").glob("*.safetensors")))
    arrays.pop("history.seconds")
    kept = {name: array.tobytes() for name, array in arrays.items()}
    return {**kept, "network": (folder / "model.safetensors").read_bytes()}


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("usual") / "run"
    jax.clear_caches()  # other tests may have compiled these programs with fewer optimisations
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradless.views.pictures.draw", lambda *_: [])
        return run(folder, "--quiet")


@pytest.mark.parametrize("every", ["0.001s", "0.05s", "1h"])
def test_checkpoints_do_not_matter(every: str, usual, tmp_path) -> None:
    assert run(tmp_path / "run", "--quiet", "--checkpoint-every", every) == usual


@pytest.mark.parametrize("seconds", [0.0, 0.003, 10.0])
def test_how_often_it_is_logged_does_not_matter(seconds: float, usual, tmp_path, monkeypatch):
    # A record, a line and a turn of the display for each chunk.
    monkeypatch.setattr(loop, "_SECONDS_PER_CHUNK", seconds)
    assert run(tmp_path / "run") == usual


def test_a_display_does_not_matter(usual, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    assert run(tmp_path / "run") == usual
    assert "\x1b[" in capsys.readouterr().out


@pytest.mark.slow
def test_what_ran_before_does_not_matter(usual, tmp_path) -> None:
    """Here after other runs in the process, there alone in one of its own."""
    alone = tmp_path / "alone"
    command = [sys.executable, "-m", "gradless", "train", *RUN, *LIMIT, "--out", str(alone)]
    subprocess.run([*command, "--quiet"], check=True)
    np.random.seed(1)  # the global generator decides nothing
    np.random.random(7)
    assert content(alone) == usual
    assert run(tmp_path / "again", "--quiet") == usual


@pytest.mark.slow
def test_stopping_on_the_way_does_not_matter(usual, tmp_path) -> None:
    folder = tmp_path / "run"
    assert cli.main(["train", *RUN, "--evaluations", "300", "--out", str(folder), "--quiet"]) == 0
    for evaluations in ("302", "900", LIMIT[1]):  # the first one without another generation
        if evaluations != "302":
            assert cli.main(["resume", str(folder), "--evaluations", evaluations, "--quiet"]) == 0
    assert content(folder) == usual


def test_other_seeds_differ(usual, tmp_path) -> None:
    others = [run(tmp_path / seed, "--quiet", "--seed", seed) for seed in ("1", "2", "4294967295")]
    networks = {each["network"] for each in (usual, *others)}
    assert len(networks) == 4
    assert len({each["run.key"] for each in (usual, *others)}) == 4


# --- Devices and blocks ---------------------------------------------------------------------------

WIDE = {
    "openai_es": {},
    "snes": {"population": 32},
    "genetic_algorithm": {"population": 32},
}
FOUR = ("openai_es", "genetic_algorithm")  # one that sums over the population, one that sorts it
GENERATIONS = 12


def losses_of(name: str, data: str = "digits", hidden: int = 48, **layout: int) -> list[bytes]:
    """Losses of each generation and the best network, as bits."""
    recipe = Recipe(data, hidden=(hidden,), strategy=name, hyperparameters=WIDE[name])
    if data == "digits":
        recipe = dataclasses.replace(recipe, batch_size=256)
    prepared = prepare(recipe)
    chosen = layout_for(prepared.problem, prepared.strategy)
    stop = Stop(evaluations=GENERATIONS * evaluations_per_generation(prepared.strategy))
    records = list(
        loop.train(
            prepared.problem, prepared.strategy, prepared.begin(), stop,
            layout=dataclasses.replace(chosen, **layout),
        )
    )  # fmt: skip
    losses = np.concatenate([record.loss for record in records])
    assert len(losses) == GENERATIONS
    return [losses.tobytes(), np.asarray(records[-1].run.best).tobytes()]


@slow
@pytest.mark.parametrize("name", WIDE)
def test_devices_do_not_matter(name: str) -> None:
    assert losses_of(name, devices=1) == losses_of(name, devices=2)


@slow
def test_four_devices_do_not_matter() -> None:
    """On as many cores as there are: a device is a thread."""
    code = (
        "import hashlib, json, test_same_run as t\n"
        "found = {n: [hashlib.sha256(b).hexdigest() for b in t.losses_of(n, devices=4)]"
        " for n in t.FOUR}\n"
        "print(json.dumps(found))"
    )
    environment = {
        **os.environ, "JAX_NUM_CPU_DEVICES": "4",
        "PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[:2])),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    for name, digests in json.loads(done.stdout).items():
        assert digests == [
            hashlib.sha256(bits).hexdigest() for bits in losses_of(name, devices=1)
        ], name


def test_what_is_chosen_for_rows_is_one_device_however_many_there_are() -> None:
    problem = prepare(Recipe("spiral", hidden=(16,), strategy="openai_es"))
    layout = layout_for(problem.problem, problem.strategy)
    assert (layout.written_out, layout.devices) == (True, 1)
    assert jax.device_count() > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "hidden", "layout", "alike"),
    [
        # Of pairs, after four generations a rounding changes the order of two candidates.
        pytest.param("digits", 48, {"block": 16, "devices": 2}, 4, marks=slow),
        ("vertical", 3, {"block": 5}, None),
        pytest.param("vertical", 3, {"block": 64, "devices": 2}, None, marks=slow),
    ],
)
def test_other_blocks_change_losses_by_rounding_only(
    data: str, hidden: int, layout: dict, alike: int | None
) -> None:
    """Sums over samples are vectorised in another way for a block than for a single member."""
    usual, other = (
        np.frombuffer(losses_of("openai_es", data, hidden, **chosen)[0], np.float32)
        for chosen in ({}, layout)
    )
    np.testing.assert_allclose(other[:alike], usual[:alike], rtol=2e-6)
    np.testing.assert_allclose(other, usual, rtol=2e-6 if alike is None else 2e-5)
