"""How is the site built? Sources are written, MkDocs builds them, the result is looked through."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docs.site import notebooks, pages, reference
from docs.site.places import CONFIG, PLAYGROUND, ROOT, SOURCE

import gradless

_NEEDED = ("mkdocs", "material", "mkdocstrings", "jupytext", "nbclient", "nbconvert")
# What a browser would load: not links that a person follows.
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=["']?(https?:)?//[^\s"'>]+"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|icon|preconnect|dns-prefetch))"""
    r"""[^>]*?\bhref=["']?(https?:)?//[^\s"'>]+"""
    r"""|url\(\s*["']?(https?:)?//[^)]+\)|@import\s+["'](https?:)?//[^"']+""",
    re.IGNORECASE,
)


def build(site: Path, *, run_examples: bool) -> Path:
    """Build this version of the site into a folder of its name; returns that folder.

    Versions that are there stay, and ``versions.json`` lists all.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        sys.exit(f"The site needs {', '.join(missing)}. Type: pip install -e . --group docs")
    nav = write_source(run_examples=run_examples)
    folder = site / gradless.__version__
    config = _config(nav)
    try:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean",
                   "--config-file", str(config), "--site-dir", str(folder.resolve())]  # fmt: skip
        if code := subprocess.run(
            command, cwd=ROOT, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
        ).returncode:
            sys.exit(code)
    finally:
        config.unlink()
    if PLAYGROUND.exists():
        shutil.copytree(PLAYGROUND, folder / "play")
    _write_llms(folder)
    _write_versions(site)
    if loaded := from_networks(folder):
        sys.exit("These pages load something from a network:\n" + "\n".join(loaded))
    return folder


def write_source(*, run_examples: bool) -> list[Any]:
    """Write all that MkDocs reads; returns the navigation's part of the reference."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    pages.write(SOURCE)
    shutil.copy(Path(__file__).with_name("site.css"), SOURCE)
    notebooks.write(SOURCE / "examples", run=run_examples)
    return reference.write(SOURCE)


def from_networks(folder: Path) -> list[str]:
    """What pages would load from elsewhere, with the file that does."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css"):
            text = path.read_text(encoding="utf-8")
            found += [f"{path.relative_to(folder)}: {m[0]}" for m in _LOADED.finditer(text)]
    return found


def _config(nav: list[Any]) -> Path:
    """The configuration with the pages that were made, beside the one that is kept."""
    lines = json.dumps(nav, ensure_ascii=False)
    text = CONFIG.read_text(encoding="utf-8").replace("- Reference: []", f"- Reference: {lines}")
    if PLAYGROUND.exists():
        text = text.replace("  - Learn:\n", "  - Play: play/\n  - Learn:\n")
    path = CONFIG.with_name("mkdocs.partial.yml")
    path.write_text(text, encoding="utf-8")
    return path


def _write_versions(site: Path) -> None:
    """List the versions that are there, newest first; the front page leads to the newest."""
    versions = sorted(
        (each.parent.name for each in site.glob("*/index.html")),
        key=lambda name: [int(part) if part.isdigit() else 0 for part in name.split(".")],
        reverse=True,
    )
    listed = [{"version": name, "title": name, "aliases": []} for name in versions]
    (site / "versions.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    (site / "index.html").write_text(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>gradless</title>"
        f"<meta http-equiv='refresh' content='0; url={versions[0]}/'></head>"
        f"<body><a href='{versions[0]}/'>gradless {versions[0]}</a></body></html>\n",
        encoding="utf-8",
    )


def _write_llms(folder: Path) -> None:
    """``llms.txt`` (llmstxt.org): what the site has, and the pages as Markdown beside it."""
    lines = ["# gradless", "", "> Train neural networks without gradients.", "", "## Pages", ""]
    target = folder / "markdown"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for page in sorted(SOURCE.glob("*.md")):
        shutil.copy(page, target)
        text = page.read_text(encoding="utf-8")
        title = next((x[2:] for x in text.splitlines() if x.startswith("# ")), page.stem)
        lines.append(f"- [{title}](markdown/{page.name})")
    (folder / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
