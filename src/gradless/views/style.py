"""How do pictures look? One set of fonts, sizes and colours for all of them.

Pictures of runs, of comparisons, of the documentation and of the examples take everything from
here, so a strategy has the same colour in each. Nothing here touches pyplot or any other state that
is shared.
"""

from __future__ import annotations

import colorsys
import io
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gradless._core import storage, words
from gradless._core.errors import unknown_name

FORMATS = ("png", "pdf", "svg")
DPI = 150
# Okabe and Ito (2008): eight colours that colour-blind readers tell apart, strongest first.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
INK, NOTE, FAINT, GRID = "#222222", "#555555", "#9AA5B1", "#E5E8EB"
GRADIENTS = "#6B7480"
"""Of what is trained with gradients, always dashed."""
TITLE, SUBTITLE, LABEL, TICK, SMALL = 13.0, 10.5, 11.0, 10.0, 9.0
"""Sizes of texts, in points."""

# A strategy keeps its colour in every picture; those that are compared most have the palette's.
STRATEGY_COLORS = {
    "fd_lbfgs": "#0072B2",
    "hill_climbing": "#E69F00",
    "openai_es": "#009E73",
    "cma_es": "#CC79A7",
    "bipop_cma_es": "#A6437C",
    "uh_cma_es": "#8E3B8E",
    "sep_cma_es": "#56B4E9",
    "snes": "#D55E00",
    "random_search": "#222222",
    "pgpe": "#7A5195",
    "xnes": "#8C564B",
    "ars": "#7F7F00",
    "lm_ma_es": "#A50F15",
    "spsa": "#1B9E9E",
    "fzoo": "#2F5D62",
    "simulated_annealing": "#B8860B",
    "differential_evolution": "#3F4FB5",
    "genetic_algorithm": "#5E9C1B",
    "particle_swarm": "#E7298A",
    "coordinate_search": "#6B5B4B",
}
# For names that are none of a strategy, in their order.
_OTHERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A5195", "#8C564B",
           "#7F7F00", "#222222")  # fmt: skip
