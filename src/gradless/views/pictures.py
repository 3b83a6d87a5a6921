"""Which pictures does a run leave? Those of how it got better, and of what its network answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradless._core import words
from gradless._core.probabilities import softmax
from gradless.objectives import Objective
from gradless.runs.importance import Importance, dependences, rows_used
from gradless.runs.network import Network
from gradless.runs.prepared import Prepared
from gradless.strategies.base import begins_elsewhere
from gradless.training.history import History
from gradless.training.loop import Stop
from gradless.training.validation import Look

# matplotlib loads in half a second, and runs end here: the modules that draw are imported late.

_PENALTY = ("strengths", "losses", "errors", "fitted")


def draw(
    folder: Path,
    history: History,
    network: Network,
    prepared: Prepared,
    stop: Stop,
    looks: Sequence[Look] = (),
    result: Mapping[str, Any] | None = None,
    suffix: str = "png",
    importance: Sequence[Importance] = (),
) -> list[Path]:
    """Draw a run's pictures into its folder.

    The objective and the accuracy over evaluations; the decision boundary of two numbers. Of
    measured data the confusion matrix, the reliability of probabilities and, of two classes, the
    ROC curve, or predictions against targets for regression.

    Parameters
    ----------
    folder
        Of the run.
    history
        What happened.
    network
        What was saved.
    prepared
        Its data and what it was trained for.
    stop
        Limits, of which targets are marked.
    looks
        Those at the validation rows.
    result
        The numbers of the closing table, for the pictures to say the same; None if there are none.
    suffix
        Format: png, pdf or svg.
    importance
        Of the columns, to be drawn with what the network makes of the most important ones.

    Returns
    -------
    list of pathlib.Path
        The files written.
    """
    from gradless.views import curves, decisions, strengths  # noqa: PLC0415

    recipe, train, test = prepared.recipe, prepared.train, prepared.test
    title = f"{train.name}: {recipe.strategy}"
    objective, known = prepared.problem.objective, result or {}
    paths: list[Path] = []
    if recipe.regularization is None:  # of which a search says more than a fit
        paths += curves.curves(
            history,
            folder,
            title=title,
            subtitle=_outcome(known, objective),
            objective=objective,
            target_loss=stop.loss,
            target_accuracy=stop.accuracy,
            validation=[(look.evaluations, look.loss) for look in looks],
            on_batches=prepared.problem.uses_minibatches,
            restarts=begins_elsewhere(prepared.strategy),
            before="" if recipe.first is None else "first phase: log loss",
            final_loss=known.get("loss"),
            final_accuracy=known.get("accuracy"),
            suffix=suffix,
        )
    penalty = known.get("penalty")
    if penalty and len(penalty["strengths"]) > 1:
        path = folder / f"penalty.{suffix}"
        fitted = "log loss" if train.class_names is not None else "loss, scaled"
        tried, losses, errors, seen = (penalty[part] for part in _PENALTY)
        strengths.strengths(
            tried, losses, errors, seen, penalty["alpha"], path, quantity=fitted,
            title=f"{train.name}: how strong a penalty?",
        )  # fmt: skip
        paths.append(path)
    plane = [column.kind for column in prepared.table] == ["number"] * 2
    # A gap would be an input of its own.
    if train.class_names is not None and plane and train.n_features == 2:
        path = folder / f"decision_boundary.{suffix}"
        decisions.decision_boundary(
            network.probabilities,
            train.features,
            train.targets,
            train.class_names,
            train.feature_names,
            path,
            title,
            test_features=None if test is None else test.features,
            test_targets=None if test is None else test.targets,
            legend_title=prepared.target or "class",
        )
        paths.append(path)
    if prepared.is_measured:
        paths += _draw_answers(folder, network, prepared, suffix)
    if importance:
        paths += _draw_columns(folder, network, prepared, importance, suffix)
    return paths


def _outcome(result: Mapping[str, Any], objective: Objective) -> str:
    """The closing numbers, as the table has them."""
    loss, accuracy = result.get("loss"), result.get("accuracy")
    if loss is None:
        return ""
    parts = (
        []
        if objective.name == "accuracy"
        else [f"{objective.quantity} {words.loss(objective.value(loss))}"]
    )
    if accuracy is not None:
        parts.append(f"accuracy {words.percent(accuracy)}")
    spent = f"{result['evaluations']:,} evaluations in {words.seconds(result['seconds'])}"
    return f"{', '.join(parts)} on training rows; {spent}"


def _draw_answers(folder: Path, network: Network, prepared: Prepared, suffix: str) -> list[Path]:
    """Pictures of what the network answers on the test data, if there are some."""
    from gradless.views import predictions, reliability  # noqa: PLC0415

    train, test = prepared.train, prepared.test
    shown = train if test is None else test
    title = f"{train.name}: {'training data' if test is None else 'test data'}"
    outputs, name = network.outputs_of_inputs(shown.features), prepared.target or "value"
    if train.class_names is None:
        path = folder / f"predictions.{suffix}"
        predictions.residuals(shown.targets, outputs[:, 0], path, title, name=name)
        return [path]
    paths = [folder / f"confusion.{suffix}"]
    predictions.confusion(shown.targets, outputs.argmax(1), train.class_names, paths[0], title)
    both = len(train.class_names) == len(set(shown.targets.tolist())) == 2
    if both and np.isfinite(outputs).all():
        paths.append(folder / f"roc.{suffix}")
        predictions.roc(
            shown.targets,
            outputs[:, 1].astype(np.float64) - outputs[:, 0],
            paths[1],
            title,
            name=train.class_names[1],
        )
    if np.isfinite(outputs).all():
        paths.append(folder / f"reliability.{suffix}")
        probabilities = softmax(outputs.astype(np.float64))
        reliability.reliability(shown.targets, probabilities, train.class_names, paths[-1], title)
    return paths


def _draw_columns(
    folder: Path,
    network: Network,
    prepared: Prepared,
    importance: Sequence[Importance],
    suffix: str,
) -> list[Path]:
    """Pictures of how important columns are, and what the network makes of some."""
    from gradless.views import columns  # noqa: PLC0415

    name, objective = prepared.train.name, prepared.problem.objective
    paths = [folder / f"importance.{suffix}"]
    columns.importance(
        importance,
        paths[0],
        f"{name}: how important are the columns?",
        quantity=(
            f"{'fall' if objective.greater_is_better else 'rise'} of the {objective.label} when "
            "the column is shuffled"
        ),
        rows=words.plural(
            rows_used(prepared), "training row" if prepared.test is None else "test row"
        ),
    )
    shown = dependences(network, prepared, importance)
    if shown:
        paths.append(folder / f"dependence.{suffix}")
        columns.dependence(
            shown,
            network.class_names,
            paths[1],
            f"{name}: what does the network make of them?",
            name=prepared.target or "value",
        )
    return paths
