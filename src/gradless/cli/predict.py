"""``gradless predict``: use a trained network on the rows of a file."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from pathlib import Path

import numpy as np

from gradless._core import storage, words
from gradless._core.errors import InputError
from gradless._core.probabilities import softmax
from gradless._core.terminal import lacks, say
from gradless.cli.commands import Predict
from gradless.data import parquet_file
from gradless.data.columns import Columns
from gradless.data.files import PARQUET
from gradless.data.table import read_beside
from gradless.runs import run_folder
from gradless.runs.network import Network
from gradless.runs.ranges import outside


def main(options: Predict) -> int:
    """Predict, write."""
    network = run_folder.read_network(options.run)
    columns, kept, notes = read_beside(
        options.data, network.feature_names, network.kinds, network.missing, network.how,
        keep=options.keep,
    )  # fmt: skip
    say(*notes)
    say_strangers(network, columns)
    if network.ranges is not None:
        say(*outside(columns, network.ranges))
    outputs = network.outputs(columns)
    if network.class_names is None:
        header = ["prediction"]
        rows = [[words.shortest(value)] for value in outputs[:, 0]]
    else:
        header = ["prediction", *(f"probability of {name}" for name in network.class_names)]
        probabilities = softmax(outputs.astype(np.float64))
        rows = [
            # Of float32, nine digits are all there are.
            [network.class_names[chosen], *(f"{share:.9g}" for share in row)]
            for chosen, row in zip(outputs.argmax(1), probabilities, strict=True)
        ]
    header, rows = (
        [*kept, *header],
        [[*beside, *row] for beside, row in zip(_rows(kept, len(rows)), rows, strict=True)],
    )
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    if options.out is None:
        if lacks(
            "".join([*header, *(network.class_names or ()), *itertools.chain(*kept.values())])
        ):
            say(
                f"standard output is {sys.stdout.encoding}, which does not have all letters of "
                "these names; use --out FILE to write UTF-8"
            )
        sys.stdout.write(text.getvalue())
        return 0
    data = text.getvalue().encode()
    if options.out.suffix.lower() in PARQUET:
        data = parquet_file.written(header, rows, numbers=_numbers(network, len(kept)))
    try:
        _write(options.out.resolve(), data)
    except OSError as error:
        raise InputError(f"--out {options.out} cannot be written ({error.strerror})") from None
    return 0


def _numbers(network: Network, kept: int) -> list[int]:
    """Columns of what is written that are numbers: all but the columns kept and the class."""
    first = kept if network.class_names is None else kept + 1
    return list(range(first, kept + 1 + len(network.class_names or ())))


def _rows(kept: dict[str, list[str]], rows: int) -> list[tuple[str, ...]]:
    """The cells of the columns kept, a row each."""
    return list(zip(*kept.values(), strict=True)) or [()] * rows


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and into what is no file, such as a pipe, as it comes."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        storage.write_bytes(path, data)


def say_strangers(network: Network, columns: Columns) -> None:
    """Say on standard error what these rows have that the training data did not."""
    if network.preprocessing is not None:
        say(*network.preprocessing.strangers(columns))
