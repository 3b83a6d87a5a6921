"""What is known of a network once it is trained? What the screen, the card and the pictures say.

All of it is of the test rows, or of the training rows where there are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradless._core.probabilities import softmax
from gradless.data.datasets import Dataset
from gradless.objectives import families, quality
from gradless.objectives.quality import Metric
from gradless.runs import advantage
from gradless.runs.advantage import Advantage
from gradless.runs.baseline import Baseline, baseline
from gradless.runs.importance import Importance, importances
from gradless.runs.linear import Linear, linear
from gradless.runs.network import Network
from gradless.runs.prepared import Judged, Prepared
from gradless.runs.scoring import Scoring


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes
    ----------
    rows
        Those that were measured.
    answers
        Of the network: probabilities (rows, classes), or numbers (rows,).
    found
        Metrics of it.
    baseline, linear
        What is simpler; None where there is none.
    of_baseline, of_linear
        The same metrics of these, without intervals.
    over_baseline, over_linear
        The advantage of the network over them on test rows.
    importance
        Of the columns.
    """

    rows: Dataset
    answers: np.ndarray
    found: list[Metric]
    baseline: Baseline | None
    linear: Linear | None
    of_baseline: list[Metric]
    of_linear: list[Metric]
    over_baseline: Advantage | None
    over_linear: Advantage | None
    importance: list[Importance]

    def beside(self) -> dict[str, list[Metric]]:
        """Metrics of what is simpler, by its heading."""
        columns = {"baseline": self.of_baseline, "linear": self.of_linear}
        return {name: of for name, of in columns.items() if of}

    def stored(self, prepared: Prepared) -> dict[str, Any]:
        """The fields ``baseline`` and ``linear`` of a result: on test rows, if there are some."""
        parts: dict[str, Any] = {"baseline": None, "linear": None}
        if self.baseline is not None:
            about = {"answer": self.baseline.answer}
            judged = self.baseline.test or self.baseline.train
            parts["baseline"] = about | _stored(prepared, judged, self.over_baseline)
        if self.linear is not None:
            about_linear = {
                "model": self.linear.model,
                "rows": self.linear.rows,
                "decided": self.linear.decided,
            }
            parts["linear"] = about_linear | _stored(prepared, self.linear.judged, self.over_linear)
        return parts

    def verdicts(self, prepared: Prepared, test: float | None) -> list[str]:
        """Whether the network is better than what is simpler, where a person should know."""
        if test is None:
            return []
        over: list[tuple[str, float, Advantage | None]] = []
        # What is no better than one answer for all rows is said elsewhere.
        if self.baseline is not None and self.over_baseline and self.over_baseline.value > 0:
            assert self.baseline.test is not None
            name = f"one answer for all rows ({self.baseline.answer})"
            over.append((name, self.baseline.test.value, self.over_baseline))
        if self.linear is not None:
            over.append((self.linear.model, self.linear.judged.value, self.over_linear))
        return list(advantage.verdicts(prepared.problem.objective, test, over))


def findings(network: Network, prepared: Prepared) -> Findings:
    """Measure a network, and what is simpler, on test rows, or on training rows without them."""
    rows = prepared.test or prepared.train
    outputs = network.outputs_of_inputs(rows.features).astype(np.float64)
    quantile = families.share_of_quantile(prepared.problem.objective.name)
    found, answers = _measured(outputs, rows.targets, network.class_names, quantile)
    simple = baseline(prepared)
    scoring = Scoring(prepared, rows)
    line = linear(prepared, scoring)
    over: list[Advantage | None] = [None, None]
    if prepared.test is not None and np.isfinite(outputs).all():
        constant = None if simple is None else np.atleast_2d(simple.of(rows.n_samples).T).T
        if constant is not None and network.class_names is not None:
            constant = np.log(np.maximum(constant, 1e-12))
        over = advantage.advantages(
            scoring, outputs, constant, None if line is None else line.outputs
        )
    names = network.class_names

    def of_simpler(model: Baseline | Linear | None, given: Any) -> list[Metric]:
        return [] if model is None else _metrics(rows.targets, given, names, quantile=quantile)

    return Findings(
        rows,
        answers,
        found,
        simple,
        line,
        of_simpler(simple, simple and simple.of(rows.n_samples)),
        of_simpler(line, line and line.answers),
        over[0],
        over[1],
        importances(network, prepared),
    )


def measured(
    network: Network, inputs: np.ndarray, targets: np.ndarray
) -> tuple[list[Metric], np.ndarray]:
    """Metrics of a network, and its probabilities of the classes, or its numbers.

    Parameters
    ----------
    network
        The network.
    inputs : float32, shape (samples, inputs)
        Preprocessed as in training.
    targets : shape (samples,)
        The answers.
    """
    outputs = network.outputs_of_inputs(inputs).astype(np.float64)
    return _measured(outputs, targets, network.class_names)


def _measured(
    outputs: np.ndarray,
    targets: np.ndarray,
    names: tuple[str, ...] | None,
    quantile: float | None = None,
) -> tuple[list[Metric], np.ndarray]:
    answers = outputs[:, 0] if names is None else softmax(outputs)
    return _metrics(targets, answers, names, quantile=quantile, intervals=True), answers


def _metrics(
    targets: np.ndarray,
    answers: np.ndarray,
    names: tuple[str, ...] | None,
    *,
    quantile: float | None,
    intervals: bool = False,
) -> list[Metric]:
    if names is None:
        return quality.of_numbers(targets, answers, quantile=quantile, intervals=intervals)
    return quality.of_classes(targets, answers, names, intervals=intervals)


def _stored(prepared: Prepared, judged: Judged, over: Advantage | None) -> dict[str, Any]:
    return {
        "loss": prepared.problem.objective.value(judged.value),
        "accuracy": judged.accuracy,
        "advantage": None if over is None else over.as_json(),
    }
