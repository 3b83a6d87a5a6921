"""How is a population evaluated fast? Layout, blocks and devices: all of the speed lives here.

On a CPU, members are mapped one after another (or in small blocks), each with its activations
feature-major, and the population is spread over all cores by one mesh; nothing the size of
population x activations is ever stored. On a GPU, large blocks of members are evaluated together.
The same code then serves several GPUs.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gradless import tree
from gradless.data import Dataset
from gradless.errors import InputError, unknown_name
from gradless.minibatch import minibatch_indices
from gradless.models import MLP, Model, Rows
from gradless.objectives import Objective, Targets, Task, checked_weight, pick, prepared
from gradless.processor import LANES, has_bfloat16
from gradless.programs import compiled
from gradless.sharing import POPULATION
from gradless.strategies.base import OppositePairs, Strategy, opposite_pairs, rank
from gradless.tree import Candidates, Params

PRECISIONS = ("float32", "bfloat16")
T = TypeVar("T")


class Score(NamedTuple):
    """Loss and accuracy: of one candidate, or (population,) of all; accuracy NaN if undefined."""

    loss: Any
    accuracy: Any


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


class Problem(Protocol):
    """What a population is evaluated on: a pytree of its data, with static settings.

    One with minibatches may have a target if it can also judge all of its data:
    :class:`gradless.judged_targets.JudgedOnAll`.
    """

    @property
    def operations(self) -> float:
        """Rough number of arithmetic operations of one evaluation."""

    @property
    def layout_hint(self) -> tuple[bool, int]:
        """Whether rows are better than products on a CPU, and the numbers held per candidate."""

    @property
    def uses_minibatches(self) -> bool:
        """Whether the loss of the same parameters changes from generation to generation."""

    def batch(self, key: jax.Array) -> Any:
        """The data that one generation sees, a pure function of the key."""

    def score(self, params: Params, batch: Any, rows: bool) -> Score:
        """Score of one candidate on a batch."""


@tree.as_pytree(
    traced=["inputs", "targets", "output_scale"],
    static=["model", "objective", "n_samples", "batch_size", "precision"],
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
    look at differences, or at the order.
    """

    inputs: jax.Array
    targets: Targets
    model: Model
    objective: Objective
    n_samples: int
    batch_size: int | None = None
    precision: str = "float32"
    output_scale: jax.Array | None = None

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
        ``outputs`` is for regression; None leaves the outputs as they are.

        Raises
        ------
        InputError
            If the objective cannot judge this kind of data, the sizes or weights do not fit, or
            the machine has no arithmetic of this precision, or the network needs another.
        """
        check_precision(precision, model)
        task: Task = "classification" if dataset.is_classification else "regression"
        objective.check(task, dataset.n_outputs)
        if isinstance(model, MLP) and (model.sizes[0], model.sizes[-1]) != (
            dataset.n_features,
            dataset.n_outputs,
        ):
            raise InputError(
                f"a network with {model.sizes[0]} inputs and {model.sizes[-1]} outputs was given "
                f"for data with {dataset.n_features} features and {dataset.n_outputs} outputs; "
                "make the first and last layer sizes fit the data"
            )
        if batch_size is not None and not 1 <= batch_size <= dataset.n_samples:
            raise InputError(
                f"batch size {batch_size} was given for {dataset.n_samples} training samples, "
                f"expected 1 to {dataset.n_samples}"
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
    ) -> SupervisedProblem:
        """Problem of arrays that were checked: targets as :func:`gradless.objectives.prepared`.

        ``filled`` is how many samples there are at least, with the copies of weight zero: problems
        filled up to one size share what was compiled. It is not for minibatches, which would draw
        such copies.
        """
        real = len(features)
        batch_size = None if batch_size == real else batch_size
        feature_major = hasattr(model, "apply_rows")
        # What does not fill a vector would be computed number by number.
        size = -(-max(real, filled) // LANES) * LANES if feature_major else real
        chosen = np.arange(size) % real
        given = np.ones(real) if weight is None else weight
        counted = np.where(np.arange(size) < real, given[chosen], 0)
        ready = prepared(task, targets[chosen], n_outputs, counted)
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
        turned = hasattr(self.model, "apply_rows")
        inputs = self.inputs.T if turned else self.inputs
        return dataclasses.replace(self, inputs=inputs, batch_size=None)

    def score_all(self, params: Params) -> Score:
        """Loss and accuracy of one network on all samples, of shape ().

        In float32 whatever the precision of the search, as the network is used afterwards.
        """
        whole = dataclasses.replace(self.without_minibatches(), precision="float32")
        return _score_whole(whole, params)

    @property
    def uses_minibatches(self) -> bool:
        """Whether each generation sees its own batch."""
        return self.batch_size is not None

    @property
    def operations(self) -> float:
        """Rough number of multiply-adds of one evaluation; exp and log count as ten."""
        samples = self.batch_size or self.n_samples
        outputs = next(iter(self.targets.values())).shape[0]
        if isinstance(self.model, MLP):
            return samples * (self.model.n_parameters + 10.0 * outputs)
        return 10.0 * samples * self.inputs.size / self.n_samples

    @property
    def layout_hint(self) -> tuple[bool, int]:
        """Rows for networks of a few hundred weights; numbers held at once by one candidate.

        Not in bfloat16, which processors multiply in whole matrices and not row by row.
        """
        samples = self.batch_size or self.n_samples
        if not isinstance(self.model, MLP):
            return False, 4 * samples * max(1, self.inputs.size // self.n_samples)
        sizes = self.model.sizes
        weights = sum(i * o for i, o in itertools.pairwise(sizes))
        rows = weights <= _WEIGHTS_WRITTEN_OUT and self.precision == "float32"
        return rows, 2 * samples * max(sizes)

    def batch(self, key: jax.Array) -> tuple[jax.Array, Targets]:
        """All the data, or the minibatch that belongs to the key."""
        if self.batch_size is None:
            return self.inputs, self.targets
        chosen = minibatch_indices(key, self.n_samples, self.batch_size)
        # A sample's numbers lie together: picked out of rows of features, they are read one by one.
        inputs = jnp.take(self.inputs, chosen, axis=0)
        if hasattr(self.model, "apply_rows"):
            # Written out as it is used: every candidate reads it.
            inputs = jax.lax.optimization_barrier(inputs.T)
        return inputs, pick(self.targets, chosen)

    def score(self, params: Params, batch: tuple[jax.Array, Targets], rows: bool) -> Score:
        """Loss and accuracy of one network on a batch."""
        inputs, targets = batch
        if self.precision != "float32":
            # Only the network: a mean of numbers with 8 bits would lose most small differences.
            params, inputs = jax.tree.map(lambda x: x.astype(self.precision), (params, inputs))
        if hasattr(self.model, "apply_rows"):
            outputs = self.model.apply_rows(params, list(inputs) if rows else inputs)
        else:
            outputs = self.model.apply(params, inputs).T
        if self.precision != "float32":
            outputs = jax.tree.map(lambda x: x.astype(jnp.float32), outputs)
        return Score(*self.objective.judge(self._scaled(outputs), targets))

    def _scaled(self, outputs: Rows) -> Rows:
        if self.output_scale is None:
            return outputs
        if isinstance(outputs, list):
            return [scale * row for scale, row in zip(self.output_scale, outputs, strict=True)]
        return self.output_scale[:, None] * outputs

    @property
    def has_first_layer(self) -> bool:
        """Whether there is a :meth:`first` layer, linear in the parameters, and not the last."""
        # The sum of two layers rounded to bfloat16 would be mostly rounding, and with weights that
        # are rounded it would be another network.
        deep = isinstance(self.model, MLP) and len(self.model.sizes) > 2 and not self.model.rounds
        return deep and self.precision == "float32"

    def first(self, params: Params, batch: tuple[jax.Array, Targets]) -> Any:
        """First layer of a network, before its activation."""
        assert isinstance(self.model, MLP)
        return self.model.first(params, batch[0])

    def score_after_first(
        self, params: Params, first: Any, batch: tuple[jax.Array, Targets]
    ) -> Score:
        """Score of a network, the first layer of which was computed apart.

        That layer is linear in the parameters, so for two networks center + change and center -
        change it is the same two numbers added and subtracted: one product where most work is.
        """
        assert isinstance(self.model, MLP)
        outputs = self.model.after_first(params, first)
        return Score(*self.objective.judge(self._scaled(outputs), batch[1]))


@dataclass(frozen=True)
class Layout:
    """How a population is evaluated; two runs that differ only in it find the same.

    Parameters
    ----------
    rows
        Networks are written out as multiply-adds on rows, instead of matrix products.
    block
        Members evaluated together before the next ones are begun.
    devices
        Devices over which the population is spread.
    pairs
        Opposite candidates are evaluated together, and share noise and first layer.
    """

    rows: bool
    block: int
    devices: int
    pairs: bool = False

    @property
    def mesh(self) -> Mesh:
        """The devices as one mesh."""
        return _mesh(self.devices)


@functools.cache
def _mesh(devices: int) -> Mesh:
    return Mesh(jax.devices()[:devices], (POPULATION,))


# Operations of a generation for which a second device is worth the exchange of losses, 70
# microseconds on two cores.
_OPERATIONS_WORTH_SHARING = 3_000_000
# Up to here, rows are 1.5 to 3 times as fast as products; beyond, they do not fit into the
# processor's registers and first cache, and take seconds to compile.
_WEIGHTS_WRITTEN_OUT = 400
_WEIGHTS_WRITTEN_OUT_AGAIN = 100  # for a single network, where a second is not worth compiling
_ROWS_BLOCK = 1024  # members whose rows are computed together
_NUMBERS_IN_A_ROWS_BLOCK = 2**25
_NUMBERS_IN_A_GPU_BLOCK = 2**28
_LOW_RANK_BLOCK = 4  # pairs
_NUMBERS_IN_A_LOW_RANK_BLOCK = 2**22


def layout_for(problem: Problem, strategy: Strategy) -> Layout:
    """The layout that :func:`choose_layout` chooses for a strategy's populations."""
    return choose_layout(problem, strategy.population, opposite_pairs(strategy), rank(strategy) > 0)


