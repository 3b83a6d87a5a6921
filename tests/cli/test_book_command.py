"""``gradless book``: the searches as the book prints them."""

from pathlib import Path

import pytest

from gradless.views import style
from helpers.commands import (
    is_picture,
    rows_of,
    succeed,
)


def test_the_books_random_search():
    out = succeed("book", "random-search", "--iterations", "130")
    assert out.splitlines()[:4] == [
        "New set of weights found, iteration: 0, loss: 1.098656415939331, "
        "accuracy: 0.3333333333333333",
        "New set of weights found, iteration: 3, loss: 1.0981379747390747, "
        "accuracy: 0.3333333333333333",
        "New set of weights found, iteration: 117, loss: 1.0980114936828613, "
        "accuracy: 0.3333333333333333",
        "New set of weights found, iteration: 124, loss: 1.0977516174316406, accuracy: 0.6",
    ]
    folder = Path("runs/book-random-search-vertical")
    assert {path.name for path in folder.iterdir()} == {
        "history.csv",
        "loss_over_iterations.png",
        "acc_smooth.png",
    }
    assert all(is_picture(path) for path in folder.glob("*.png"))
    history = rows_of((folder / "history.csv").read_text(encoding="utf-8"))
    assert [int(row["generation"]) for row in history] == list(range(130))
    assert [int(row["evaluations"]) for row in history] == list(range(1, 131))
    assert float(history[-1]["best_loss"]) == pytest.approx(1.0977516174316406, abs=1e-7)
    assert float(history[-1]["best_accuracy"]) == pytest.approx(0.6)
    assert float(history[123]["best_loss"]) == pytest.approx(1.0980114936828613, abs=1e-7)


def test_the_books_hill_climb_on_other_data_in_another_folder():
    out = succeed(
        "book", "hill-climb", "--data", "spiral", "--iterations", "20", "--out", "deep/er"
    )
    assert out.startswith("New set of weights found, iteration: 0, loss: 1.1")
    assert len(rows_of(Path("deep/er/history.csv").read_text(encoding="utf-8"))) == 20
    assert Path("deep/er/acc_smooth.png").exists()


def test_the_books_pictures_are_named_after_its_search(monkeypatch):
    titles = {}
    monkeypatch.setattr(
        style,
        "save",
        lambda figure, path: titles.update({path.name: figure.axes[0].get_title("left")}),
    )
    succeed("book", "hill-climb", "--iterations", "20")
    assert titles == dict.fromkeys(
        ("loss_over_iterations.png", "acc_smooth.png"), "hill-climb on vertical data"
    )
