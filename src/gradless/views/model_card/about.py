"""What was trained on what? The data and the training in a model card."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradless._core import words
from gradless.data import hashed_words
from gradless.data.columns import Column
from gradless.data.dates import is_date_kind
from gradless.data.preprocessing import MISSING
from gradless.data.target_encoding import MANY
from gradless.runs.prepared import Prepared
from gradless.strategies.restarting import NONE
from gradless.views.model_card.markdown import LISTED, cell, code, one_of, table
from gradless.views.report import Result, decision_words, kept_words, penalty_words

_LEFT_OUT = 20


def heading(prepared: Prepared) -> Iterator[str]:
    """What it is."""
    train = prepared.train
    target = code(prepared.target) if prepared.target else "the class"
    yield f"# Model card: {train.name}"
    yield ""
    what = words.plural(len(prepared.table), "column")
    if train.class_names is None:
        yield f"A neural network that predicts the number {target} from {what} of a table."
    else:
        names = one_of([code(name) for name in train.class_names])
        yield f"A neural network that predicts {target} from {what} of a table: {names}."
    yield "It was trained without gradients, by gradless."
    yield ""


def data(prepared: Prepared) -> Iterator[str]:
    """What it was trained on."""
    train, test, recipe = prepared.train, prepared.test, prepared.recipe
    parts = [part for part in (train, prepared.validation, test) if part is not None]
    samples = sum(part.n_samples for part in parts)
    kept = "none" if test is None else f"{test.n_samples:,}"
    yield "## Data"
    yield ""
    kept += " of them kept aside to test" if test is not None else " of them kept aside"
    if test is not None and train.class_names is not None:
        kept += ", with the classes in the same proportions"
    yield f"{code(prepared.recipe.data)}: {samples:,} rows, {kept}."
    if prepared.validation is not None:
        yield (
            f"Of the others, {prepared.validation.n_samples:,} selected the network and stopped "
            "the training; the search did not learn from them."
        )
    elif recipe.regularization is not None and recipe.regularization["alpha"] is None:
        folds = recipe.regularization["folds"]
        yield (
            f"The others were divided into {folds} folds: networks trained without a fold were "
            "judged on it, to choose the penalty. Then networks were trained on all of them."
        )
    elif prepared.note is not None:
        yield f"{prepared.note[0].upper()}{prepared.note[1:]}."
    if prepared.recipe.drop:
        yield f"Left out: {', '.join(map(code, prepared.recipe.drop))}."
    if left := prepared.left_out:
        listed = ", ".join(f"{code(each.name)} ({cell(each.why)})" for each in left[:_LEFT_OUT])
        more = f" and {len(left) - _LEFT_OUT:,} more" if len(left) > _LEFT_OUT else ""
        yield f"Not used, since nothing general can be learned from them: {listed}{more}."
    for leak in prepared.leaks:
        yield f"**Caution:** {cell(leak)}."
    yield ""
    if prepared.notes:
        yield from (f"- {cell(note)}" for note in prepared.notes)
        yield ""
    if train.class_names is not None:
        targets = np.concatenate([part.targets for part in parts])
        counts = np.bincount(targets, minlength=len(train.class_names))
        yield from table(
            ("class", "rows", "share"),
            [
                (cell(name), f"{count:,}", words.percent(count / samples))
                for name, count in zip(train.class_names, counts, strict=True)
            ],
        )
    else:
        low, high = train.targets.min(), train.targets.max()
        yield f"The target runs from {words.shortest(low)} to {words.shortest(high)} in training."
        yield ""
    yield from table(
        ("column", "holds", "empty cells"),
        [(cell(column.name), _holds(column), f"{column.missing:,}") for column in prepared.table],
    )
    if prepared.preprocessing is not None:
        yield from _preprocessing(prepared)
        yield ""


def _preprocessing(prepared: Prepared) -> Iterator[str]:
    """What becomes of the columns."""
    kinds = {column.kind for column in prepared.table}
    if "number" in kinds:
        scaled = "; then numbers are scaled to mean 0 and standard deviation 1"
        yield (
            "Missing numbers are replaced by the column's median"
            f"{scaled if prepared.recipe.standardize else ''}."
        )
    inputs = prepared.train.feature_names
    if any(f"{column.name} is missing" in inputs for column in prepared.table):
        yield "The network also receives an indicator for each missing number."
    categories = [column.name for column in prepared.table if column.kind == "category"]
    few = [name for name in categories if any(of.startswith(f"{name} = ") for of in inputs)]
    if few:
        gaps = any(f"{name} = {MISSING}" in inputs for name in few)
        yield f"Each category has an input of its own{', and so has a missing one' * gaps}."
    if len(few) < len(categories):
        yield (
            f"{'But of' if few else 'Of'} columns with more than {MANY} categories, the network "
            "sees what the target is in each on average."
        )
    if hashed_words.KIND in kinds:
        yield (
            f"Of free text, the network sees the words, hashed into {hashed_words.INPUTS} numbers "
            "by scikit-learn's HashingVectorizer."
        )
    if any(is_date_kind(kind) for kind in kinds):
        yield (
            "Of dates, the network sees days, year, and month and weekday as places on a circle; "
            "of times, the hour likewise."
        )
    if prepared.outputs is not None:
        yield "Outputs of the network were scaled to mean and spread of the target."
    yield "The preprocessing was fitted on the training rows alone."


def training(prepared: Prepared, result: Result) -> Iterator[str]:
    """How it was trained."""
    recipe, model = prepared.recipe, prepared.model
    yield "## Training"
    yield ""
    sizes = "-".join(map(str, model.sizes))
    chosen = "" if recipe.why is None else f", chosen automatically. {recipe.why}"

    def reached(loss: float | None, accuracy: float | None) -> str:
        assert loss is not None
        share = "" if accuracy is None else words.percent(accuracy)
        if result.objective == "accuracy":
            return f"accuracy {share}"
        value = words.loss(prepared.problem.objective.value(loss))
        return f"{result.objective} {value}{share and f', accuracy {share}'}"

    def besides(part: str) -> str:
        also = (result.measures or {}).get(part, {})
        return "".join(f", {name} {words.loss(value)}" for name, value in also.items())

    kept, penalty = kept_words(result, prepared), penalty_words(result)
    decided = decision_words(result)
    on_validation = []
    if result.penalty is not None and result.validation_loss is not None:
        figures = reached(result.validation_loss, result.validation_accuracy)
        on_validation = [("in cross-validation, on rows not seen", figures)]
    if prepared.validation is not None:
        figures = reached(result.validation_loss, result.validation_accuracy)
        on_validation = [("on the validation rows", figures + besides("validation"))]
    on_test = []
    if result.test_loss is not None:
        figures = reached(result.test_loss, result.test_accuracy) + besides("test")
        on_test = [("on the test rows", figures)]
    yield from table(
        ("", ""),
        [
            (
                "network",
                f"{sizes}, {recipe.activation}, {model.n_parameters:,} parameters, weights in "
                f"{model.weights}",
            ),
            ("objective", result.objective),
            ("strategy", f"{recipe.strategy}{cell(chosen)}"),
            *([] if recipe.restarts == NONE else [("restarts", recipe.restarts)]),
            (
                "effort",
                f"{result.evaluations:,} networks evaluated in {words.seconds(result.seconds)}",
            ),
            ("stopped because", result.stopped_because),
            *([] if penalty is None else [("penalty", penalty)]),
            *([] if decided is None else [("decision", decided)]),
            *([] if kept is None else [("network kept", kept)]),
            ("on the training rows", reached(result.loss, result.accuracy) + besides("training")),
            *on_validation,
            *on_test,
            ("seed", str(recipe.seed)),
        ],
    )
    if result.stalled is not None:
        yield f"It stalled: {result.stalled}. To try: {result.advice}."
        yield ""


def _holds(column: Column) -> str:
    """What a column holds."""
    if column.kind == "number":
        return "numbers"
    if column.kind == hashed_words.KIND:
        return "free text"
    if is_date_kind(column.kind):
        return column.kind.replace("date", "dates", 1)
    names = [cell(name) for name in column.categories[:LISTED]]
    more = len(column.categories) - len(names)
    shown = ", ".join(names) + (f" and {more:,} more" if more else "")
    return f"{words.plural(len(column.categories), 'category', 'categories')}: {shown}"
