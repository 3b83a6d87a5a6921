"""How is a model card read in a browser? As one file without scripts, with its pictures in it."""

from __future__ import annotations

import base64
import html
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --note: #59636e; --line: #d8dee4;
  --back: #ffffff; --shade: #f3f5f7; --strong: #005a96; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --note: #9aa5b1; --line: #39414a;
  --back: #15191e; --shade: #20262d; --strong: #6cb8ea; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0.5rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 0.75rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
p { margin: 0.75rem 0; max-width: 46rem; overflow-wrap: break-word; }
strong { color: var(--strong); }
code { font: 0.9em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  background: var(--shade); padding: 0.1em 0.3em; border-radius: 4px; overflow-wrap: anywhere; }
pre { background: var(--shade); padding: 0.8rem 1rem; border-radius: 8px; overflow-x: auto; }
pre code { background: none; padding: 0; overflow-wrap: normal; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.94rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.9rem 0.35rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--note); font-weight: 600; }
thead th:empty { padding: 0; border: 0; }
.pictures { display: grid; gap: 1rem; max-width: none; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
img { width: 100%; height: auto; background: #ffffff; border: 1px solid var(--line);
  border-radius: 8px; padding: 0.5rem; }
img.wide { grid-column: 1 / -1; }
@media (max-width: 30rem) { table:has(th:nth-child(5)) { min-width: 36rem; }
  body { font-size: 15px; } main { padding: 1rem 0.9rem 3rem; }
  h1 { font-size: 1.5rem; } th, td { padding-right: 0.7rem; } }
@media print { :root { --ink: #000; --note: #444; --line: #bbb; --back: #fff; --shade: #f3f3f3;
  --strong: #000; } body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  h2 { break-after: avoid; } tr, img, pre { break-inside: avoid; }
  .scroll { overflow: visible; } .pictures { grid-template-columns: 1fr 1fr; } }
"""
_WIDE = 2.0  # as wide as high, from which on a picture has a row of its own
_KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


def of(text: str, folder: Path) -> str:
    """The page of a card.

    Parameters
    ----------
    text
        The card in Markdown. HTML in it is text.
    folder
        Where its pictures are; those that are not there are left out.
    """
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only where a run ends

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(tokens: Sequence[Any], index: int, *_: object) -> str:
        path, told = folder / str(tokens[index].attrs["src"]), html.escape(tokens[index].content)
        kind = _KINDS.get(path.suffix)
        if kind is None or path.parent != folder or not path.is_file():
            return told
        data = path.read_bytes()
        inside = f'src="data:{kind};base64,{base64.b64encode(data).decode()}"'
        if path.suffix != ".png":
            return f'<img alt="{told}" {inside}>'
        width, height = struct.unpack(">II", data[16:24])
        wide = ' class="wide"' if width > _WIDE * height else ""
        return f'<img{wide} alt="{told}" width="{width}" height="{height}" {inside}>'

    def paragraph(tokens: Sequence[Any], index: int, *_: object) -> str:
        parts = tokens[index + 1].children or []
        pictures = parts and all(part.type in ("image", "softbreak") for part in parts)
        return '<p class="pictures">' if pictures else "<p>"

    rules: Mapping[str, Any] = {
        "image": image,
        "paragraph_open": paragraph,
        "table_open": lambda *_: '<div class="scroll"><table>',
        "table_close": lambda *_: "</table></div>\n",
    }
    reader.renderer.rules.update(rules)  # type: ignore[attr-defined]
    title = text.partition("\n")[0].lstrip("# ")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{reader.render(text)}</main>\n</body>\n</html>\n"
    )
