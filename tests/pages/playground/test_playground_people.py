"""The playground for everybody: its story, links, keyboards, screen readers, phones, dark rooms."""

import re

import pytest

from helpers.playground import (
    address_says,
    choose,
    complaints,
    evaluations,
    loss,
    slide,
    wait_for,
    write,
)

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
STEPS = ["Guess", "Guess near the best", "Why it stalls", "A crowd",
         "The average of a crowd is a slope", "Steps and coins", "Your data"]  # fmt: skip


def test_the_story_is_told_in_seven_steps(visit):
    page = visit()
    for number, title in enumerate(STEPS, 1):
        if number == 1:
            page.click(f"#steps a >> text={title}")
        else:
            page.click("#telling-next")
        page.locator("#telling-title", has_text=f"{number}. {title}").wait_for()
        assert page.locator("#steps a[aria-current]").inner_text() == title
        sentences = re.findall(r"[.?:]( |$)", page.inner_text("#telling-text"))
        assert 2 <= len(sentences) <= 7
        wait_for(page, 10)
    page.go_back()
    page.locator("#telling-title", has_text="6. Steps and coins").wait_for()


def test_each_step_is_a_link_of_its_own(visit):
    page = visit()
    links = page.locator("#steps a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert len(links) == 7
    page = visit(links[1])
    page.locator("#telling-title", has_text="2. Guess near the best").wait_for()
    assert page.locator("#strategy").input_value() == "hill_climbing"
    assert page.locator("#data").input_value() == "vertical"


def test_a_shared_link_shows_the_same_run(calm):
    page = calm("?step=3")
    choose(page, "data", "moons")
    slide(page, "samples", 120)
    slide(page, "noise", 0.3)
    choose(page, "layers", "2")
    write(page, "neurons-0", 6)
    write(page, "neurons-1", 3)
    choose(page, "activation", "tanh")
    choose(page, "strategy", "openai_es")
    write(page, "number-population", 12)
    write(page, "seed", 42)
    page.click("#race")
    choose(page, "strategy", "hill_climbing")
    write(page, "number-sigma", 0.2)
    address_says(page, "rival-sigma=0.2")
    shared = calm(page.url[page.url.index("?") :])
    seen = []
    for one in page, shared:
        for side in "ab":
            one.click(f"#side-{side}")
            seen.append(one.inner_text("#command"))
        one.click("#side-a")
        for generation in range(1, 4):
            one.click("#one")
            wait_for(one, 13 * generation - 1)
        seen.append((evaluations(one), loss(one), one.inner_text("#log")))
    assert seen[:3] == seen[3:]
    assert evaluations(shared) == 39


@pytest.mark.parametrize("query", ["?data=none&hidden=a&sigma=-1&seed=x&speed=9&step=99&axis=z",
                                   "?hidden=1,2,3,4,5&samples=1e9&noise=NaN&strategy=<b>",
                                   "?data=drawn#points=;;a,b,c;1,2,99;1,2"])  # fmt: skip
def test_a_broken_link_is_no_broken_page(calm, query):
    page = calm(query)
    page.locator("#reached", has_text=re.compile("before the first|Draw points")).wait_for()
    if "drawn" not in query:
        page.click("#one")
        wait_for(page)


def test_the_keyboard_is_enough(calm):
    page = calm("?data=vertical&hidden=3&strategy=openai_es&population=8")

    def tab_to(name):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("() => document.activeElement.id") == name:
                return
        raise AssertionError(f"{name} is not reached")

    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    tab_to("data")
    page.keyboard.press("s")  # spiral
    address_says(page, "data=spiral")
    tab_to("noise")
    page.keyboard.press("ArrowRight")
    address_says(page, "noise=0.25")
    tab_to("play")
    page.keyboard.press("Enter")
    wait_for(page, 20)
    page.keyboard.press("Space")
    page.locator("#status", has_text="Paused").wait_for()
    tab_to("speed")
    page.keyboard.press("a")  # as fast as it can
    address_says(page, "speed=full")
    tab_to("quiz-start")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#quiz .right").count() == 1


def test_points_are_drawn_with_the_keyboard(calm):
    page = calm("?data=drawn&hidden=4&strategy=openai_es&population=8")
    picture = page.locator("#boundary")
    picture.focus()
    for key in "ArrowLeft", "Shift+ArrowUp", "Enter":
        page.keyboard.press(key)
    address_says(page, "points=-0.05,0.2,0")
    page.locator("#brushes input[value='2']").focus()
    page.keyboard.press("Space")
    picture.focus()
    page.keyboard.press("Enter")
    address_says(page, "points=-0.05,0.2,0;0,0,2")
    page.keyboard.press("Backspace")
    page.wait_for_function("() => location.href.endsWith('#points=-0.05,0.2,0')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "query", ["?step=6&strategy=openai_es&rival-strategy=hill_climbing", "?data=drawn&step=7"]
)
def test_a_screen_reader_finds_names_for_everything(calm, query, scheme):
    page = calm(query, color_scheme=scheme)
    page.click("#quiz-start")
    page.locator("#quiz .row button").first.click()
    assert complaints(page) == []


def test_pictures_are_told_in_words(calm):
    page = calm("?data=vertical&hidden=3&strategy=openai_es&population=8")
    page.click("#one")
    page.locator("#boundary[aria-label*='of the points right']").wait_for()
    for name, words in {
        "strip": "best first: 8, losses from",
        "chart-loss": "Loss of the best network",
        "chart-accuracy": "Accuracy so far",
        "chart-step": "Step size: 0.1",
        "cloud": "8 candidates around the center",
        "wiring": "layers of 2, 3, 3 neurons, 21 weights",
    }.items():
        assert words in page.locator(f"#{name}").get_attribute("aria-label")


@pytest.mark.parametrize(
    "query", ["?step=5", "?step=6&rival-strategy=hill_climbing", "?data=drawn"]
)
def test_a_phone_shows_it_all_without_scrolling_sideways(calm, query):
    page = calm(query, **PHONE)
    page.click("#one") if "drawn" not in query else None
    page.click("#quiz-start")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    width = page.locator("#boundary").bounding_box()["width"]
    assert width > (140 if "rival" in query else 320)
    for name in "play", "one", "reset":
        assert page.locator(f"#{name}").bounding_box()["height"] >= 44
    assert complaints(page) == []


def test_a_dark_room_gets_a_dark_page(calm):
    shown = {}
    for scheme in "light", "dark":
        page = calm("?data=vertical&hidden=3", color_scheme=scheme)
        page.locator("#reached", has_text="before").wait_for()
        page.wait_for_timeout(200)
        shown[scheme] = page.evaluate(
            """() => {
              const sum = (parts) => parts.slice(0, 3).reduce((a, b) => a + Number(b), 0);
              const picture = document.getElementById("boundary");
              const pixel = picture.getContext("2d").getImageData(3, 3, 1, 1).data;
              return [
                sum(getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g)),
                pixel[0] + pixel[1] + pixel[2],
              ];
            }"""
        )
    assert all(shown["light"][i] > 450 > shown["dark"][i] for i in (0, 1))
    page.emulate_media(color_scheme="light")  # while the page is open
    page.wait_for_timeout(300)
    pixel = (
        "() => document.getElementById('boundary').getContext('2d').getImageData(3,3,1,1).data[0]"
    )
    assert page.evaluate(pixel) > 150


def test_nothing_moves_for_who_wants_no_motion_until_it_is_started(calm):
    page = calm("?step=2")
    page.wait_for_timeout(700)
    assert evaluations(page) == 0
    assert page.inner_text("#play") == "Play"
    page.click("#steps a >> text=Why it stalls")
    page.wait_for_timeout(500)
    assert evaluations(page) == 0
    page.click("#play")
    wait_for(page, 10)
