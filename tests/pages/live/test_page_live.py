"""The live page in a browser, while runs train, are stopped, killed and resumed."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pages.live.conftest import make_run, rows

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def visit(browser):
    """A function that opens an address; nothing may go wrong in the page."""
    contexts, wrong = [], []

    def visit(address, **kind):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **kind})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    refused = ("ERR_", "409", "403")  # which tests bring about, and the browser tells
    assert not [text for text in wrong if not any(each in text for each in refused)]


def test_a_run_is_watched_while_it_trains_stopped_and_resumed(visit, watching, tmp_path):
    address, _ = watching(tmp_path / "runs")
    pages = [visit(address), visit(address)]  # two browsers at once
    for page in pages:
        page.get_by_text("No runs here yet.").wait_for()
    run = tmp_path / "runs" / "spiral"
    training = subprocess.Popen(
        [sys.executable, "-m", "gradless", "train", "spiral", "--strategy", "openai_es", "--time",
         "300", "--out", str(run), "--quiet"], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for page in pages:
        page.locator(".status.running").wait_for(timeout=60_000)
        page.locator("#chart canvas").wait_for(timeout=60_000)
    evaluations = pages[0].locator("dl div", has_text="evaluations").locator("dd")
    before = evaluations.inner_text()
    pages[0].wait_for_function(
        "before => [...document.querySelectorAll('dl div')].some(x =>"
        " x.firstChild.textContent === 'evaluations' && x.lastChild.textContent !== before)",
        arg=before,
    )
    pages[0].get_by_role("button", name="Stop and save").click()
    assert training.wait(180) == 143
    assert "saved" in training.stderr.read()
    training.stderr.close()
    for page in pages:
        page.locator(".status.interrupted").first.wait_for()
        page.locator("figure img").first.wait_for()
    pages[1].get_by_role("button", name="Resume").click()
    for page in pages:
        page.locator(".status.running").wait_for(timeout=60_000)
    os.kill(int((run / "lock").read_text().split()[1]), 9)  # and killed, it is seen to be
    for page in pages:
        page.locator(".status.interrupted").first.wait_for()


def test_several_runs_are_laid_over_each_other_and_a_link_shows_them(visit, watching, runs):
    page = visit(watching(runs)[0])
    for name in ("first", "deep/second"):
        page.get_by_label(f"Lay {name} over others").check()
    page.get_by_role("heading", name="2 runs").wait_for()
    assert page.locator(".u-series").count() == 3
    page.locator("#what").select_option("accuracy")
    page.locator("#over").select_option("seconds")
    page.get_by_label("logarithmic").uncheck()
    again = visit(page.url)
    again.get_by_role("heading", name="2 runs").wait_for()


def test_by_keyboard_alone(visit, watching, runs):
    page = visit(watching(runs)[0])
    page.get_by_role("button", name="first").wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.key") == "first":
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="first", exact=True).wait_for()
    page.get_by_text("It stands still.").wait_for()
    # What has the focus keeps it when the list is drawn anew.
    with (runs / "first" / "live.csv").open("a") as file:
        file.write(rows(51, 70))
    page.locator("dd", has_text="6,900").wait_for()
    assert page.evaluate("document.activeElement.dataset.key") == "first"


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"color_scheme": "dark"},
        {"viewport": {"width": 360, "height": 780}},
        {"reduced_motion": "reduce"},
    ],
    ids=["light", "dark", "narrow", "calm"],
)
def test_everybody_can_read_it(visit, watching, runs, kind):
    page = visit(watching(runs)[0], **kind)
    page.get_by_role("button", name="first").click()
    page.get_by_text("It stands still.").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(found => found.violations)")
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def test_a_run_that_is_deleted_goes_and_one_without_a_token_cannot_be_stopped(
    visit, watching, runs
):
    address, _ = watching(runs)
    page = visit(address.partition("?")[0])
    page.get_by_role("button", name="deep/second").click()
    page.get_by_role("button", name="Stop and save").click()
    page.get_by_text("open the page by the address that gradless watch printed").wait_for()
    for path in (runs / "first").iterdir():
        path.unlink()
    (runs / "first").rmdir()
    page.wait_for_function("() => document.querySelectorAll('#runs li').length === 1")


def test_a_hundred_long_runs_are_followed_and_found(visit, watching, tmp_path):
    text = rows(1, 20_001)
    for number in range(100):
        run = make_run(tmp_path / f"run{number:03}", status="running", count=1)
        (run / "live.csv").write_text((run / "live.csv").read_text() + text)
        (run / "lock").write_text(f"process 1 on not-{platform.node()}")
    page = visit(watching(tmp_path)[0])
    page.locator("#runs li").nth(99).wait_for()
    page.get_by_label("Find").press_sequentially("run042")
    page.get_by_role("button", name="run042").click()
    page.locator("dd", has_text="2,000,000").wait_for()
    assert page.locator("#runs li").count() == 1
    # Others that grow neither come back nor take the focus away.
    for number in (7, 42):
        with (tmp_path / f"run{number:03}" / "live.csv").open("a") as file:
            file.write(rows(20_001, 20_101))
    page.locator("dd", has_text="2,010,000").wait_for()
    assert page.locator("#runs li").count() == 1
    assert page.evaluate("document.activeElement.dataset.key") == "run042"
    page.get_by_label("Find").fill("nothing like it")
    page.get_by_text("No run has that").wait_for()


def test_an_answer_that_comes_late_overwrites_no_later_one(visit, watching, runs):
    page = visit(watching(runs)[0])
    page.get_by_role("button", name="first").click()
    page.locator("#improvements li").nth(49).wait_for()
    held = []
    page.route("**/api/curve*", lambda route: route.continue_() if held else held.append(route))

    def grow(begin):
        with (runs / "first" / "live.csv").open("a") as file:
            file.write(rows(begin, begin + 10))

    grow(51)
    while not held:
        page.wait_for_timeout(100)
    late = held[0].fetch()
    grow(61)
    page.wait_for_timeout(2500)
    held[0].fulfill(response=late)
    page.locator("#improvements li", has_text="evaluation 7,000,").wait_for()
    page.wait_for_timeout(500)
    assert page.locator("#improvements li").first.inner_text().startswith("evaluation 7,000,")


def test_what_got_better_is_told_the_latest_first(visit, watching, runs):
    page = visit(watching(runs)[0])
    page.get_by_role("button", name="first").click()
    told = page.locator("#improvements li")
    told.nth(49).wait_for()
    assert told.first.inner_text() == "evaluation 5,000, cross entropy 0.01961, accuracy 60.0 %"
    assert told.last.inner_text().startswith("evaluation 100, ")
