"""What gradless compare and gradless plot leave, print and refuse."""

import csv
import io
import json
import math
import re
from pathlib import Path

import pytest
from rich.console import Console

from gradless.cli import main
from gradless.runs.comparison.contest import Contest, Progress
from gradless.runs.comparison.summary import Difference
from gradless.training.gradient_descent import NAME, Adam
from gradless.training.records import Stop
from gradless.views import style
from gradless.views.comparison_console import Display, announcement, behind
from helpers.commands import succeed
from helpers.comparisons import NAMES, outcome, plan

SMALL = ["--evaluations", "2100", "--seeds", "3", "--hidden", "3"]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> tuple[Path, str]:
    """The folder of a comparison, and what was printed."""
    folder = tmp_path_factory.mktemp("compare") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        arguments = ["--strategies", *NAMES, *SMALL, "--gradient", "--out", folder]
        return folder, succeed("compare", "vertical", *arguments)


def test_the_command_prints_a_table_and_what_it_means(told):
    out = told[1]
    assert max(map(len, out.splitlines())) <= 80
    sentences = " ".join(out.split())
    for part in ("hill_climbing", "3/3", NAME, "a step counts as", "2,100", "median of all runs"):
        assert part in sentences
    assert "behind the best: by how much the loss is worse than that of" in sentences
    (line,) = [line for line in out.splitlines() if line.startswith("random_search")]
    assert "+0." in line
    assert "±" in line


def test_the_command_leaves_its_files(told):
    folder = told[0]
    assert {path.name for path in folder.iterdir()} >= {
        "compare.csv",
        "curves.csv",
        "summary.json",
        "comparison.png",
    }
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "compare.csv").open(encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    assert len(runs) == 9
    assert {run["success"] for run in runs if run["strategy"] == "hill_climbing"} == {"1"}
    assert {run["evaluations_to_target"] for run in runs if run["success"] == "0"} == {""}
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for run in runs:
        own = [row for row in rows if (row["strategy"], row["seed"]) == (
            run["strategy"], run["seed"]
        )]  # fmt: skip
        assert (own[-1]["best_loss"], own[-1]["evaluations"]) == (
            run["best_loss"],
            run["evaluations"],
        )
        losses = [float(row["best_loss"]) for row in own]
        assert losses == sorted(losses, reverse=True)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["equal_evaluations"] == 2100
    assert [row["name"] for row in summary["strategies"]][-1] == NAME
    assert summary["strategies"][0]["behind"] is None
    assert summary["strategies"][1]["behind"]["seeds"] == 3


@pytest.mark.parametrize(
    ("suffix", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_plot_draws_a_comparison_again(suffix, begins, told):
    path = told[0] / f"comparison.{suffix}"
    assert succeed("plot", told[0], "--format", suffix).split() == [str(path)]
    assert path.read_bytes().startswith(begins)


def test_variants_are_told_apart_by_their_hyperparameters(tmp_path, monkeypatch):
    monkeypatch.setattr("gradless.cli.compare._draw", lambda *_: None)
    variants = "hill_climbing:sigma=0.01,hill_climbing:sigma=0.5"
    few = ["--evaluations", "50", "--seeds", "2", "--hidden", "3"]
    succeed("compare", "vertical", "--strategies", variants, *few, "--out", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert list(summary["entrants"]) == variants.split(",")
    sigmas = [each["hyperparameters"]["sigma"] for each in summary["entrants"].values()]
    assert sigmas == [0.01, 0.5]
    assert len({row["at_end"]["median"] for row in summary["strategies"]}) == 2


def test_json_is_the_summary_and_nothing_else(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gradless.cli.compare._draw", lambda *_: None)
    out = tmp_path / "out"
    arguments = ["--strategies", "hill_climbing", "--evaluations", "50", "--seeds", "1"]
    assert main(
        ["compare", "vertical", *arguments, "--hidden", "3", "--json", "--out", str(out)]
    ) == 0  # fmt: skip
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_a_comparison_speaks_of_the_objective(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(style, "save", lambda figure, path: path)
    arguments = ["compare", "vertical", "--strategies", "hill_climbing", "--evaluations", "50"]
    more = ["--seeds", "2", "--hidden", "3", "--objective", "f1_macro", "--target-score", "0.2"]
    assert main([*arguments, *more, "--out", str(tmp_path / "out")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "f1_macro at 50" in text
    assert "success: seeds whose training reached a value of 0.2000 or more." in text
    assert "loss" not in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["target"] == {"quantity": "loss", "value": -0.2, "given": True}


# --- What is said ---------------------------------------------------------------------------------


def test_the_time_is_announced():
    given = plan(("snes", "cma_es"), 10, Stop(seconds=5.0))
    assert announcement(given).startswith("2 strategies x 10 seeds x 5.00 s: about ")
    both = plan(("snes",), 10, Stop(evaluations=1000, seconds=1.0), Adam())
    text = announcement(both)
    assert text.startswith("1 strategy and gradient descent x 10 seeds x 1,000 evaluations or ")
    assert text.endswith("at most about 20 s, and compilation")


def test_the_live_table_says_what_is_done_and_what_goes_on():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    contest = Contest(plan(("snes", "cma_es"), 2, Stop(evaluations=100)))
    display = Display(console, contest)
    display.show(Progress("snes", 0, 0, 0.0, math.inf))

    def rows() -> list[str]:
        with console.capture() as shown:
            console.print(display._table())
        return re.sub(r"\x1b\[[0-9;]*m", "", shown.get()).splitlines()

    assert rows()[1].split() == ["snes", "0/2", "compiling"]
    done = outcome("snes", 0, (1, 1.0), (50, 0.5))
    display.show(Progress("snes", 0, 100, 0.1, 0.5, done))
    display.show(Progress("cma_es", 0, 0, 0.0, math.inf, failure="too large"))
    heads, snes, cma_es, left = rows()
    assert heads.split() == ["strategy", "seeds", "median", "loss", "now"]
    assert snes.split() == ["snes", "1/2", "0.5000"]
    assert cma_es.split() == ["cma_es", "0/2", "failed"]
    assert left.startswith("1 of 2 runs done")


def test_how_far_behind_is_told_with_half_of_the_interval():
    assert behind(None) == ""
    assert behind(Difference(0.123456, -0.0123, 0.259, 10)) == "+0.123 ± 0.14"
    assert behind(Difference(-0.5, float("nan"), float("nan"), 1)) == "-0.5"
    assert behind(Difference(*[float("nan")] * 3, 0)) == "-"


BAD = {
    "strategy": (["--strategies", "snes", "hill_climb"], ["did you mean 'hill_climbing'"]),
    "hyperparameter": (["--strategies", "snes:sigmo=1"], ["did you mean 'sigma'"]),
    "seeds 0": (["--seeds", "0"], ["--seeds", "1 or more"]),
    "seeds beyond the last": (["--seed", "4294967295", "--seeds", "2"], ["2**32"]),
    "a large population": (
        ["--evaluations", "500"],
        ["500", "1,024", "random_search", "leave out"],
    ),
    "two targets": (
        ["--target-loss", "1", "--target-accuracy", "0.5"],
        ["a loss or an accuracy, got both"],
    ),
    "learning rate": (["--gradient", "--adam-learning-rate", "0"], ["above 0"]),
    "time": (["--time", "0"], ["above 0"]),
    "out a file": (["--out", "file"], ["--out", "folder", "file"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_any_work(case, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("", encoding="utf-8")
    arguments, parts = BAD[case]
    assert main(["compare", "vertical", "--hidden", "3", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert all(part in err for part in parts), err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
