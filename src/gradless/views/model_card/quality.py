"""How good is a network, and by which columns? The figures of a model card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gradless._core import words
from gradless.objectives import quality as metrics
from gradless.objectives.thresholds import thresholds as thresholds_of
from gradless.runs.importance import rows_used
from gradless.runs.prepared import Prepared
from gradless.views.findings import Findings
from gradless.views.model_card.markdown import cell, code, images, table
from gradless.views.report import Result, caution, linear_words

# Of more classes the picture alone shows the confusion matrix.
_CLASSES_IN_TEXT = 10
_COLUMNS = 15
_OF_COLUMNS = ("importance", "dependence")  # pictures


def quality(
    prepared: Prepared, result: Result, known: Findings, pictures: Sequence[Path]
) -> Iterator[str]:
    """How good it is, and how good something simpler is."""
    train, test, shown = prepared.train, prepared.test, known.rows
    yield "## How good is it?"
    yield ""
    if test is None:
        yield (
            "**Not known.** No rows were kept aside, so these are figures of the "
            f"{train.n_samples:,} training rows. On new rows they will be worse."
        )
    else:
        yield (
            f"Measured once, at the end, on {test.n_samples:,} rows that were kept aside and took "
            "no part in training:"
        )
    yield ""
    beside = known.beside()
    others = [{metric.name: metric.text for metric in metrics} for metrics in beside.values()]
    yield from table(
        ("measure", "value", "95 % interval", *beside, "meaning"),
        [
            (
                cell(m.label),
                m.text,
                m.interval or "-",
                *(texts.get(m.name, "-") for texts in others),
                m.meaning,
            )
            for m in known.found
        ],
    )
    for sentence in result.verdict or ():
        yield f"**{cell(sentence)}**"
        yield ""
    yield (
        "The intervals (bootstrap over these rows) say how much a value depends on which rows "
        "happened to be measured. They say nothing about rows of another kind."
    )
    if few := caution(shown.n_samples):
        yield f"**{few[0].upper()}{few[1:]}.**"
    if result.baseline is not None:
        yield f"The baseline answers every row alike: {cell(str(result.baseline['answer']))}."
    if result.linear is not None:
        yield f"The linear model is a {linear_words(result)}, on the same inputs."
        for sentence in _advantage(result):
            yield sentence
    yield ""
    if train.class_names is not None and len(train.class_names) <= _CLASSES_IN_TEXT:
        counts = metrics.confusion_matrix(shown.targets, known.answers)
        heads = [f"predicted {cell(name)}" for name in train.class_names]
        yield from table(
            ("", *heads),
            [
                (f"true {cell(name)}", *(f"{count:,}" for count in row))
                for name, row in zip(train.class_names, counts, strict=True)
            ],
        )
    if train.class_names is not None and len(train.class_names) == 2:
        yield from _thresholds(prepared, result, known)
    yield from images(path for path in pictures if path.stem not in _OF_COLUMNS)


def _thresholds(prepared: Prepared, result: Result, known: Findings) -> Iterator[str]:
    """Where the decision is, and what moving it would cost."""
    if not np.isfinite(known.answers).all() or len(set(known.rows.targets.tolist())) < 2:
        return
    assert prepared.train.class_names is not None
    name = code(prepared.train.class_names[1])
    yield f"It decides for {name} where that is the more likely class. With another threshold:"
    yield ""

    def share(value: float | None) -> str:
        return "-" if value is None else words.percent(value)

    yield from table(
        ("probability of at least", f"taken for {name}", "precision", "recall", "F1"),
        [
            (
                f"**{words.loss(one.probability)}, as it is**" if one.used
                else words.loss(one.probability),
                share(one.share),
                share(one.precision),
                share(one.recall),
                words.loss(one.f1),
            )
            for one in thresholds_of(known.rows.targets, known.answers[:, 1])
        ],
    )  # fmt: skip
    moved = result.decision is not None and result.decision["kind"] != "argmax"
    if moved:
        yield (
            f"The decision was chosen for {result.objective}: probabilities were moved for it, and "
            "are no longer those of how often a class occurs."
        )
    yield "A threshold that is chosen by this table is to be judged on other rows."
    yield ""


def columns(prepared: Prepared, known: Findings, pictures: Sequence[Path]) -> Iterator[str]:
    """How important columns are."""
    if not known.importance:
        return
    objective = prepared.problem.objective
    change = "falls" if objective.greater_is_better else "rises"
    yield "## Which columns count?"
    yield ""
    yield (
        f"How much the {objective.label} {change} when a column's values are "
        f"shuffled among {rows_used(prepared):,} {'test' if prepared.test else 'training'} rows:"
    )
    yield ""
    yield from table(
        ("column", "importance", "95 % interval"),
        [
            (
                cell(one.name),
                words.loss(one.value),
                f"{words.loss(one.low)} to {words.loss(one.high)}",
            )
            for one in known.importance[:_COLUMNS]
        ],
    )
    if (more := len(known.importance) - _COLUMNS) > 0:
        yield f"Less important: {words.plural(more, 'other column')}."
    yield (
        "Columns that say the same share their importance, and none is a cause: the network uses "
        "what goes together with the answer."
    )
    yield ""
    yield from images(path for path in pictures if path.stem in _OF_COLUMNS)


def _advantage(result: Result) -> Iterator[str]:
    """How much better than the linear model it is."""
    advantage = None if result.linear is None else result.linear["advantage"]
    if advantage is None:
        return
    value, low, high = (words.loss(advantage[part]) for part in ("value", "low", "high"))
    yield (
        f"The advantage of the network over it in {result.objective} is {value} on these "
        f"rows, and {low} to {high} over resamples of them (95 % interval of the paired "
        "difference); below 0, the linear model is better."
    )
