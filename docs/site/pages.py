"""Which pages are there already? Those of ``docs`` and of the repository, with links that fit."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from docs.site.places import PAGES, ROOT

MOVED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "docs/index.md": "index.md",
}
"""Files of the repository that are pages under another name."""

_FRONT = "---\nhide: [navigation, toc]\n---\n\n"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)


def write(target: Path) -> None:
    """All pages that are written by hand, and their pictures."""
    for page in sorted(PAGES.glob("*.md")):
        (target / page.name).write_text(_fitted(page), encoding="utf-8")
    # The front page has neither a list of pages beside it nor one of headings.
    front = target / "index.md"
    front.write_text(_FRONT + front.read_text(encoding="utf-8"), encoding="utf-8")
    for picture in PAGES.glob("*.png"):
        shutil.copy(picture, target)
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        (target / MOVED[name]).write_text(_fitted(ROOT / name), encoding="utf-8")


def _fitted(page: Path) -> str:
    """A page's text with links between pages of the site, outside of blocks of code."""
    parts = _FENCE.split(page.read_text(encoding="utf-8"))
    return "".join(
        part if part.startswith("```") else _LINK.sub(lambda m: link(page, *m.groups()), part)
        for part in parts
    )


def link(page: Path, picture: str, text: str, target: str) -> str:
    """A link as the site has it; what is no page of it is named, without a link."""
    place, _, anchor = target.partition("#")
    if "://" in target or not place or target.startswith("play/"):
        return f"{picture}[{text}]({target})"
    path = (page.parent / place).resolve()
    try:
        inside = path.relative_to(ROOT).as_posix()
    except ValueError:
        return text
    hash_ = f"#{anchor}" if anchor else ""
    if inside in MOVED:
        return f"[{text}]({MOVED[inside]}{hash_})"
    if path.parent == PAGES and path.suffix in (".md", ".png"):
        return f"{picture}[{text}]({path.name}{hash_})"
    if inside.startswith("examples/") and path.suffix == ".py":
        return f"[{text}](examples/{path.stem}.md)"
    return (
        text if text.startswith("`") else f"{text} (`{inside}`)" if text != inside else f"`{text}`"
    )
