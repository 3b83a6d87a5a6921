"""How do a model, an objective and data become a problem to train?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless._core import tree
from gradless._core.cost import Cost
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless._core.hardware import LANES
from gradless._core.programs import compiled
from gradless._core.tree import Params
from gradless.data.datasets import Dataset
from gradless.data.minibatch import minibatch_indices
from gradless.models.contract import FeatureMajor, FeatureRows, Model
from gradless.models.facts import check_fits, check_precision, cost_of
from gradless.objectives import Objective, Targets, Task, checked_weight, pick, prepared
from gradless.objectives.extras import at as extras_at
from gradless.objectives.extras import checked as checked_extras
from gradless.problems.contract import Layout, Score

_FEW_OUTPUTS = 16  # rows, which the compiler fuses into one loop over the samples


class OutputScale(NamedTuple):
    """What brings a network's outputs into the units of the targets: times scale, plus shift.

    Weights of a usual size then reach targets of any size, and of numbers far from zero no digit is
    lost: both are float64, of the shape (outputs,).
    """

    scale: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]

    def applied(self, outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Outputs (samples, outputs) in the units of the targets."""
        return outputs * self.scale + self.shift


@tree.as_pytree(
    traced=["inputs", "targets", "output_scale"],
    static=[
        "model",
        "objective",
        "n_samples",
        "batch_size",
        "precision",
        "written_out",
        "judged_by_row",
    ],
)
@dataclass(frozen=True)
class SupervisedProblem:
    """A model, an objective and data.

    ``inputs`` is feature-major, (features, samples), for a model with ``apply_rows``, and
    (samples, ...) otherwise or if minibatches are taken from them; the targets are prepared by
    ``objectives``. Behind the ``n_samples`` samples of feature-major data there may be copies of
    weight zero, which fill whole vectors.
    ``precision`` is that of the network's arithmetic; its outputs are judged in float32, multiplied
    by ``output_scale``, (outputs,), if there is one, and the objective is in the units of the
    targets. Of an :class:`OutputScale`, the shift was taken from the targets: objectives of numbers
    look at differences, or at the order. ``written_out`` is how the network is computed, on single
    rows or as matrix products, and ``judged_by_row`` whether a few outputs are judged as rows all
    the same: :meth:`laid_out` sets both.
    """

    inputs: jax.Array
    targets: Targets
    model: Model
    objective: Objective
    n_samples: int
    batch_size: int | None = None
    precision: str = "float32"
    output_scale: jax.Array | None = None
    written_out: bool = False
    judged_by_row: bool = False

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        model: Model,
        objective: Objective,
        batch_size: int | None = None,
        precision: str = "float32",
        weight: np.ndarray | None = None,
        outputs: OutputScale | None = None,
    ) -> SupervisedProblem:
        """Problem of training ``model`` on ``dataset``.

        ``weight`` is how much each sample counts, (samples,); by default all count the same.
        ``outputs`` is for regression; None leaves the outputs as they are. What an objective looks
        at besides is in the data set's ``extras``.

        Raises
        ------
        InputError
            If the objective cannot judge this kind of data, the sizes or weights do not fit, or
            the machine has no arithmetic of this precision, or the network needs another.
        """
        check_precision(precision, model)
        task: Task = "classification" if dataset.is_classification else "regression"
        objective.check(task, dataset.n_outputs)
        check_fits(model, dataset.features.shape[1:], dataset.n_outputs)
        if batch_size is not None and not 1 <= batch_size <= dataset.n_samples:
            raise InputError(
                "the batch size must be from 1 to the number of training samples, "
                f"{dataset.n_samples}, got {batch_size}"
            )
        return cls.of_arrays(
            task,
            dataset.features,
            dataset.targets if outputs is None else dataset.targets - outputs.shift,
            dataset.n_outputs,
            model,
            objective,
            batch_size=batch_size,
            precision=precision,
            weight=None if weight is None else checked_weight(weight, dataset.n_samples),
            output_scale=None if outputs is None else outputs.scale,
            extras=checked_extras(objective, dataset.extras, dataset.targets),
        )

    @classmethod
    def of_arrays(
        cls,
        task: Task,
        features: np.ndarray,
        targets: np.ndarray,
        n_outputs: int,
        model: Model,
        objective: Objective,
        *,
        batch_size: int | None = None,
        precision: str = "float32",
        weight: np.ndarray | None = None,
        output_scale: np.ndarray | None = None,
        filled: int = 0,
        extras: Mapping[str, np.ndarray] | None = None,
    ) -> SupervisedProblem:
        """Problem of arrays that were checked: targets as :func:`gradless.objectives.prepared`.

        ``filled`` is how many samples there are at least, with the copies of weight zero: problems
        filled up to one size share what was compiled. It is not for minibatches, which would draw
        such copies. ``extras`` are what the objective looks at besides, arrays (samples,) by role,
        as :func:`gradless.objectives.extras.checked` returns them.
        """
        use_all_cores()
        real = len(features)
        batch_size = None if batch_size == real else batch_size
        feature_major = isinstance(model, FeatureMajor)
        # What does not fill a vector would be computed number by number.
        size = -(-max(real, filled) // LANES) * LANES if feature_major else real
        chosen = np.arange(size) % real
        given = np.ones(real) if weight is None else weight
        counted = np.where(np.arange(size) < real, given[chosen], 0)
        ready = prepared(task, targets[chosen], n_outputs, counted, extras_at(extras, chosen))
        inputs = np.asarray(features, np.float32)[chosen]
        if feature_major and batch_size is None:
            inputs = np.ascontiguousarray(inputs.T)
        scale = None if output_scale is None else jax.device_put(np.float32(output_scale))
        return cls(
            jax.device_put(inputs),
            ready,
            model,
            objective,
            size if filled else real,
            batch_size,
            precision,
            scale,
        )

    def without_minibatches(self) -> SupervisedProblem:
        """The same problem on all of its data in every generation."""
        if self.batch_size is None:
            return self
        turned = isinstance(self.model, FeatureMajor)
        inputs = self.inputs.T if turned else self.inputs
        return dataclasses.replace(self, inputs=inputs, batch_size=None)

    def score_all(self, params: Params) -> Score:
        """Loss and measures of one network on all samples, of shape ().

        In float32 whatever the precision of the search, as the network is used afterwards.
        """
        whole = dataclasses.replace(
            self.without_minibatches(), precision="float32", written_out=False
        )
        return _score_whole(whole, params)

    @property
    def measures(self) -> tuple[str, ...]:
        """The accuracy, where there are classes or labels, and what the objective says besides."""
        also = [name for name, _ in self.objective.also]
        return tuple(sorted(also if "values" in self.targets else ["accuracy", *also]))

    @property
    def n_outputs(self) -> int:
        """Outputs of the model."""
        # Of arrays in the order in which JAX gives them back, which have a row for each output.
        return next(each for each in self.targets.values() if each.ndim == 2).shape[0]

    @property
    def uses_minibatches(self) -> bool:
        """Whether each generation sees its own batch."""
        return self.batch_size is not None

    @property
    def cost(self) -> Cost:
        """What one evaluation costs.

        In bfloat16, nothing is written out, since processors multiply that in whole matrices, and
        nothing shared: the sum of two layers that were rounded would be mostly rounding.
        """
        samples = self.batch_size or self.n_samples
        turned = isinstance(self.model, FeatureMajor) and self.batch_size is None
        sample = self.inputs.shape[:1] if turned else self.inputs.shape[1:]
        cost = cost_of(self.model, samples, sample, self.n_outputs)
        if self.precision == "float32":
            return cost
        return cost._replace(written_out=False, shares_center=False)

    def laid_out(self, layout: Layout) -> SupervisedProblem:
        """The same problem, with the network written out on rows or as matrix products."""
        few = self.n_outputs <= _FEW_OUTPUTS
        return dataclasses.replace(
            self, written_out=layout.written_out, judged_by_row=layout.neighbours and few
        )

    def batch(self, key: jax.Array) -> tuple[jax.Array, Targets]:
        """All the data, or the minibatch that belongs to the key."""
        if self.batch_size is None:
            return self.inputs, self.targets
        chosen = minibatch_indices(key, self.n_samples, self.batch_size)
        # A sample's numbers lie together: picked out of rows of features, they are read one by one.
        inputs = jnp.take(self.inputs, chosen, axis=0)
        if isinstance(self.model, FeatureMajor):
            # Written out as it is used: every candidate reads it.
            inputs = jax.lax.optimization_barrier(inputs.T)
        return inputs, pick(self.targets, chosen)

    def score(self, params: Params, batch: tuple[jax.Array, Targets]) -> Score:
        """Loss and measures of one network on a batch."""
        inputs, targets = batch
        if self.precision != "float32":
            # Only the network: a mean of numbers with 8 bits would lose most small differences.
            params, inputs = jax.tree.map(lambda x: x.astype(self.precision), (params, inputs))
        if isinstance(self.model, FeatureMajor):
            outputs = self.model.apply_rows(params, list(inputs) if self.written_out else inputs)
        else:
            outputs = self.model.apply(params, inputs).T
        if self.precision != "float32":
            outputs = jax.tree.map(lambda x: x.astype(jnp.float32), outputs)
        return self._judged(list(outputs) if self.judged_by_row else outputs, targets)

    def _judged(self, outputs: FeatureRows, targets: Targets) -> Score:
        outputs = self._scaled(outputs)
        loss, accuracy = self.objective.judge(outputs, targets)
        also = {name: measure(outputs, targets) for name, measure in self.objective.also}
        return Score(loss, also if "values" in self.targets else {"accuracy": accuracy, **also})

    def _scaled(self, outputs: FeatureRows) -> FeatureRows:
        if self.output_scale is None:
            return outputs
        if isinstance(outputs, list):
            return [scale * row for scale, row in zip(self.output_scale, outputs, strict=True)]
        return self.output_scale[:, None] * outputs


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@compiled()
def _score_whole(problem: SupervisedProblem, params: Params) -> Score:
    return problem.score(params, (problem.inputs, problem.targets))
