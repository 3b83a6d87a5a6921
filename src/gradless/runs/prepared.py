"""What is a recipe once its data are loaded? Ready to begin, and to judge what comes of it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from gradless._core import defaults
from gradless._core.tree import Params, Structure
from gradless.data.columns import Column
from gradless.data.datasets import Dataset
from gradless.data.fingerprints import Fingerprints
from gradless.data.preprocessing import Preprocessing
from gradless.data.reading import Left
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.problems.supervised import OutputScale, SupervisedProblem
from gradless.runs.recipe import Recipe
from gradless.strategies import Strategy
from gradless.training.learning import Learning
from gradless.training.loop import Run, Stop
from gradless.training.plan import Plan, begun


class Judged(NamedTuple):
    """The objective's value, for classification the accuracy, and other measures by name."""

    value: float
    accuracy: float | None
    also: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Prepared:
    """A recipe with its data loaded and everything checked, ready to begin."""

    recipe: Recipe
    train: Dataset
    validation: Dataset | None  # rows by which the network that is kept is chosen
    test: Dataset | None
    preprocessing: Preprocessing | None  # None where features are used as they are
    table: tuple[Column, ...]
    notes: tuple[str, ...]  # of how it was read
    target: str | None  # the name of a file's column
    model: MLP
    problem: SupervisedProblem
    outputs: OutputScale | None  # None where those of the network are used as they are
    strategy: Strategy
    columns: dict[str, str]  # a checksum of each, to say which one has changed
    rows: Fingerprints  # of the training and validation rows
    learning: Learning
    note: str | None = None  # what a person should know of the parts of the rows
    left_out: tuple[Left, ...] = ()  # columns of the file that are not used, and why
    understood: tuple[tuple[str, str], ...] = ()  # of a file: rows, columns, target, parts
    leaks: tuple[str, ...] = ()  # what to say of columns that give the target away

    @functools.cached_property
    def params(self) -> Params:
        """The network's first parameters, NumPy arrays."""
        return first_weights.drawn(self.model, self.recipe.seed)

    def begin(self) -> Run:
        """The run before its first generation."""
        return begun(self.strategy, self.params, self.recipe.seed)

    def plan(self, stop: Stop, patience: float = defaults.PATIENCE) -> Plan:
        """The session that trains it within these limits."""
        learning = dataclasses.replace(
            self.learning,
            stop=stop,
            strategy=self.strategy,
            why=self.recipe.why or "",
            patience=patience,
        )
        plan = learning.plan(self.params, problem=self.problem)
        settings = {
            "data": self.train.name,
            "network": "-".join(map(str, self.model.sizes)),
            "seed": self.recipe.seed,
        }
        return dataclasses.replace(plan, settings=settings, all_losses=self.recipe.seed_log)

    @property
    def structure(self) -> Structure:
        """The same as a structure."""
        return Structure.of(self.params)

    @property
    def is_measured(self) -> bool:
        """Whether the data come from somewhere, and are not drawn in the plane."""
        return not self.recipe.is_planar

    def judge(self, params: Params, dataset: Dataset) -> Judged:
        """How good a network of the search is on a whole data set, scaled as in training."""
        loss, measures = self.problem_of(dataset).score_all(params)
        objective = self.problem.objective
        also = {name: float(measure) for name, measure in measures.items()}
        accuracy = also.pop("accuracy", None)
        return Judged(objective.value(float(loss)), accuracy, also)

    def problem_of(self, dataset: Dataset) -> SupervisedProblem:
        """The objective of the search on a whole data set."""
        return SupervisedProblem.of(
            dataset, self.model, self.problem.objective, outputs=self.outputs
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the training data as the network sees it."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            if part is not None:
                extras = part.extras or {}
                for array in (part.features, part.targets, *extras.values()):
                    digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