def choose_layout(
    problem: Problem, population: int, opposite_pairs: bool = False, low_rank: bool = False
) -> Layout:
    """The layout that measured best for this platform, network, population and its making."""
    available = jax.device_count()
    rows, held = problem.layout_hint
    if jax.default_backend() == "cpu":
        if rows:
            # The compiler itself spreads the rows of a block over the cores.
            block = min(population, _ROWS_BLOCK, max(1, _NUMBERS_IN_A_ROWS_BLOCK // held))
            return Layout(True, block, 1)
        worth = population * problem.operations >= _OPERATIONS_WORTH_SHARING
        pairs = (
            opposite_pairs and isinstance(problem, SupervisedProblem) and problem.has_first_layer
        )
        parts = population // 2 if pairs else population
        devices = min(available, parts) if worth else 1
        block = 1
        if pairs and low_rank:
            # The thin products of many members with the same inputs are one product.
            block = max(
                1, min(parts // devices, _LOW_RANK_BLOCK, _NUMBERS_IN_A_LOW_RANK_BLOCK // held)
            )
        return Layout(False, block, devices, pairs)
    devices = min(available, population)
    members = -(-population // devices)
    return Layout(False, max(1, min(members, _NUMBERS_IN_A_GPU_BLOCK // held)), devices)


def everywhere(function: Callable[..., T], layout: Layout) -> Callable[..., T]:
    """The function run by every device of the layout, with the same arguments and results.

    Inside it, :func:`evaluate` shares out a population, and nothing else is exchanged. Left to
    itself, the compiler would spread a strategy's small arrays over the devices as well and
    exchange them twenty times a generation.
    """
    if layout.devices == 1:
        return function
    same = PartitionSpec()
    # The gathered scores are equal everywhere, which is not inferred.
    mapped: Callable[..., T] = jax.shard_map(
        function, mesh=layout.mesh, in_specs=same, out_specs=same, check_vma=False
    )
    return mapped


def evaluate(
    problem: Problem,
    strategy: Strategy,
    state: Any,
    candidates: Candidates,
    batch: Any,
    layout: Layout,
) -> Score:
    """Score every candidate of a population on one batch; to be called :func:`everywhere`.

    Parameters
    ----------
    problem
        What they are evaluated on.
    strategy, state
        They decode candidates.
    candidates
        Population on the leading axis.
    batch
        Data, the same for all.
    layout
        How to do it.

    Returns
    -------
    Score
        Losses and accuracies, each of shape (population,). Losses are as computed, NaN included.
    """

    def members(candidates: Candidates) -> Score:
        def score(candidate: Any) -> Score:
            return problem.score(strategy.decode(state, candidate), batch, layout.rows)

        return map_members(score, candidates, layout.block)

    def pairs(candidates: Candidates) -> Score:
        """Scores (members, 2) of the given candidates and of those opposite."""
        assert isinstance(problem, SupervisedProblem)
        assert isinstance(strategy, OppositePairs)
        center = strategy.center(state)
        middle = problem.first(center, batch)

        def score(candidate: Any) -> Score:
            change = strategy.change(state, candidate)
            first = problem.first(change, batch)
            both = [
                problem.score_after_first(
                    jax.tree.map(add, center, change), add(middle, first), batch
                )
                for add in (operator.add, operator.sub)
            ]
            return Score(*map(jnp.stack, zip(*both, strict=True)))

        return map_members(score, candidates, layout.block)

    population = tree.population_size(candidates)
    if layout.pairs:
        half = jax.tree.map(lambda x: x[: population // 2], candidates)
        scores = _shared(pairs, half, layout)
        return jax.tree.map(lambda x: x.T.reshape(population), scores)
    return _shared(members, candidates, layout)


def _shared(
    function: Callable[[Candidates], Score], candidates: Candidates, layout: Layout
) -> Score:
    """The function's results for all candidates, of which each device computes a share."""
    if layout.devices == 1:
        return function(candidates)
    population = tree.population_size(candidates)
    share = -(-population // layout.devices)
    # The last shares are filled up with members from the beginning.
    chosen = (jax.lax.axis_index(POPULATION) * share + jnp.arange(share)) % population
    scores = jnp.stack(function(jax.tree.map(lambda x: x[chosen], candidates)))
    # One exchange a generation: everything after it is small, and done by every device alike.
    gathered = jax.lax.all_gather(scores, POPULATION, axis=1, tiled=True)
    return Score(*gathered[:, :population])


def map_members(one: Callable[[Any], T], candidates: Candidates, block: int) -> T:
    """Apply ``one`` to every candidate, ``block`` at a time; results on the leading axis."""
    population = tree.population_size(candidates)
    if population == 1:
        # No loop and no batch axis around a single member.
        return jax.tree.map(lambda x: x[None], one(tree.member(candidates, 0)))
    if block >= population:
        return jax.vmap(one)(candidates)
    if block == 1:
        return jax.lax.map(one, candidates)
    # Blocks of one size, since another size is another program to compile: the last one is filled
    # up with members from the beginning.
    blocks = -(-population // block)
    block = -(-population // blocks)
    if blocks * block > population:
        chosen = jnp.arange(blocks * block) % population
        candidates = jax.tree.map(lambda x: x[chosen], candidates)
    split = jax.tree.map(lambda x: x.reshape(blocks, block, *x.shape[1:]), candidates)
    scores = jax.lax.map(jax.vmap(one), split)
    return jax.tree.map(lambda x: x.reshape(blocks * block, *x.shape[2:])[:population], scores)


def score_one(problem: Problem, params: Params, batch: Any, layout: Layout) -> Score:
    """Score of a single network, besides those of a population."""
    small = tree.size(params) <= _WEIGHTS_WRITTEN_OUT_AGAIN
    return problem.score(params, batch, layout.rows and small)


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@compiled()
def _score_whole(problem: SupervisedProblem, params: Params) -> Score:
    return problem.score(params, (problem.inputs, problem.targets), rows=False)


def replicate(values: Any, layout: Layout) -> Any:
    """Put a pytree on every device of the layout."""
    return jax.device_put(values, NamedSharding(layout.mesh, PartitionSpec()))


def check_precision(precision: str, model: Model) -> None:
    """Refuse a precision that is unknown, too coarse, or that this machine could only imitate.

    Raises
    ------
    InputError
        For these.
    """
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if precision != "float32" and isinstance(model, MLP) and model.rounds:
        raise InputError(
            f"precision {precision} was given with {model.weights} weights, which times their "
            "scale are exact in float32 alone; use precision float32, or weights float32"
        )
    if precision == "float32" or jax.default_backend() != "cpu":
        return
    if not has_bfloat16():
        raise InputError(
            "precision bfloat16 was given on a processor without bfloat16 arithmetic, expected a "
            "GPU, a TPU or a processor with avx512_bf16, amx_bf16 or bf16; use float32"
        )


def why(layout: Layout, problem: Problem, population: int) -> str:
    """What speaks for the layout that :func:`choose_layout` chose, in words."""
    if jax.default_backend() != "cpu":
        return "an accelerator is busy only with many members at once"
    if layout.rows:
        return (
            f"with at most {_WEIGHTS_WRITTEN_OUT} weights, rows fit into registers and the first "
            "cache; the compiler spreads them over the cores itself"
        )
    reasons = ["written out as rows, it would not fit into registers"]
    if getattr(problem, "precision", "float32") != "float32":
        reasons = ["bfloat16 is multiplied in whole matrices"]
    if layout.pairs:
        reasons.append("opposite members share their noise and most of their first layer")
    worth = "is worth sharing" if layout.devices > 1 else "is too short to be shared"
    millions = population * problem.operations / 1e6
    reasons.append(f"a generation of {millions:,.3g} million operations {worth}")
    return "; ".join(reasons)
