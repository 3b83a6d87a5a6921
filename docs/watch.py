"""Take the picture of the live page: runs of a few seconds, and one that is running.

    python docs/watch.py        writes docs/watch.png

It needs the extra live, the group web, and Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).with_suffix(".png")
ENDED = (("spiral", "--time", "3"), ("iris", "--time", "2"), ("moons", "--time", "2"))


def main() -> None:
    """Train, watch, look."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the group web

    gradless = [sys.executable, "-m", "gradless"]
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        for data, *more in ENDED:
            command = [*gradless, "train", data, *more, "--quiet", "--out", str(runs / data)]
            subprocess.run(command, check=True)
        long = ["--strategy", "openai_es", "--time", "60", "--quiet"]
        training = subprocess.Popen(
            [*gradless, "train", "spiral", *long, "--out", str(runs / "es")]
        )
        watching = subprocess.Popen(
            [*gradless, "watch", str(runs), "--no-browser"], stdout=subprocess.PIPE, text=True
        )
        assert watching.stdout is not None
        address = watching.stdout.readline().split(": ", 1)[1].strip()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", shutil.which("chromium")),
                args=["--no-sandbox"],
            )
            page = browser.new_page(viewport={"width": 1280, "height": 760})
            page.goto(address)
            page.locator(".status.running").wait_for(timeout=60_000)
            page.wait_for_timeout(15_000)
            page.evaluate("document.querySelector('#root').textContent = 'in runs'")
            page.screenshot(path=PICTURE)
            browser.close()
        training.terminate()
        watching.terminate()
        training.wait()
        watching.wait()
    print(PICTURE)


if __name__ == "__main__":
    main()
