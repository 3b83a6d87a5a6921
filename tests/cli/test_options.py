"""What people type, in all the ways in which they do."""

import dataclasses
from pathlib import Path

import pytest

from gradless._core.errors import InputError
from gradless.cli.commands import COMMANDS
from gradless.cli.parse import GROUPS, parse
from gradless.cli.recipes import recipe_of
from gradless.strategies import CMAES, OpenAIES


def typed(line: str, command: str = "train"):
    """The options of a line."""
    return parse(command, COMMANDS[command], line.split())


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("spiral --hidden 64,32", "hidden", (64, 32)),
        ("spiral --hidden 64 32", "hidden", (64, 32)),
        ("spiral --hidden 64, 32", "hidden", (64, 32)),
        ("spiral --hidden=64,32", "hidden", (64, 32)),
        ("--hidden 64 32 spiral", "hidden", (64, 32)),
        ("spiral --hidden", "hidden", ()),
        ("spiral --hidden 3 --hidden 4", "hidden", (4,)),
        ("--seed 3 spiral", "seed", 3),
        ("spiral --time 10s", "time", 10.0),
        ("spiral --time 2m", "time", 120.0),
        ("spiral --time 1h", "time", 3600.0),
        ("spiral --time=1.5", "time", 1.5),
        ("spiral --evaluations 1e5", "evaluations", 100_000),
        ("spiral --evaluations 10_000", "evaluations", 10_000),
        ("spiral --evaluations 10,000", "evaluations", 10_000),
        ("spiral --target-accuracy 95%", "target_accuracy", 0.95),
        ("spiral --target-score -1e-3", "target_score", -1e-3),
        ("spiral --target-loss -.5", "target_loss", -0.5),
        ("spiral --task Classification", "task", "classification"),
        ("spiral --drop a b --drop c", "drop", ("a", "b", "c")),
        ("spiral --missing", "missing", ()),
        ("spiral --missing -999 unknown", "missing", ("-999", "unknown")),
        ("spiral --quiet", "quiet", True),
        ("spiral --no-quiet", "quiet", False),
        ("spiral --checkpoint-every 5m", "checkpoint_every", 300.0),
        ("spiral --out runs/a", "out", Path("runs/a")),
        ("-- -odd.csv", "data", "-odd.csv"),
    ],
)
def test_what_is_typed_is_what_is_meant(line, name, value):
    found = getattr(typed(line), name)
    assert (found, type(found)) == (value, type(value))


def test_a_pattern_that_the_shell_has_expanded_is_to_be_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("p1.csv", "p2.csv"):
        Path(name).touch()
    with pytest.raises(InputError, match=r"takes one DATA, got 'p1\.csv' and 'p2\.csv'\. Put a"):
        typed("p1.csv p2.csv", "look")


@pytest.mark.parametrize("line", ["a,b", "a b", "a, b"])
def test_names_with_commas_or_spaces(line):
    assert typed(f"spiral --strategies {line}", "compare").strategies == ("a", "b")


def test_names_are_spelled_in_any_way():
    options = typed(
        "Breast_Cancer --strategy hill-climbing --objective roc-auc --activation ReLU "
        "--initializer Glorot"
    )
    recipe = recipe_of(options)
    assert (recipe.data, recipe.activation, recipe.initializer) == (
        "breast-cancer",
        "relu",
        "glorot",
    )


def test_hyperparameters_of_a_named_strategy_are_options():
    about = COMMANDS["train"]
    line = ["spiral", "--strategy", "cma_es", "--population", "1e3", "--no-relative"]
    found = parse("train", about, line, CMAES)
    assert found.hyperparameters == {"population": 1000, "relative": False}
    with pytest.raises(InputError, match=r"--population must be above 1, got 1\. For example: "):
        parse("train", about, ["spiral", "--population", "1"], CMAES)


@pytest.mark.parametrize(("rank", "value"), [("2", 2), ("auto", "auto")])
def test_a_rank_is_a_number_or_a_word(rank, value):
    found = parse("train", COMMANDS["train"], ["spiral", "--rank", rank], OpenAIES)
    assert found.hyperparameters == {"rank": value}
    for wrong, rule in (("automatic", "a whole number or auto"), ("-1", "0 or more")):
        with pytest.raises(InputError, match=f"--rank must be {rule}, got {wrong}"):
            parse("train", COMMANDS["train"], ["spiral", "--rank", wrong], OpenAIES)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train spiral --hidden -3",
         "--hidden must be 1 or more, got -3. For example: --hidden 64 64"),
        ("train",
         "Missing DATA. For example: gradless train spiral"),
        ("train --drop a x.csv",
         "Missing DATA. Write DATA before --drop, which takes all that follows."),
        ("train spiral moons",
         "gradless train takes DATA and options, got 'moons' as well."),
        ("predict run x.csv y",
         "gradless predict takes RUN and FILE and options, got 'y' as well."),
        ("datasets all",
         "gradless datasets takes options only, got 'all'."),
        ("train spiral --time",
         "--time must be followed by a value. For example: --time 30s"),
        ("train spiral --time x",
         "--time must be a time such as 30s, 5m or 1h, got x. For example: --time 30s"),
        ("train spiral --evaluation 5",
         "gradless train has no option --evaluation. Did you mean --evaluations?"),
        ("train spiral --weights int4",
         "--weights must be float32 or int8, got int4. Did you mean int8?"),
        ("train spiral --weights x",
         "--weights must be float32 or int8, got x. For example: --weights float32"),
    ],
)  # fmt: skip
def test_what_is_said_of_what_does_not_fit(line, said):
    command, *rest = line.split()
    with pytest.raises(InputError) as error:
        typed(" ".join(rest), command)
    assert str(error.value) == said


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_has_a_place_and_a_help_text(command):
    for field in dataclasses.fields(COMMANDS[command].options):
        if "told" not in field.metadata:
            continue
        told = field.metadata["told"]
        assert told.positional or told.group in GROUPS
        assert told.help[0].isupper()
        assert told.help.endswith(".")
