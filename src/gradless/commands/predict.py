"""``gradless predict``: use a trained network on the rows of a file."""

from __future__ import annotations

import csv
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from gradless import runs
from gradless.commands.parse import parse
from gradless.errors import InputError
from gradless.output import lacks, say, shortest
from gradless.runs import Network
from gradless.tables import Columns, read_columns


@dataclass(frozen=True)
class Options:
    """Write predictions for every row as CSV: the predicted class and a probability for each
    class, or the predicted number. Columns are found by name; others are ignored. What the training
    data did not have, such as another category, is said on standard error."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    data: tyro.conf.Positional[Path]
    """CSV or Parquet file with the columns that the network was trained on."""
    out: Path | None = None
    """File to write. Default: standard output."""


def main(arguments: list[str]) -> int:
    """Parse, predict, write."""
    options = parse(Options, "predict", arguments)
    network = runs.read_network(options.run)
    columns = read_columns(options.data, network.feature_names, network.kinds, network.missing)
    say_strangers(network, columns)
    outputs = network.outputs(columns)
    if network.class_names is None:
        header = ["prediction"]
        rows = [[shortest(value)] for value in outputs[:, 0]]
    else:
        header = ["prediction", *(f"probability of {name}" for name in network.class_names)]
        probabilities = runs.softmax(outputs.astype(np.float64))
        rows = [
            # Of float32, nine digits are all there are.
            [network.class_names[chosen], *(f"{share:.9g}" for share in row)]
            for chosen, row in zip(outputs.argmax(1), probabilities, strict=True)
        ]
    if options.out is None and lacks("".join([*header, *(network.class_names or ())])):
        say(
            f"standard output is {sys.stdout.encoding}, which does not have all letters of these "
            "names; --out FILE is UTF-8"
        )
    try:
        file = (
            nullcontext(sys.stdout)
            if options.out is None
            else options.out.open("w", newline="", encoding="utf-8")
        )
    except OSError as error:
        raise InputError(f"--out {options.out} cannot be written ({error.strerror})") from None
    with file as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return 0


def say_strangers(network: Network, columns: Columns) -> None:
    """Say on standard error what these rows have that the training data did not."""
    if network.preprocessing is not None:
        say(*network.preprocessing.strangers(columns))
