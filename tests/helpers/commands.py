"""Commands that are run in this process, and what they leave."""

import contextlib
import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from gradless.cli import main

# Small, and everywhere the same shapes, so that little is compiled.
SMALL = ("--strategy", "hill_climbing", "--hidden", "3", "--evaluations", "200")
ALWAYS = {
    "config.json", "status.json", "lock", "checkpoints", "history.csv", "live.csv",
    "model.safetensors", "rows.safetensors", "result.json",
}  # fmt: skip
# And of data that were measured, not drawn in the plane.
MEASURED = ALWAYS | {"preprocessing.skops", "model_card.md", "card.html"}
IMPROVEMENT = re.compile(
    r"New best network, evaluation: ([\d,]+), loss: (-?[\d.]+)(?:, accuracy: ([\d.]+)%)?"
)


class Outcome(NamedTuple):
    """What a command leaves in a terminal."""

    code: int
    out: str
    err: str


def call(*arguments: object, encoding: str = "utf-8") -> Outcome:
    """Run a command in this process, where the compiler has to work only once."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)
    )
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leaving:  # after --help
            code = leaving.code or 0
    return Outcome(code, *(stream.buffer.getvalue().decode(encoding) for stream in (out, err)))


def succeed(*arguments: object) -> str:
    """Standard output of a command that has nothing to complain about."""
    code, out, err = call(*arguments)
    assert (code, err) == (0, "")
    return out


def read_json(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def history_without_seconds(folder: Path) -> list[dict[str, str]]:
    rows = rows_of((folder / "history.csv").read_text(encoding="utf-8"))
    return [{name: cell for name, cell in row.items() if name != "seconds"} for row in rows]


def improvements(text: str) -> list[tuple[int, float]]:
    """Evaluation and loss of the improvement lines."""
    matches = [IMPROVEMENT.fullmatch(line) for line in text.splitlines()]
    return [(int(m[1].replace(",", "")), float(m[2])) for m in matches if m]


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5_000


def write_table(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


class Trained(NamedTuple):
    """A finished run and what training printed."""

    folder: Path
    out: str

    def copy(self, folder: Path) -> Path:
        """A run folder to be changed."""
        return Path(shutil.copytree(self.folder, folder))


def refuse(*arguments: object, encoding: str = "utf-8") -> str:
    """The one line that a command says when it cannot use what it is given."""
    before = sorted(Path().rglob("*"))
    code, out, err = call(*arguments, encoding=encoding)
    assert code == 2
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("gradless: ")
    assert sorted(Path().rglob("*")) == before  # no run folder stays behind
    return line


def last_checkpoint(folder: Path) -> Path:
    return max((folder / "checkpoints").iterdir())


def interruptible(*arguments: object) -> list[str]:
    """The same, hearing Ctrl-C also where whoever runs the tests ignores it, as in a background."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "from gradless.__main__ import main; main()"
    )
    return [sys.executable, "-c", code, *map(str, arguments)]
