"""Draw how the spiral is solved: what networks on the way of one search decide where.

    python docs/spiral.py        writes docs/spiral.png

It is the search of ``gradless train spiral``: the same network, the same seed, the strategy that is
chosen there. Each panel is the best network after so many evaluations.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gradless._core import words
from gradless.evaluation.layout import layout_for
from gradless.runs.network import softmax
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.training.loop import evaluations_per_generation, train
from gradless.training.records import Stop
from gradless.views import decisions, style

PICTURE = Path(__file__).with_suffix(".png")
MARKS = (1_000, 30_000, 100_000, 250_000, 700_000)  # evaluations
COLORS = 128
SIDE, GAP, TOP = 2.25, 0.12, 0.62  # inches of a panel, between panels, and above them


class Shown(NamedTuple):
    """The best network after so many evaluations."""

    evaluations: int
    loss: float
    accuracy: float
    params: object


def search(prepared: Prepared, marks: tuple[int, ...]) -> list[Shown]:
    """One search, and its best network at each mark."""
    per_generation = evaluations_per_generation(prepared.strategy)
    wanted = [max(1, mark // per_generation) for mark in marks]
    records = train(
        prepared.problem,
        prepared.strategy,
        prepared.begin(),
        Stop(evaluations=wanted[-1] * per_generation),
        layout=layout_for(prepared.problem, prepared.strategy),
        pauses=lambda done: min([each for each in wanted if each > done], default=2**31),
    )
    shown = []
    for record in records:
        if len(record.generation) and int(record.generation[-1]) in wanted:
            params = prepared.structure.unravel(np.asarray(record.run.best))
            accuracy = float(record.best_measures["accuracy"][-1])
            evaluations, loss = int(record.evaluations[-1]), float(record.best_loss[-1])
            shown.append(Shown(evaluations, loss, accuracy, params))
    return shown


def draw(prepared: Prepared, shown: list[Shown], path: Path) -> None:
    """A row of panels."""
    train_, count = prepared.train, len(shown)
    points = decisions.Points("", train_.features.astype(np.float64), train_.targets)
    low, high = decisions.window(points.features)
    width, height = count * SIDE + (count + 1) * GAP, SIDE + TOP + GAP
    figure = style.blank(width, height)
    for number, each in enumerate(shown):
        left = GAP + number * (SIDE + GAP)
        axes = figure.add_axes((left / width, GAP / height, SIDE / width, SIDE / height))

        def probabilities(x: np.ndarray, params: object = each.params) -> np.ndarray:
            return softmax(np.asarray(prepared.model.apply(params, x)))

        decisions.draw_regions(axes, probabilities, low, high, train_.n_outputs, side=220)
        decisions.draw_points(axes, points, train_.n_outputs, size=9)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color(style.FAINT)
        axes.set_title(
            f"{each.evaluations:,} networks tried", loc="left", pad=21, color=style.INK,
            fontsize=style.SUBTITLE, fontweight="bold",
        )  # fmt: skip
        axes.annotate(
            f"loss {words.loss(each.loss)}, {words.percent(each.accuracy)} right", (0, 1), (0, 6),
            xycoords="axes fraction", textcoords="offset points", color=style.NOTE,
            fontsize=style.TICK,
        )  # fmt: skip
    style.save(figure, path)
    # Everybody who reads README loads it: so many colours look the same in a quarter of the bytes.
    few = Image.open(path).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def main() -> None:
    """Search and draw."""
    prepared = prepare(Recipe("spiral"), Stop(seconds=15.0))  # the limit of gradless train
    shown = search(prepared, MARKS)
    draw(prepared, shown, PICTURE)
    print(PICTURE)


if __name__ == "__main__":
    main()
