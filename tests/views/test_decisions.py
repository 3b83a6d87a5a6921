"""The plane shows what a network decides where, how surely, and where it is wrong."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from gradless.views.decisions import MARKERS, decision_boundary
from gradless.views.style import PALETTE
from helpers.figures import labels, png_size, texts


def by_first_feature(features: np.ndarray) -> np.ndarray:
    """Class 1 to the right of 0, surely."""
    assert features.dtype == np.float32
    right = features[:, :1] > 0
    return np.concatenate([~right, right], axis=1).astype(np.float32)


def draw_boundary(
    path: Path | None, predict=by_first_feature, scale=(1.0, 1.0), **options
) -> Figure:
    rng = np.random.default_rng(0)
    features = rng.uniform(-1, 1, (60, 2)) * scale
    targets = (features[:, 0] > 0).astype(np.int64)
    return decision_boundary(
        predict, features, targets, ["left", "right $ $"], ["width", "height"], path, "halves",
        **options,
    )  # fmt: skip


def points(figure: Figure, label: str):
    """The points of a class, or the rings."""
    (found,) = [each for each in figure.axes[0].collections if each.get_label() == label]
    return found


def test_decision_boundary_colours_regions_and_points_by_class(tmp_path):
    figure = draw_boundary(tmp_path / "p.png")
    axes = figure.axes[0]
    assert png_size(tmp_path / "p.png") == (1050, 900)
    assert labels(figure) == ["left", r"right \$ \$"]
    assert axes.get_legend().get_title().get_text() == "class"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("width", "height")
    assert axes.get_aspect() == 1
    assert texts(figure) == ["accuracy 100.0% of 60 training points"]

    image = np.asarray(axes.images[0].get_array())
    blue, orange = (np.array(to_rgb(color)) for color in PALETTE[:2])
    for region, near, far in ((image[:, 0], blue, orange), (image[:, -1], orange, blue)):
        assert (np.ptp(region, axis=0) < 1e-12).all()
        assert np.abs(region[0] - near).sum() < np.abs(region[0] - far).sum()
    shapes = set()
    for index, color in enumerate((blue, orange)):
        shown = points(figure, f"training points, class {index}")
        x = np.asarray(shown.get_offsets())[:, 0]
        assert ((x > 0) == bool(index)).all()
        np.testing.assert_allclose(np.asarray(shown.get_facecolor())[0, :3], color)
        shapes.add(len(shown.get_paths()[0].vertices))
    assert len(shapes) == 2  # a marker for each class

    # Equal margins: the points lie in the middle.
    x = np.concatenate([np.asarray(each.get_offsets())[:, 0] for each in axes.collections])
    low, high = axes.get_xlim()
    assert x.min() - low == pytest.approx(high - x.max())
    assert x.min() > low


def shifted(by: float):
    """Class 1 to the right of this, surely."""
    return lambda features: by_first_feature((features - by).astype(np.float32))


def test_points_that_are_wrong_have_a_ring_and_are_counted():
    figure = draw_boundary(None, shifted(0.1))
    rings = np.asarray(points(figure, "wrong").get_offsets())
    assert ((rings[:, 0] > 0) & (rings[:, 0] <= 0.1)).all()
    wrong = len(rings)
    assert 0 < wrong <= 6
    assert texts(figure) == [f"accuracy {1 - wrong / 60:.1%} of 60 training points"]
    (below,) = [each for each in figure.axes[0].artists if hasattr(each, "get_texts")]
    assert [text.get_text() for text in below.get_texts()] == [f"wrong ({wrong})"]


def test_many_wrong_points_have_no_rings_that_would_hide_them():
    figure = draw_boundary(None, shifted(2.0))
    assert "wrong" not in {each.get_label() for each in figure.axes[0].collections}


def test_borders_are_finer_than_what_the_network_was_asked():
    def diagonal(features):
        right = 1 / (1 + np.exp(-30 * (features[:, :1] + features[:, 1:])))
        return np.concatenate([1 - right, right], axis=1)

    image = np.asarray(draw_boundary(None, diagonal).axes[0].images[0].get_array())
    assert len(image) == 600  # twice as fine as the grid
    # Along the border no step is as long as two points of the grid.
    borders = np.argmax(image[:, :, 0] > 0.8, axis=1)
    inside = borders[(borders > 10) & (borders < 590)]
    assert np.abs(np.diff(inside)).max() <= 2


def test_decision_boundary_pales_with_doubt():
    def doubtful(features):
        return np.full((len(features), 2), 0.5)

    def lost(features):
        return np.full((len(features), 2), np.nan)

    for predict in (doubtful, lost):
        image = np.asarray(draw_boundary(None, predict).axes[0].images[0].get_array())
        np.testing.assert_allclose(image, 1)


def test_decision_boundary_with_test_points_and_unlike_ranges():
    figure = draw_boundary(None, scale=(1.0, 100.0), test_features=[[0.5, 200.0]], test_targets=[1])
    (below,) = [each for each in figure.axes[0].artists if hasattr(each, "get_texts")]
    assert [text.get_text() for text in below.get_texts()] == ["training points", "test points"]
    assert texts(figure) == ["accuracy 100.0% of 60 training points and 100.0% of 1 test points"]
    assert figure.axes[0].get_ylim()[1] > 200
    assert figure.axes[0].get_aspect() == "auto"


def test_decision_boundary_with_more_classes_than_the_palette_keeps_them_apart():
    classes = 12
    figure = decision_boundary(
        lambda features: np.eye(classes)[np.zeros(len(features), int)],
        np.random.default_rng(0).random((classes, 2)), np.arange(classes),
        [f"class {index}" for index in range(classes)], ["x", "y"], None, "",
    )  # fmt: skip
    shown = [each for each in figure.axes[0].collections if "class" in str(each.get_label())]
    colors = np.concatenate([each.get_facecolor() for each in shown])
    assert len(np.unique(colors, axis=0)) == classes > len(MARKERS)


def test_decision_boundary_refuses_what_it_cannot_draw(tmp_path):
    with pytest.raises(ValueError, match="one column per class name"):
        draw_boundary(tmp_path / "p.png", lambda features: np.ones((len(features), 3)))
    with pytest.raises(ValueError, match="two features"):
        decision_boundary(
            by_first_feature, np.ones((3, 4)), [0, 1, 0], "ab", "xy", tmp_path / "p.png", ""
        )
    assert not list(tmp_path.iterdir())


def test_what_edges_and_rings_mean_is_inside_of_the_picture(tmp_path):
    figure = draw_boundary(
        tmp_path / "p.png", shifted(0.1), scale=(1.0, 0.6), test_features=[[0.5, 0.1]],
        test_targets=[1],
    )  # fmt: skip
    width, height = figure.canvas.get_width_height()
    (below,) = [each for each in figure.axes[0].artists if hasattr(each, "get_texts")]
    for legend in (below, figure.axes[0].get_legend()):
        box = legend.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
    assert figure.get_figheight() < 6  # no empty space above and below