_DASHES: tuple[Any, ...] = ("solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
_SHADES = (0.0, -0.42, 0.4, -0.65, 0.65)  # of the way to black or white, of a strategy's variants


class Look(NamedTuple):
    """How a line is drawn."""

    color: str
    dashes: Any


def looks(names: Iterable[str], families: Mapping[str, str] | None = None) -> dict[str, Look]:
    """How the lines of strategies look, by the names that they are shown under.

    Parameters
    ----------
    names
        What they are called: a strategy, or a variant, ``openai_es:sigma=0.1``. Variants of a
        strategy are shades of its colour, and dashed; what is no strategy gets a colour by its
        place.
    families
        The strategies of other names, ``{"large steps": "openai_es"}``.
    """
    families = {name: (families or {}).get(name, name.partition(":")[0]) for name in names}
    found: dict[str, Look] = {}
    seen: dict[str, int] = {}
    taken = {STRATEGY_COLORS.get(family) for family in families.values()}
    free = [color for color in _OTHERS if color not in taken] or list(_OTHERS)
    others = [name for name, family in families.items() if family not in STRATEGY_COLORS]
    for name, family in families.items():
        if family in STRATEGY_COLORS:
            variant = seen[family] = seen.get(family, -1) + 1
            color = _shade(STRATEGY_COLORS[family], _SHADES[variant % len(_SHADES)])
            found[name] = Look(color, _DASHES[variant % len(_DASHES)])
        else:
            turn, place = divmod(others.index(name), len(free))
            found[name] = Look(free[place], _DASHES[turn % len(_DASHES)])
    return found


def _shade(color: str, change: float) -> str:
    """The same hue, darker or lighter."""
    if not change:
        return color
    hue, lightness, saturation = colorsys.rgb_to_hls(*mpl.colors.to_rgb(color))
    lightness += change * (lightness if change < 0 else 1 - lightness)
    rgb = colorsys.hls_to_rgb(hue, lightness, saturation)
    return str(mpl.colors.to_hex(rgb))


def class_colors(classes: int) -> npt.NDArray[Any]:
    """Colours of shape (classes, 3); beyond the palette they are taken from a rainbow."""
    if classes <= len(PALETTE):
        return np.array([mpl.colors.to_rgb(color) for color in PALETTE[:classes]])
    rainbow: npt.NDArray[Any] = mpl.colormaps["turbo"](np.linspace(0.05, 0.95, classes))
    return rainbow[:, :3]


# --- Figures --------------------------------------------------------------------------------------


class Picture(Figure):
    """A figure that a notebook shows, whether pyplot was imported or not."""

    def _repr_png_(self) -> bytes:
        shown = io.BytesIO()
        self.savefig(shown, format="png")
        return shown.getvalue()


def blank(width: float, height: float, layout: str | None = None) -> Figure:
    """An empty figure; sizes in inches, ``layout`` as matplotlib has it."""
    figure = Picture(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of one panel; sizes in inches."""
    figure = blank(width, height, "compressed")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # type: ignore[union-attr,call-arg]
    return figure, plain_axes(figure.add_subplot(facecolor="white"))


def square(low: float, high: float, diagonal: str, *, room: float = 0.0) -> tuple[Figure, Axes]:
    """A figure of one square panel, both axes of one range, with a dashed line of that name."""
    figure, axes = canvas(6.0, 6.2)
    ends = (low, high)
    axes.plot(ends, ends, color=INK, linewidth=1.2, linestyle=(0, (6, 4)), label=diagonal)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(low - room, high + room)
    axes.set_aspect("equal")
    axes.grid(color=GRID, linewidth=0.8)
    return figure, axes


def plain_axes(axes: Axes, *, grid: str | None = None) -> Axes:
    """Axes of two thin lines, with a grid along ``grid`` (x, y or both) if that is given."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)
    axes.tick_params(which="both", color=FAINT)
    axes.tick_params(labelcolor=INK, labelsize=TICK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=INK, fontsize=LABEL)
    axes.set_axisbelow(True)
    if grid is not None:
        axes.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    return axes


def titled(
    axes: Axes,
    title: str,
    width: float,
    subtitle: str = "",
    *,
    warning: str = "",
    pad: float = 8,
) -> None:
    """Title at the left above the axes, `width` inches at most; smaller lines below it."""
    above = pad
    for text, color in ((warning, PALETTE[5]), (subtitle, NOTE)):
        if text:
            axes.annotate(
                plain(text), (0, 1), xycoords="axes fraction", xytext=(0, above), color=color,
                fontsize=SUBTITLE, textcoords="offset points", va="bottom",
            )  # fmt: skip
            above += 19
    lines = plain(textwrap.fill(title, int(9 * width)))
    axes.set_title(lines, loc="left", pad=above + 1, fontsize=TITLE, fontweight="bold", color=INK)


def headed(figure: Figure, title: str, subtitle: str, left: float) -> None:
    """Title and subtitle of a figure of several panels, `left` inches from its edge."""
    width, height = figure.get_size_inches()
    lines = ((0.31, title, TITLE, INK, "bold"), (0.63, subtitle, SUBTITLE, NOTE, "normal"))
    for inches, text, size, color, weight in lines:
        figure.text(
            left / width, 1 - inches / height, plain(text), fontsize=size, color=color,
            fontweight=weight, va="center",
        )  # fmt: skip


def save(figure: Figure, path: Path | str) -> Path:
    """Write a figure; missing folders are made, and the suffix chooses the format, PNG without one.

    Raises
    ------
    InputError
        If it is no format of pictures.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    if not path.suffix:
        path = path.with_name(f"{path.name}.png")
    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise unknown_name("format of pictures", kind, FORMATS)
    _lay_out(figure)
    picture = io.BytesIO()
    # The same picture is the same file: no date, no random names.
    about = {"png": None, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with mpl.rc_context({"svg.hashsalt": "gradless", "pdf.fonttype": 42}):
        figure.savefig(picture, dpi=DPI, format=kind, metadata=about)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.write_bytes(path, picture.getvalue())
    return path


def _lay_out(figure: Figure) -> None:
    """Give the axes their places once; savefig would draw everything for that, and then again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        for _ in range(
            2
        ):  # axes of one aspect are as small as they become only after the first time
            engine.execute(figure)
        figure.set_layout_engine(None)


# --- Texts ----------------------------------------------------------------------------------------


def percent(share: float, _position: object = None) -> str:
    """A share at an axis: a whole number of percent, or with as many digits as it needs."""
    return f"{100 * share:.4g}%"


def number(value: float, _position: object = None) -> str:
    """A number at an axis, never a power."""
    return f"{value:,.6g}"


def short(value: float, quantity: str) -> str:
    """A value as the closing table of a run has it."""
    return words.percent(value) if quantity == "accuracy" else words.loss(value)


def given(value: float, quantity: str) -> str:
    """A value that somebody chose, without zeros that they have not written."""
    return percent(value) if quantity == "accuracy" else f"{value:,.4g}"


def cut(name: str, width: int = 24) -> str:
    """A name that leaves room for the picture."""
    return name if len(name) <= width else name[: width - 1].rstrip() + "…"


def plain(text: str) -> str:
    """Text in which matplotlib sees no formulas."""
    return text.replace("$", r"\$")


def listed(parts: Iterable[str]) -> str:
    """Facts in one line."""
    return ", ".join(part for part in parts if part)
