"""Help, lists and versions."""

import dataclasses
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import gradless
from gradless.cli import COMMANDS
from gradless.data.named import DATASETS
from gradless.strategies import STRATEGIES, find
from helpers.commands import call, succeed


def test_strategies_lists_every_strategy():
    text = succeed("strategies")
    assert set(text.split()) >= set(STRATEGIES)
    assert "gradless strategies NAME" in text


@pytest.mark.parametrize("name", [*STRATEGIES, "CMA-ES"])
def test_a_strategy_is_described(name):
    cls = find(name)
    text = succeed("strategies", name)
    assert text.startswith(f"{cls.name} ")
    assert re.search(r"^Paper: .*(\n .*)*\b(19|20)\d\d\b", text, re.MULTILINE)
    for field in dataclasses.fields(cls):
        assert re.search(
            rf"^--(\[no-\])?{field.name.replace('_', '-')} +\S+ +\w", text, re.MULTILINE
        )
    assert f"Example: gradless train spiral --strategy {cls.name} --" in text


def test_datasets_lists_every_data_set():
    text = succeed("datasets")
    assert set(text.split()) >= set(DATASETS)
    (line,) = (line for line in text.splitlines() if line.startswith("iris "))
    assert line.split()[1:4] == ["150", "4", "3"]


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (
            "train",
            "target task drop categories positive hidden activation initializer weights objective "
            "strategy "
            "batch-size test-fraction standardize precision seed out evaluations time "
            "target-loss target-score target-accuracy "
            "stagnation checkpoint-every seed-log quiet json",
        ),
        ("explain", "hidden objective strategy batch-size precision evaluations measure json"),
        (
            "resume",
            "evaluations time target-loss target-accuracy stagnation checkpoint-every quiet json",
        ),
        ("repeat", "quiet json"),
        ("runs", "quiet json"),
        ("predict", "out"),
        ("evaluate", "target quiet json"),
        ("export", "to out force"),
        ("replay", "generation out quiet json"),
        ("plot", "help"),
        ("strategies", "help"),
        ("datasets", "help"),
        ("book", "data iterations seed out"),
    ],
)
def test_help_of_each_command_mentions_its_options(command, options):
    text = succeed(command, "--help-all")
    assert f"gradless {command}" in text
    for option in options.split():
        assert re.search(rf"--{option}\b", text)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_on_a_page(command, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = succeed(command, "--help").splitlines()
    assert max(map(len, lines)) <= width
    assert width < 80 or len(lines) < 60
    assert not any(line != line.rstrip() or "None" in line or "\x1b" in line for line in lines)
    assert succeed("help", command).splitlines() == lines
    everything = succeed(command, "--help-all").splitlines()
    assert max(map(len, everything)) <= width
    if everything[-1] != lines[-1]:
        assert f"gradless {command} --help-all" in lines[-1]


def test_help_names_each_default_once():
    for line in re.split(r"\n  -", succeed("train", "--help-all")):
        assert line.count("Default:") <= 1
    assert "Default: relu." in succeed("train", "--help")


def test_help_loads_no_jax():
    code = (
        "import sys; from gradless.cli import main\n"
        "try: main(['train', '--help'])\nexcept SystemExit: pass\n"
        "for line in (['help'], ['-V'], ['train'], ['predict', 'x'], ['help', 'compare']):\n"
        "    main(line)\n"
        "sys.exit('jax' in sys.modules or 'numpy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ran.returncode == 0


def test_help_of_train_has_the_options_of_the_strategy():
    assert "--population" not in succeed("train", "--help")
    text = succeed("train", "--strategy", "random_search", "--help")
    assert "--population" in text
    assert "--speculation" not in text


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"]])
def test_help_names_every_command(arguments):
    text = succeed(*arguments)
    assert set(text.split()) >= set(COMMANDS)
    assert "gradless train spiral" in text


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2():
    code, out, _ = call()
    assert code == 2
    assert "gradless COMMAND" in out


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(option):
    assert succeed(option) == f"gradless {gradless.__version__}\n"


def test_the_installed_command():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="gradless")
    assert entry.value == "gradless.__main__:main"  # which handles signals before all else
    script = Path(sysconfig.get_path("scripts")) / "gradless"
    ran = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == (f"gradless {gradless.__version__}\n", "")
