"""``gradless book``: the two searches of chapter 6, as the book prints them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from gradless import book
from gradless._core.errors import unknown_name
from gradless._core.terminal import make_folder
from gradless.cli.parse import parse
from gradless.training.history import History
from gradless.views.curves import curve

SEARCHES = {"random-search": (book.random_search, 10_000), "hill-climb": (book.hill_climb, 1_000)}


@dataclass(frozen=True)
class Options:
    """The searches of "Neural Networks from Scratch", chapter 6, in NumPy, to the digit.

    random-search draws all weights anew in each iteration (Approach 1); hill-climb changes the best
    ones a little (Approach 2). Both print each improvement and leave history.csv,
    loss_over_iterations.png and acc_smooth.png.
    """

    search: tyro.conf.Positional[str]
    """random-search or hill-climb."""
    data: str = "vertical"
    """vertical, as in the chapter, or spiral."""
    iterations: int | None = None
    """Networks tried. Default: 10000 for random-search, 1000 for hill-climb, as in the chapter."""
    seed: int = 0
    """Seed of NumPy's legacy generator, 0 as in the book."""
    out: Path | None = None
    """Folder for history.csv and the pictures. Default: runs/book-SEARCH-DATA."""


def main(arguments: list[str]) -> int:
    """Parse, search, write the history and the pictures."""
    options = parse(Options, "book", arguments)
    if options.search not in SEARCHES:
        raise unknown_name("search", options.search, SEARCHES)
    search, iterations = SEARCHES[options.search]
    if options.iterations is not None:
        iterations = options.iterations
    folder = options.out or Path("runs") / f"book-{options.search}-{options.data}"
    book.check(options.data, iterations, options.seed)
    make_folder(folder)
    result = search(options.data, iterations, options.seed)

    history = History()
    best = np.minimum.accumulate(result.losses)
    # The accuracy of the network that was the best one at each iteration.
    holder = np.maximum.accumulate(np.where(result.losses <= best, np.arange(len(best)), 0))
    history.append(
        generation=np.arange(iterations),
        evaluations=np.arange(1, iterations + 1),
        seconds=np.full(iterations, np.nan),
        loss=result.losses,
        accuracy=result.accuracies,
        best_loss=best,
        best_accuracy=result.accuracies[holder],
    )
    history.to_csv(folder / "history.csv")
    for quantity, name in (("loss", "loss_over_iterations.png"), ("accuracy", "acc_smooth.png")):
        curve(
            history.column("generation"),
            history.column(quantity),
            history.column(f"best_{quantity}"),
            folder / name,
            quantity=quantity,
            title=f"{options.search} on {options.data} data",
            x_label="iteration",
            average=quantity == "accuracy",
            best_label=(
                "best network so far"
                if quantity == "loss"
                else "network with the lowest loss so far"
            ),
        )
    print(f"\nhistory and pictures: {folder}")
    return 0
