"""What should someone know who uses a network? A page about it: the model card in a run folder.

After Mitchell et al., "Model Cards for Model Reporting", 2019. It is written in Markdown, and that
is what the page for browsers is made of.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradless._core import storage
from gradless.runs.prepared import Prepared
from gradless.views.findings import Findings
from gradless.views.model_card import page
from gradless.views.model_card.about import data, heading, training
from gradless.views.model_card.quality import columns, quality
from gradless.views.report import Result

CARD, PAGE = "model_card.md", "card.html"


def write(
    folder: Path,
    prepared: Prepared,
    result: Result,
    known: Findings,
    pictures: Sequence[Path],
) -> None:
    """Write the card of a finished run.

    Parameters
    ----------
    folder
        The run folder.
    prepared, result
        The run.
    known
        How good it is, on the test data; on the training data if there are none.
    pictures
        In the folder.
    """
    parts = (
        heading(prepared),
        quality(prepared, result, known, pictures),
        columns(prepared, known, pictures),
        data(prepared),
        training(prepared, result),
        use(folder, prepared),
    )
    text = "\n".join(itertools.chain(*parts)).rstrip() + "\n"
    storage.write_bytes(folder / CARD, text.encode())
    storage.write_bytes(folder / PAGE, page.of(text, folder).encode())


def use(folder: Path, prepared: Prepared) -> Iterator[str]:
    """How to use the network."""
    run = shlex.quote(str(folder))
    yield "## Use"
    yield ""
    yield "From the shell:"
    yield ""
    yield "```sh"
    yield f"gradless predict {run} NEW.csv         # answers for new rows"
    yield f"gradless evaluate {run} LABELLED.csv   # how good it is on other rows with answers"
    yield f"gradless export {run} --to onnx       # for programs without gradless"
    yield "```"
    yield ""
    yield "From Python:"
    yield ""
    yield "```python"
    yield "import gradless"
    yield ""
    yield f"run = gradless.load_run({str(folder)!r})"
    yield 'run.predict("NEW.csv")         # or a data frame, or a dictionary of columns'
    if prepared.train.class_names is not None:
        yield 'run.predict_proba("NEW.csv")   # in the order of run.classes'
    yield "```"
    yield ""
    yield (
        "A table needs the columns above by name, in any order; others are ignored. Rows unlike "
        "those it was trained on get an answer, too, and it may be wrong however sure it looks."
    )
