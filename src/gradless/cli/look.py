"""``gradless look``: what would be understood of a table, without any training?"""

from __future__ import annotations

from gradless._core.terminal import PatientConsole, say
from gradless.cli.commands import Look
from gradless.data import datasets, describing, leaks
from gradless.data.files import Reading
from gradless.data.named import DATASETS, spelled
from gradless.data.table import TARGET_NAMES, column_names
from gradless.views import columns_table
from gradless.views.tables import Facts, Paragraph


def main(options: Look) -> int:
    """Read, describe."""
    console = PatientConsole()
    how = Reading(options.delimiter, options.decimal, options.encoding, options.header)
    source = spelled(options.data)
    target = options.target
    if source not in DATASETS and target is None and source != "-":
        names = column_names(source, how)
        if not set(TARGET_NAMES) & set(names):
            target = names[-1]
            say(f"no --target is given: {target!r}, the last column, is taken for it")
    table = datasets.load_table(
        source, target=target, task=options.task, drop=options.drop,
        categories=options.categories, text=options.text, missing=options.missing, how=how,
    )  # fmt: skip
    name = table.target or "the class"
    found = describing.facts(table.columns, table.left_out, name, table.targets, table.class_names)
    console.print(Facts(list(found)))
    console.print()
    console.print(columns_table.table(table.columns))
    warnings = [*table.notes]
    if source not in DATASETS:
        warnings += leaks.leaks(table.columns, table.targets, table.class_names, name)
    for note in warnings:
        console.print()
        console.print(Paragraph(note))
    return 0
