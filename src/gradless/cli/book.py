"""``gradless book``: the two searches of chapter 6, as the book prints them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gradless import book
from gradless._core.errors import known_name
from gradless._core.terminal import make_folder
from gradless.book.searches import check
from gradless.cli.commands import Book
from gradless.training.history import History
from gradless.views.curves import curve

SEARCHES = {"random-search": (book.random_search, 10_000), "hill-climb": (book.hill_climb, 1_000)}


def main(options: Book) -> int:
    """Search, write the history and the pictures."""
    name = known_name("search", options.search, SEARCHES)
    search, iterations = SEARCHES[name]
    if options.iterations is not None:
        iterations = options.iterations
    folder = options.out or Path("runs") / f"book-{name}-{options.data}"
    check(options.data, iterations, options.seed)
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
    pictures = (
        ("loss", "loss_over_iterations.png", "best network so far"),
        ("accuracy", "acc_smooth.png", "network with the lowest loss so far"),
    )
    for quantity, file, best_label in pictures:
        curve(
            history.column("generation"),
            history.column(quantity),
            history.column(f"best_{quantity}"),
            folder / file,
            quantity=quantity,
            title=f"{name} on {options.data} data",
            x_label="iteration",
            average=quantity == "accuracy",
            best_label=best_label,
        )
    print(f"\nhistory and pictures: {folder}")
    return 0
