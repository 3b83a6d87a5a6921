"""What do pages of the site look like? Pictures of them, by Chromium, wide, narrow and dark."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from docs.site.serve import server

import gradless

PAGES = {
    "home": "",
    "learn": "learn/",
    "tables": "tables/",
    "functions": "reference/functions/",
    "notebook": "examples/learner/",
    "command": "reference/commands/train/",
}
LOOKS = {"wide": (1280, 900, "light"), "dark": (1280, 900, "dark"), "phone": (360, 780, "light")}


def take(site: Path) -> None:
    """Write ``screenshots/PAGE-LOOK.png`` beside the site."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the group web

    folder = site.parent / "screenshots"
    folder.mkdir(exist_ok=True)
    with server(site, 0) as serving, sync_playwright() as playwright:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{serving.server_port}/{gradless.__version__}/"
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        for look, (width, height, scheme) in LOOKS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            for name, place in PAGES.items():
                page.goto(root + place)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{look}.png")
        browser.close()
        serving.shutdown()
    print(folder)
