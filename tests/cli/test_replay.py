"""``gradless replay``: a run's network from its seed log, without data and without evaluating."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradless
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.training import seed_log
from helpers.commands import Trained, call, read_json, refuse, succeed, write_table

pytestmark = pytest.mark.usefixtures("without_pictures")

# 24 generations of a population of 8 and its center.
SEARCH = ("--strategy", "openai_es", "--population", "8", "--hidden", "3", "--seed-log", "--quiet")
NETWORK = "model.safetensors"


@pytest.fixture(scope="module")
def plane(tmp_path_factory) -> Trained:
    """A run on the chapter's data, without rows held out."""
    folder = tmp_path_factory.mktemp("plane") / "run"
    return Trained(
        folder, succeed("train", "vertical", *SEARCH, "--evaluations", 225, "--out", folder)
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Numbers with gaps, and categories."""
    draw = np.random.default_rng(0)
    rows = [
        [round(x, 3) if x > -1 else "", kind, round(3 * x + (kind == "b"), 3)]
        for x, kind in zip(draw.normal(size=120).tolist(), draw.choice([*"abc"], 120), strict=True)
    ]
    return write_table(tmp_path_factory.mktemp("table") / "a.csv", ["x", "kind", "y"], rows)


def bits(folder: Path) -> bytes:
    return (folder / NETWORK).read_bytes()


def test_a_log_rebuilds_the_network_of_a_run_bit_for_bit(plane):
    told = json.loads(succeed("replay", plane.folder / "run.seeds", "--out", "again", "--json"))
    assert told == {
        "run": "again", "log": str(plane.folder / "run.seeds"), "generation": 25,
        "generations": 25, "evaluations": 200, "verified": True,
    }  # fmt: skip
    assert bits(Path("again")) == bits(plane.folder)
    assert read_json(Path("again"), "config.json") == read_json(plane.folder, "config.json")
    assert "runs/vertical-openai_es-1" in succeed("replay", plane.folder)  # the log in it
    assert "replayed from" in read_json(Path("again"), "status.json")["why"]


def test_an_earlier_network_is_another_one(plane):
    log = plane.folder / "run.seeds"
    out = succeed("replay", log, "--generation", 3, "--out", "early")
    assert out.startswith("network after generation 3 of 25, nothing evaluated\n")
    assert bits(Path("early")) != bits(plane.folder)
    assert "--generation must be at most 25" in refuse("replay", log, "--generation", 26)


def test_python_replays_it_too(plane):
    log = plane.folder / "run.seeds"
    assert read_json(plane.folder, "config.json")["recipe"]["seed_log"] is True
    assert gradless.replay(log, first_weights.drawn(MLP((2, 3, 3)), 0)).verified


def test_neither_the_table_nor_the_run_are_needed(table, tmp_path):
    data = table.rename(tmp_path / "mine.csv")
    try:
        succeed(
            "train", data, "--target", "y", *SEARCH, "--alpha", 0, "--validation", 0.25,
            "--evaluations", 900, "--out", "run",
        )  # fmt: skip
        predicted = succeed("predict", "run", data)
        Path("run/run.seeds").rename("kept.seeds")
        looks = Path("run/validation.csv").read_text(encoding="utf-8").splitlines()
        kept = min(looks[1:], key=lambda line: float(line.split(",")[2])).split(",")[0]
        data.rename(table)
        told = json.loads(succeed("replay", "kept.seeds", "--out", "again", "--json"))
        assert (told["generation"], told["verified"]) == (int(kept), True)
        assert bits(Path("again")) == bits(Path("run"))
        assert succeed("predict", "again", table) == predicted
        assert "rows of" in succeed("evaluate", "again", table)
    finally:
        if data.exists():
            data.rename(table)


def test_a_run_that_goes_on_goes_on_in_its_log(plane):
    succeed("train", "vertical", *SEARCH, "--evaluations", 90, "--out", "parts")
    log = Path("parts/run.seeds")
    whole = (plane.folder / "run.seeds").read_bytes()
    # A process that was killed has written more than its last checkpoint has.
    known = seed_log.read(log)
    log.write_bytes(whole[: known.place + 100])
    succeed("resume", "parts", "--evaluations", 225, "--quiet")
    assert log.read_bytes() == whole
    assert bits(Path("parts")) == bits(plane.folder)


def test_a_log_of_another_run_is_not_gone_on_with(plane):
    succeed("train", "vertical", *SEARCH, "--evaluations", 90, "--seed", 1, "--out", "parts")
    other = plane.folder / "run.seeds"
    own = Path("parts/run.seeds").read_bytes()
    Path("parts/run.seeds").write_bytes(other.read_bytes())
    code, _, err = call("resume", "parts", "--evaluations", 180, "--quiet")
    assert code == 2
    assert "params must be the ones that parts/run.seeds began with" in err
    Path("parts/run.seeds").write_bytes(own[:-200])
    code, _, err = call("resume", "parts", "--evaluations", 180, "--quiet")
    assert code == 2
    assert "must have the 10 generations of the search that goes on, got" in err


def test_a_log_without_an_end_gives_its_last_network(plane):
    data = (plane.folder / "run.seeds").read_bytes()
    known = seed_log.read(plane.folder / "run.seeds")
    Path("cut.seeds").write_bytes(data[: known.place])
    code, out, err = call("replay", "cut.seeds", "--out", "again", "--json")
    assert (code, json.loads(out)["verified"]) == (0, None)
    assert err == "gradless: cut.seeds has no end: the network is that after its 25 generations\n"


def test_repeat_runs_it_again_with_a_log(plane):
    assert "the same bit for bit" in succeed("repeat", plane.folder)


def test_what_no_log_can_rebuild_is_refused(table):
    line = refuse("train", "iris", "--seed-log")
    assert "--seed-log must go with a search, got a fit with a penalty. Add --alpha 0" in line
    line = refuse("train", "vertical", "--seed-log", "--strategy", "cma_es", "--evaluations", 90)
    assert "strategy must be openai_es, pgpe, " in line
    assert "with --seed-log, got cma_es" in line
    line = refuse("train", "vertical", *SEARCH, "--objective", "f1", "--evaluations", 2_000)
    assert "got log loss first. Add --log-loss-first no" in line
    assert "Missing LOG" in refuse("replay")
    assert "must be a seed log" in refuse("replay", table)
    gradless.minimize(
        lambda x: (x**2).sum(), np.ones(3), "snes", log="mine.seeds", evaluations=50, verbose=False
    )
    assert "gradless.replay('mine.seeds', params)" in refuse("replay", "mine.seeds")


def test_damage_is_found(plane):
    data = bytearray((plane.folder / "run.seeds").read_bytes())
    data[-20] ^= 1  # in what says which network was kept
    Path("bad.seeds").write_bytes(data)
    assert "damaged" in refuse("replay", "bad.seeds")
    changed = bytes(data).replace(b'"keeps": ', b'"kepts": ')
    Path("bad.seeds").write_bytes(changed)
    assert "damaged" in refuse("replay", "bad.seeds")


@pytest.mark.slow
def test_another_number_of_devices_writes_and_rebuilds_the_same(tmp_path):
    wide = ["digits", *SEARCH, "--hidden", "64", "--population", "32", "--alpha", "0"]
    wide += ["--validation", "0.25", "--evaluations", "1000", "--out"]
    commands = {"1": ["train", *wide, "run1"], "2": ["train", *wide, "run2"]}
    # Not in this process, which compiles in another way, and so may round in another way.
    commands["4"] = ["replay", "run1/run.seeds", "--out", "again"]
    for devices, command in commands.items():
        environment = {**os.environ, "JAX_NUM_CPU_DEVICES": devices}
        command = [sys.executable, "-m", "gradless", *command]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        assert done.stderr == b""
    assert bits(Path("run1")) == bits(Path("run2")) == bits(Path("again"))
