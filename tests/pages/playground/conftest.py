"""The page as a browser shows it, from the server that users start."""

import importlib.util
import threading

import pytest

from gradless.pages.playground.server import Server

# Without the dependency group web there is nothing to drive a browser with.
if importlib.util.find_spec("playwright") is None:
    collect_ignore = [f"test_playground_{name}.py" for name in ("controls", "data", "people")]


@pytest.fixture(scope="session")
def address():
    """Of the page."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.address
        server.shutdown()


@pytest.fixture
def visit(browser, address):
    """A function that opens the page; at the end, nothing may have gone wrong in any of them."""
    contexts, wrong = [], []

    def visit(query="", **kind):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **kind})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address + query)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def calm(visit):
    """A function that opens the page for somebody who wants no motion: it waits to be started."""
    return lambda query="", **kind: visit(query, reduced_motion="reduce", **kind)
