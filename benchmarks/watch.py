"""What does it cost to watch many long runs?

    python -m benchmarks.watch                  100 runs of 100,000 rows, followed for ten minutes
    python -m benchmarks.watch --seconds 30

Makes the folder, serves it with ``gradless watch``, opens the page in Chromium (group ``web``), and
appends a row to every run every second while the page shows one of them. Figures are of the
server's process: seconds of processor, and its memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HEADER = "evaluations,seconds,loss,best_loss,accuracy,best_accuracy\n"
CONFIG = {
    "recipe": {"data": "spiral", "strategy": "openai_es", "objective": "cross_entropy"},
    "network": {"sizes": [2, 64, 3]},
}
FRAMES = """() => new Promise(done => {
  let frames = 0;
  const begun = performance.now();
  const count = () => {
    frames++;
    const passed = performance.now() - begun;
    if (passed < 5000) requestAnimationFrame(count);
    else done(1000 * frames / passed);
  };
  requestAnimationFrame(count);
})"""


def row(number: int) -> str:
    """A line of live.csv."""
    best = 1 / number
    return f"{100 * number},{number},{best + 0.01 * (number % 3):.9g},{best:.9g},0.5,0.6\n"


def make(folder: Path, runs: int, points: int) -> list[Path]:
    """Runs of another machine, as far as a page can tell."""
    text = HEADER + "".join(map(row, range(1, points + 1)))
    made = [folder / f"run{number:03}" for number in range(runs)]
    for each in made:
        each.mkdir()
        (each / "config.json").write_text(json.dumps(CONFIG))
        (each / "status.json").write_text(json.dumps({"status": "running", "why": None}))
        (each / "lock").write_text("process 1 on another machine")
        (each / "live.csv").write_text(text)
    return made


def measure(folder: Path, runs: int, points: int, seconds: float) -> None:
    """Serve, open, follow; print what that took."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the group web

    made = make(folder, runs, points)
    command = [sys.executable, "-m", "gradless", "watch", str(folder), "--no-browser"]
    begun = time.monotonic()
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    address = served.stdout.readline().split(": ", 1)[1].strip()
    server = psutil.Process(served.pid)
    print(f"start            {time.monotonic() - begun:.1f} s, {used(server):.1f} s of processor")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        begun = time.monotonic()
        page.goto(address)
        page.locator("#runs li").nth(runs - 1).wait_for()
        page.locator("#chart canvas").wait_for()
        print(f"page shown       {time.monotonic() - begun:.2f} s")
        before, first, begun = used(server), memory(server), time.monotonic()
        number, frames = points, None
        while time.monotonic() < begun + seconds:
            number += 1
            for each in made:
                with (each / "live.csv").open("a") as file:
                    file.write(row(number))
            if frames is None and number > points + 5:
                frames = page.evaluate(FRAMES)
            page.wait_for_timeout(max(0, 1000 * (begun + number - points - time.monotonic())))
        passed = time.monotonic() - begun
        share = 100 * (used(server) - before) / passed
        print(f"followed         {passed:.0f} s, {share:.1f} % of a core")
        print(f"memory           {first:.0f} MB, then {memory(server):.0f} MB")
        if frames is not None:
            print(f"frames a second  {frames:.0f}")
        browser.close()
    served.terminate()
    served.wait()


def used(process: psutil.Process) -> float:
    """Seconds of processor so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def memory(process: psutil.Process) -> float:
    """Megabytes that it holds."""
    return float(process.memory_info().rss) / 1e6


def main() -> None:
    """Measure in a folder that is gone afterwards."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.runs, given.points, given.seconds)


if __name__ == "__main__":
    main()
