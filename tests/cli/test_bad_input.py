"""Bad input is one line, exit code 2, and nothing left behind."""

from pathlib import Path

import pytest

from helpers.commands import (
    refuse,
)

TABLES = {
    "good.csv": "a,b,target\n" + "".join(f"{i},{i % 3},{'xy'[i % 2]}\n" for i in range(30)),
    "numbers.csv": "a,b,target\n" + "".join(f"{i},{i % 3},{i / 2}\n" for i in range(30)),
    "empty.csv": "",
    "header.csv": "a,b,target\n",
    "ragged.csv": "a,b,target\n1,2,x\n1,2\n",
    "missing.csv": "a,b,target\n" + "1,,x\n1,,y\n" * 6,
    "unlabelled.csv": "a,b,target\n1,2,x\n1,2,\n",
    "one.csv": "a,b,target\n1,2,x\n1,3,x\n",
    "few.csv": "a,b,target\n1,2,x\n1,2,y\n1,1,z\n",
    "file": "text",
}
LONG = "x" * 300
ES = ("--strategy", "openai_es")

BAD_TRAINING = {
    "no data": ([], ["Missing DATA. For example: gradless train spiral"]),
    "missing file": (["none.csv"], ["none.csv", "no such file"]),
    "empty file": (["empty.csv"], ["empty.csv", "empty; it must begin with a header line"]),
    "no rows": (["header.csv"], ["header.csv", "no rows"]),
    "ragged rows": (["ragged.csv"], ["line 3", "3 cells as the header has, got 2"]),
    "no value": (
        ["missing.csv"],
        ["'a' (one value, 1, in all rows), 'b' (no filled cell)", "--categories a"],
    ),
    "missing target": (["unlabelled.csv"], ["two rows of data or more, got one"]),
    "one class": (["one.csv"], ["'x'", "two classes or more, got 'x' alone"]),
    "fewer rows than classes": (["few.csv"], ["3 rows", "classes must repeat"]),
    "target": (["good.csv", "--target", "targt"], ["'targt'", "did you mean 'target'"]),
    "drop": (["good.csv", "--drop", "c"], ["'c'", "Known: 'a', 'b', 'target'"]),
    "drop the target": (
        ["good.csv", "--drop", "target"],
        ["--drop must name other", "remove it from --drop"],
    ),
    "drop of a data set": (["iris", "--drop", "petal"], ["'iris'", "option for files"]),
    "categories": (["good.csv", "--categories", "targe"], ["did you mean 'target'"]),
    "target of a data set": (["vertical", "--target", "x"], ["'x'", "'vertical'"]),
    "data set": (["verticle"], ["'verticle'", "did you mean 'vertical'"]),
    "data of a long name": ([LONG], ["xxx"]),
    "two data sets": (["vertical", "spiral"], ["spiral"]),
    "strategy": (
        ["vertical", "--strategy", "hill_climb"],
        ["'hill_climb'", "did you mean 'hill_climbing'"],
    ),
    "strategy left out": (["vertical", "--strategy"], ["strategy"]),
    "objective": (["vertical", "--objective", "cross_entrop"], ["did you mean 'cross_entropy'"]),
    "objective for classes": (["numbers.csv", "--objective", "accuracy"], ["classes", "--task"]),
    "objective for another task": (
        ["numbers.csv", "--task", "regression", "--objective", "accuracy"],
        ["'accuracy'", "regression", "choose another"],
    ),
    "activation": (["vertical", "--activation", "rel"], ["'rel'", "did you mean 'relu'"]),
    "precision": (["vertical", "--precision", "float16"], ["float16", "bfloat16"]),
    "weights": (["vertical", "--weights", "int4"], ["int4", "int8"]),
    "initializer": (["vertical", "--initializer", "hee"], ["'hee'", "did you mean 'he'"]),
    "task": (["vertical", "--task", "regresion"], ["got regresion. Did you mean regression?"]),
    "task of a data set": (["vertical", "--task", "regression"], ["3 classes"]),
    "classes as numbers": (["good.csv", "--task", "regression"], ["'x' is not a number"]),
    "hidden 0": (
        ["vertical", "--hidden", "0"],
        ["--hidden must be 1 or more, got 0. For example: --hidden 64 64"],
    ),
    "hidden below 0": (["vertical", "--hidden", "3", "-3"], ["--hidden must be 1 or more, got -3"]),
    "hidden a fraction": (
        ["vertical", "--hidden", "3.5"],
        ["--hidden must be a whole number, got 3.5"],
    ),
    "hidden too large": (
        ["vertical", "--hidden", "100000", "100000"],
        ["10,000,700,003 parameters", "GiB", "use hidden layers of"],
    ),
    "hidden far too large": (["vertical", "--hidden", "9" * 30], ["GiB"]),
    "evaluations below 0": (
        ["vertical", "--evaluations", "-5"],
        ["--evaluations must be 1 or more, got -5"],
    ),
    "evaluations 0": (
        ["vertical", "--evaluations", "0"],
        ["--evaluations must be 1 or more, got 0"],
    ),
    "evaluations a word": (
        ["vertical", "--evaluations", "abc"],
        ["--evaluations must be a whole number, got abc"],
    ),
    "evaluations below a generation": (
        ["vertical", "--strategy", "random_search", "--evaluations", "20"],
        ["got 20", "1024", "smaller population"],
    ),
    "time below 0": (["vertical", "--time", "-1"], ["--time must be above 0, got -1"]),
    "time nan": (
        ["vertical", "--time", "nan"],
        ["--time must be a time such as 30s, 5m or 1h, got nan"],
    ),
    "accuracy in percent": (
        ["vertical", "--target-accuracy", "95"],
        ["from 0 to 1, got 95. For example: --target-accuracy 0.95"],
    ),
    "a loss for a score": (
        ["vertical", "--objective", "f1", "--target-loss", "0.9"],
        ["--target-loss does not apply to f1, where higher is better; use --target-score"],
    ),
    "a score for a loss": (
        ["vertical", "--target-score", "0.9"],
        ["--target-score does not apply to a loss", "use --target-loss"],
    ),
    "loss nan": (["vertical", "--target-loss", "nan"], ["--target-loss must be a number, got nan"]),
    "stagnation 0": (["vertical", "--stagnation", "0"], ["--stagnation must be 1 or more, got 0"]),
    "sigma below 0": (["vertical", *ES, "--sigma", "-1"], ["--sigma must be above 0, got -1"]),
    "sigma nan": (["vertical", *ES, "--sigma", "nan"], ["--sigma must be a number, got nan"]),
    "sigma infinite": (["vertical", *ES, "--sigma", "inf"], ["--sigma must be a number, got inf"]),
    "sigma a word": (["vertical", *ES, "--sigma", "abc"], ["--sigma must be a number, got abc"]),
    "population 1": (
        ["vertical", *ES, "--population", "1"],
        ["--population must be 2 or more, got 1"],
    ),
    "batch too large": (
        ["vertical", "--batch-size", "301"],
        ["the number of training samples, 300, got 301"],
    ),
    "batch of nothing": (
        ["vertical", "--batch-size", "0"],
        ["--batch-size must be 1 or more, got 0"],
    ),
    "batch larger than a split": (
        ["iris", "--batch-size", "150"],
        ["the number of training samples, 90, got 150"],
    ),
    "test fraction 1": (["vertical", "--test-fraction", "1"], ["0 or more and below 1, got 1"]),
    "test fraction below 0": (
        ["vertical", "--test-fraction", "-0.1"],
        ["0 or more and below 1, got -0.1"],
    ),
    "test fraction nan": (
        ["vertical", "--test-fraction", "nan"],
        ["--test-fraction must be a number, got nan"],
    ),
    "seed below 0": (["vertical", "--seed", "-1"], ["--seed must be from 0 to 4294967295, got -1"]),
    "seed too large": (["iris", "--seed", "5000000000"], ["from 0 to 4294967295, got 5000000000"]),
    "seed without a split": (
        ["good.csv", "--seed", "-1", "--test-fraction", "0"],
        ["--seed must be from 0 to 4294967295, got -1"],
    ),
    "out a file": (["vertical", "--out", "file"], ["--out must be a folder, got the file file"]),
    "out below a file": (["vertical", "--out", "file/run"], ["--out file/run"]),
    "out of a long name": (["vertical", "--out", LONG], ["--out"]),
    "unknown option": (
        ["vertical", "--bogus"],
        ["gradless train has no option --bogus", "gradless train --help-all"],
    ),
    "nearly an option": (
        ["vertical", *ES, "--sgma", "1"],
        ["has no option --sgma. Did you mean --sigma?"],
    ),
    "an option of no named strategy": (
        ["vertical", "--sigma", "1"],
        ["--sigma", "--strategy openai_es"],
    ),
    "another strategy's option": (["vertical", "--crossover-rate", "1"], ["--crossover-rate"]),
}
BAD_BOOKS = {
    "search": (["random"], ["'random'", "did you mean 'random-search'"]),
    "no search": ([], ["Missing SEARCH. For example: gradless book hill-climb"]),
    "data": (
        ["random-search", "--data", "moons"],
        ["--data must be vertical or spiral, got moons"],
    ),
    "iterations": (
        ["random-search", "--iterations", "0"],
        ["--iterations must be 1 or more, got 0"],
    ),
    "seed": (["random-search", "--seed", "-1"], ["--seed must be from 0 to 4294967295, got -1"]),
    "out a file": (["random-search", "--iterations", "2", "--out", "file"], ["got the file file"]),
    "out below a file": (["random-search", "--iterations", "2", "--out", "file/x"], ["file/x"]),
}
BAD_COMMANDS = {
    "command": (["trian"], ["'trian'", "did you mean 'train'"]),
    "option": (["--bogus"], ["--bogus"]),
    "strategies of something": (["strategies", "vertical"], ["vertical"]),
    "data sets with an option": (["datasets", "--all"], ["--all"]),
    "resume nothing": (["resume"], ["Missing RUN. For example: gradless resume"]),
    "resume a name": (["resume", "nowhere"], ["nowhere", "is not a folder"]),
    "resume a file": (["resume", "file"], ["file", "is not a folder"]),
    "resume another folder": (["resume", "."], ["config.json", "RUN must be the folder of a run"]),
    "predict without rows": (
        ["predict", "nowhere"],
        ["Missing FILE. For example: gradless predict"],
    ),
    "predict by a name": (["predict", "nowhere", "good.csv"], ["nowhere", "is not a folder"]),
    "predict by another folder": (["predict", ".", "good.csv"], ["config.json"]),
    "plot a name": (["plot", "nowhere"], ["nowhere", "is not a folder"]),
    "plot another folder": (["plot", "."], ["config.json"]),
    "plot a long name": (["plot", LONG], ["xxx"]),
}
BAD = {
    **{f"train: {name}": (["train", *a], f) for name, (a, f) in BAD_TRAINING.items()},
    **{f"book: {name}": (["book", *a], f) for name, (a, f) in BAD_BOOKS.items()},
    **BAD_COMMANDS,
}


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(("arguments", "fragments"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_exit_code_2(arguments, fragments):
    for name, text in TABLES.items():
        Path(name).write_text(text, encoding="utf-8")
    # Not to train for long where bad input is accepted; before it, so that it counts.
    limits = ["--evaluations", "200"] if arguments[:1] == ["train"] else []
    line = refuse(*arguments[:1], *limits, *arguments[1:])
    for fragment in fragments:
        assert fragment in line


def test_errors_of_the_parser_are_plain_text_in_a_plain_terminal():
    line = refuse("train", "vertical", "--bogus", encoding="ascii")
    assert "has no option --bogus. See gradless train --help-all" in line
    assert "---" not in line
