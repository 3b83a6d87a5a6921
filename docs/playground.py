"""Picture the playground: a search on the spiral, in the Chromium of this machine.

pip install --group web && python docs/playground.py        writes docs/playground.png
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from gradless.pages.playground.server import Server

PICTURE = Path(__file__).with_suffix(".png")
VIEW = (
    "?data=spiral&hidden=64&activation=relu&strategy=openai_es&sigma=0.2&learning_rate=0.1"
    "&population=64&seed=0&speed=full&until=400000&step=5"
)


def main() -> None:
    """Wait until the search has tried as many networks as the address says, and look."""
    with Server() as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1160})
        page.goto(server.address + VIEW)
        page.locator("#play", has_text="Play").wait_for(timeout=300_000)
        page.wait_for_timeout(1000)  # what is read is drawn a moment later
        page.screenshot(path=PICTURE)
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main()
