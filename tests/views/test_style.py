"""Colours stay with their strategies, files are the same twice, and nothing is drawn twice."""

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes

from gradless._core.errors import InputError
from gradless.strategies import STRATEGIES
from gradless.views import style
from gradless.views.curves import curve
from gradless.views.predictions import confusion


def test_every_strategy_has_a_colour_of_its_own():
    assert set(style.STRATEGY_COLORS) == set(STRATEGIES)
    assert len(set(style.STRATEGY_COLORS.values())) == len(STRATEGIES)
    looks = style.looks(STRATEGIES)
    assert {name: look.color for name, look in looks.items()} == style.STRATEGY_COLORS
    assert {look.dashes for look in looks.values()} == {"solid"}


def test_variants_are_shades_and_dashed():
    names = ["snes", "openai_es:sigma=0.1", "openai_es:sigma=0.3", "a"]
    looks = style.looks(names, {"a": "openai_es"})
    assert looks["openai_es:sigma=0.1"] == (style.STRATEGY_COLORS["openai_es"], "solid")
    assert len({looks[name] for name in names}) == 4
    assert looks["openai_es:sigma=0.3"].dashes != "solid"
    assert looks["a"].color not in (looks["openai_es:sigma=0.3"].color, looks["snes"].color)


def test_names_that_are_no_strategies_have_colours_by_place_that_no_other_has():
    looks = style.looks(["fd_lbfgs", "mine", "yours"])
    assert len({look.color for look in looks.values()}) == 3
    many = style.looks([f"number {index}" for index in range(25)])
    assert len(set(many.values())) == 25


def test_a_file_is_the_same_twice_and_of_the_kind_that_its_name_says(tmp_path):
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        paths = [tmp_path / f"{number}.{kind}" for number in range(2)]
        for path in paths:
            curve([1, 2], [2, 1], [2, 1], path, title="")
        first, second = (path.read_bytes() for path in paths)
        assert first.startswith(begins)
        assert first == second
    assert style.save(curve([1], [1], None, title=""), tmp_path / "bare").name == "bare.png"
    with pytest.raises(InputError, match="format"):
        style.save(curve([1], [1], None, title=""), tmp_path / "p.jpeg")


def test_saving_draws_once(tmp_path, monkeypatch):
    drawn = []
    draw = Axes.draw
    monkeypatch.setattr(Axes, "draw", lambda self, *a, **k: (drawn.append(1), draw(self, *a, **k)))
    curve([1, 2], [2, 1], [2, 1], tmp_path / "p.png", title="")
    assert len(drawn) == 1


def test_drawing_leaves_shared_state_alone(tmp_path):
    before = dict(mpl.rcParams)
    confusion([0], [0], ["a"], tmp_path / "p.svg", "")
    assert dict(mpl.rcParams) == before


def test_notebooks_show_figures_without_pyplot():
    assert curve([1], [1], None, title="")._repr_png_().startswith(b"\x89PNG")
