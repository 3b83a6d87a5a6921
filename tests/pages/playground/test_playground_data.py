"""Points of one's own on the playground: tables, good and bad, and drawing."""

import numpy as np
import pytest

from helpers.playground import address_says, choose, drop, evaluations, wait_for

pytestmark = pytest.mark.browser

FLOWERS = "length,width,kind\n" + "\n".join(
    f"{1 + 0.1 * i},{0.2 + 0.01 * i},setosa\n{4 + 0.1 * i},{1.2 + 0.01 * i},versicolor"
    for i in range(12)
)
GOOD = {
    "with names": FLOWERS,
    "without names": FLOWERS.split("\n", 1)[1],
    "classes first": "kind,a,b\n" + "\n".join(f"k{i % 3},{i},{-i}" for i in range(9)),
    "numbers as classes": "\n".join(f"{i},{i * i},{i % 2}" for i in range(8)),
    "semicolons and decimal commas": "a;b;k\n1,5;2;u\n2,5;1;v\n3,5;0;u",
    "tabs": "1\t2\tu\n3\t4\tv",
    "quotes, a blank line and Windows": '\ufeff"a","b","k"\r\n1,2,"u, v"\r\n\r\n3,4,w\r\n',
}
BAD = {
    "": "The file is empty",
    "hello": "one column",
    "a,b\n1,2": "2 columns",
    "a,b,k\n1,2,u\n3,x,v": "Line 3 has “x” where a number must be",
    "1,2,0\n3,4,1\n5,6": "Line 3 has 2 columns",
    "1,2,u\n3,4,u": "1 class; there must be 2 to 6",
    "\n".join(f"{i},1,k{i}" for i in range(9)): "9 classes",
    "1,2,u\n3,4,": "Line 2 has no class",
}


def table(page):
    """The points, as the page saves them."""
    with page.expect_download() as saved:
        page.click("#save-points")
    return np.loadtxt(saved.value.path(), delimiter=",", skiprows=1, ndmin=2)


@pytest.fixture(scope="module")
def page(browser, address):
    """One page for all tables: the next must not mind what the last one was."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}?hidden=4&strategy=openai_es&population=8")
    yield page
    context.close()


@pytest.mark.parametrize("kind", GOOD)
def test_a_table_is_learned_from(page, kind):
    drop(page, "mine.csv", GOOD[kind])
    page.locator("#file-note", has_text="mine.csv").wait_for()
    assert page.locator("#file-error").is_hidden()
    address_says(page, "data=table&")
    address_says(page, "#points=")  # which no server is told
    assert page.locator("#data").input_value() == "table"
    page.click("#one")
    wait_for(page)
    points = table(page)
    np.testing.assert_allclose(points[:, :2].mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(points[:, :2].std(0), 1, atol=1e-3)
    page.click("#reset")


def test_columns_and_classes_are_the_right_ones(page):
    drop(page, "mine.csv", GOOD["classes first"])
    page.locator("#file-note", has_text="k0, k1, k2").wait_for()
    points = table(page)
    scaled = (np.arange(9) - 4) / np.arange(9).std()
    np.testing.assert_allclose(points, np.c_[scaled, -scaled, np.arange(9) % 3], atol=1e-3)


@pytest.mark.parametrize("text", BAD)
def test_a_bad_table_is_answered_by_what_it_must_be(page, text):
    before = page.inner_text("#command")
    drop(page, "bad.csv", text)
    error = page.locator("#file-error", has_text=BAD[text])
    error.wait_for()
    assert "two of numbers and one of classes" in error.inner_text()
    assert page.inner_text("#command") == before


def test_a_table_can_be_chosen_too_and_a_large_one_is_thinned(calm, tmp_path):
    page = calm()
    file = tmp_path / "large.csv"
    file.write_text("\n".join(f"{i},{i % 7},{i % 2}" for i in range(3001)))
    page.set_input_files("#file", file)
    page.locator("#file-note", has_text="of 3001, every 7th").wait_for()
    assert len(table(page)) == 429


def test_points_are_drawn_with_the_mouse(visit):
    page = visit("?hidden=4&strategy=openai_es&population=8")
    choose(page, "data", "drawn")
    assert "Draw points of two classes" in page.inner_text("#reached")
    box = page.locator("#boundary").bounding_box()
    at = lambda x, y: (box["x"] + box["width"] * x, box["y"] + box["height"] * y)  # noqa: E731
    page.mouse.click(*at(0.25, 0.25))
    page.check("#brushes input[value='1']")
    page.mouse.move(*at(0.5, 0.75))
    page.mouse.down()
    page.mouse.move(*at(0.9, 0.75), steps=12)
    page.mouse.up()
    points = table(page)
    np.testing.assert_allclose(points[0], [-0.5, 0.5, 0], atol=0.01)
    assert set(points[1:, 2]) == {1}
    assert len(points) > 5
    page.click("#play")
    wait_for(page, 100)
    page.click("#undo")
    assert len(table(page)) == len(points) - 1
    page.click("#clear")
    page.locator("#reached", has_text="Draw points").wait_for()
    assert evaluations(page) == 0
