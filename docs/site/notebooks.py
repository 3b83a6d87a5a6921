"""How do examples become notebooks with their outputs, and these become pages?"""

from __future__ import annotations

import re
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from docs.site.places import EXAMPLES

from gradless._core import words

_IMPORT = re.compile(r"^(?:import|from) (\w+)", re.MULTILINE)
_SECONDS = 3_600  # for a cell, at most


def write(target: Path, *, run: bool) -> None:
    """Write a page and a notebook for each example; run them first, or show the code alone."""
    import jupytext  # noqa: PLC0415 - what builds the site, and nothing else, needs these
    import nbformat  # noqa: PLC0415

    target.mkdir(parents=True)
    for source in sorted(EXAMPLES.glob("*.py")):
        notebook = jupytext.read(source)
        notebook.metadata["kernelspec"] = {
            "name": "python3", "display_name": "Python 3", "language": "python",
        }  # fmt: skip
        notebook.metadata["language_info"] = {"name": "python"}  # by which code is coloured
        seconds = None
        if run and (missing := _missing(source)):
            print(f"examples/{source.name} was not run: {', '.join(missing)} is not installed")
        elif run:
            seconds = _run(notebook)
            print(f"examples/{source.name}: {seconds:.0f} s", flush=True)
        nbformat.write(notebook, target / f"{source.stem}.ipynb")
        (target / f"{source.stem}.md").write_text(
            _page(notebook, source, target, seconds), encoding="utf-8"
        )


def _missing(source: Path) -> list[str]:
    """What an example imports that is not installed here."""
    text = source.read_text(encoding="utf-8")
    imported = {match[1] for match in _IMPORT.finditer(text)}
    return sorted(name for name in imported if find_spec(name) is None)


def _run(notebook: object) -> float:
    """Run it in an empty folder, as a reader would; returns the seconds that it took."""
    import nbclient  # noqa: PLC0415
    import nbformat  # noqa: PLC0415

    inline = nbformat.v4.new_code_cell("%matplotlib inline")
    notebook.cells.insert(0, inline)  # type: ignore[attr-defined]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(
            notebook,
            timeout=_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        ).execute()
    notebook.cells.remove(inline)  # type: ignore[attr-defined]
    return time.monotonic() - begun


def _page(notebook: object, source: Path, target: Path, seconds: float | None) -> str:
    """A notebook as Markdown, its pictures beside it."""
    from nbconvert import MarkdownExporter  # noqa: PLC0415

    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"output_files_dir": f"{source.stem}-pictures"}
    )
    for name, data in resources.get("outputs", {}).items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(data)
    took = f" Running it took {words.about(seconds)}." if seconds is not None else ""
    title, _, rest = text.strip().partition("\n")
    note = (
        f"\n*A notebook: [{source.stem}.ipynb]({source.stem}.ipynb), or `examples/{source.name}` "
        f"of the repository.{took}*\n"
    )
    return f"{title}\n{note}\n{rest}\n"
