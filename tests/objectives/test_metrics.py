"""Every objective is that of scikit-learn or SciPy, with weights, ties and degenerate samples."""

import functools
import json
import warnings
from typing import NamedTuple

import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn import metrics as sk

from gradless import objectives
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset
from gradless.evaluation.layout import layout_for
from gradless.models.mlp import MLP, Dense
from gradless.objectives import NAMES, Objective, pick, prepared
from gradless.problems.contract import Layout
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import get as strategy
from helpers import judged_directly

SAMPLES = 64
SIZES = (1, 2, 7, SAMPLES)
"""How many of them are real. The others are noise of weight 0, so that few shapes are compiled."""

KINDS = {
    "2 classes": ("classification", 2),
    "4 classes": ("classification", 4),
    "3 labels": ("multilabel", 3),
    "1 number": ("regression", 1),
    "2 numbers": ("regression", 2),
}
COSTS = "cost_matrix:[[0,1,2,0.5],[3,0,-1,2],[1,1,0,1],[9,0,2,1]]"
TESTED = (*NAMES, "precision_at_recall:0.3", "huber:0.1", "quantile:0.9", "precision_at_k:5")
TESTED = (*TESTED, COSTS)


def offered(objective: Objective, kind: str) -> bool:
    task, outputs = KINDS[kind]
    return task in objective.tasks and objective.classes in (None, outputs)


PAIRS = [(n, kind) for n in TESTED for kind in KINDS if offered(objectives.get(n), kind)]
every_pair = pytest.mark.parametrize(("name", "kind"), PAIRS)


# --- Samples --------------------------------------------------------------------------------------


class Case(NamedTuple):
    """Samples to judge, of which the first ``real`` count."""

    label: str
    outputs: np.ndarray  # (SAMPLES, outputs)
    targets: np.ndarray  # (SAMPLES,) or (SAMPLES, outputs)
    weight: np.ndarray  # (SAMPLES,)
    real: int


def random_case(kind: str, seed: int, size: int, ties: bool, weighted: bool) -> Case:
    task, width = KINDS[kind]
    rng = np.random.default_rng([seed, size, ties, weighted, width])
    outputs = rng.normal(size=(SAMPLES, width))
    if ties:
        # Of both signs of zero, too.
        outputs = np.round(outputs)
    if task == "classification":
        targets = rng.integers(0, width, SAMPLES)
    elif task == "multilabel":
        targets = rng.integers(0, 2, (SAMPLES, width))
    else:
        targets = outputs + rng.normal(size=(SAMPLES, width)) * 2
        targets = (np.round(targets) if ties else targets).astype(np.float32)
    weight = rng.uniform(0.1, 3, SAMPLES) if weighted else np.ones(SAMPLES)
    if weighted:
        weight[1:][rng.random(SAMPLES - 1) < 0.3] = 0
    weight[size:] = 0
    return Case("random", outputs.astype(np.float32), targets, weight.astype(np.float32), size)


def degenerate_cases(kind: str, weighted: bool) -> list[Case]:
    """One class or value is all that is true or predicted, or both."""
    task, width = KINDS[kind]
    some = random_case(kind, 99, SAMPLES, ties=False, weighted=weighted)
    one_output = np.zeros_like(some.outputs)
    one_output[:, -1] = 1 if task == "classification" else -1  # no label is predicted
    one_target = np.zeros_like(some.targets)
    if task == "regression":
        one_target = np.full_like(some.targets, 0.5)  # whose mean is not rounded
    perfect = {
        "classification": np.eye(width)[some.targets] if task == "classification" else None,
        "multilabel": some.targets - 0.5,
        "regression": some.targets,
    }[task]
    perfect = np.asarray(perfect, np.float32)
    nothing = some._replace(outputs=one_output)
    agree = {"classification": 1 - one_output, "multilabel": one_output - 1}
    return [
        nothing._replace(label="outputs equal"),
        some._replace(label="targets equal", targets=one_target),
        nothing._replace(label="both equal", targets=one_target),
        some._replace(
            label="both equal and right",
            targets=one_target,
            outputs=agree.get(task, one_target).astype(np.float32),
        ),
        some._replace(label="perfect", outputs=perfect),
        some._replace(label="large", outputs=some.outputs * 1000),
    ]


@functools.cache
def cases(kind: str) -> list[Case]:
    random = [
        random_case(kind, 0, size, ties, weighted)
        for size in SIZES
        for ties in (False, True)
        for weighted in (False, True)
    ]
    found = [*random, *degenerate_cases(kind, True), *degenerate_cases(kind, False)]
    some = found[-1]
    for value in (np.nan, np.inf, -np.inf):
        for column in (0, KINDS[kind][1] - 1):
            outputs = some.outputs.copy()
            outputs[5, column] = value
            weight = np.where(np.arange(SAMPLES) == 5, 1, some.weight)
            found.append(some._replace(label=f"{value}", outputs=outputs, weight=weight))
    everything = some.outputs * np.nan
    found.append(some._replace(label="nan", outputs=everything))
    return [*found, some._replace(label="no samples", weight=0 * some.weight, real=0)]


def sound(kind: str) -> list[tuple[int, Case]]:
    """Those that have a value."""
    return [(i, c) for i, c in enumerate(cases(kind)) if c.real and np.isfinite(c.outputs).all()]


class Judged(NamedTuple):
    """What one objective makes of every case, each (cases,)."""

    loss: np.ndarray
    accuracy: np.ndarray
    loss_of_rows: np.ndarray
    accuracy_of_rows: np.ndarray


def judged(name: str, kind: str) -> Judged:
    """What the objective makes of the cases."""
    return all_judged(kind)[name]


@functools.cache
def all_judged(kind: str) -> dict[str, Judged]:
    """All objectives and cases by one program: a loop, so that a condition remains one."""
    task, width = KINDS[kind]
    names = [name for name, of in PAIRS if of == kind]

    def both(name, outputs, targets):
        judge = objectives.get(name).judge
        return Judged(*judge(outputs, targets), *judge(list(outputs), targets))

    @jax.jit
    def judge(cases):
        return jax.lax.map(lambda case: {name: both(name, *case) for name in names}, cases)

    targets = [
        prepared(
            task,
            case.targets,
            width,
            case.weight,
            judged_directly.beside(case.targets),
        )
        for case in cases(kind)
    ]
    outputs = np.stack([case.outputs.T for case in cases(kind)])
    found = judge((outputs, jax.tree.map(lambda *x: np.stack(x), *targets)))
    return jax.tree.map(np.asarray, found)


# --- What is expected -----------------------------------------------------------------------------


def binary_auc(y, score, w) -> float:
    """NaN with one class only."""
    return sk.roc_auc_score(y, score, sample_weight=w)


def roc_auc(y, z, w) -> float:
    if y.ndim == 1 and z.shape[1] == 2:
        return np.nan_to_num(binary_auc(y, z[:, 1] - z[:, 0], w), nan=0.5)
    classes = np.arange(z.shape[1])
    if y.ndim == 1 and np.isin(classes, y[w > 0]).all():
        return sk.roc_auc_score(y, softmax(z), multi_class="ovr", sample_weight=w)
    if y.ndim == 2 and ((y[w > 0] == 0).any(0) & (y[w > 0] == 1).any(0)).all():
        return sk.roc_auc_score(y, z, average="macro", sample_weight=w)
    # Where scikit-learn says NaN, those remain that have a value.
    score, true = (softmax(z), y[:, None] == classes) if y.ndim == 1 else (z, y)
    each = np.array([binary_auc(true[:, k], score[:, k], w) for k in classes])
    return 0.5 if np.isnan(each).all() else np.nanmean(each)


def softmax(z):
    """In float32, so that the same ones are equal as in the objective."""
    filled = np.zeros((SAMPLES, z.shape[1]), np.float32)  # one shape, so one program
    filled[: len(z)] = z
    return np.asarray(_softmax(filled.T), np.float64).T[: len(z)]


_softmax = jax.jit(functools.partial(jax.nn.softmax, axis=0))


def average_precision(y, z, w) -> float:
    if y.ndim == 2:
        return sk.average_precision_score(y, z, average="macro", sample_weight=w)
    if z.shape[1] == 2:
        return sk.average_precision_score(y, z[:, 1] - z[:, 0], sample_weight=w)
    true = np.eye(z.shape[1])[y]
    return sk.average_precision_score(true, softmax(z), average="macro", sample_weight=w)


def precision_at_recall(y, z, w, number) -> float:
    if not w[y == 1].any():
        return 0.0
    precision, recall, _ = sk.precision_recall_curve(y, z[:, 1] - z[:, 0], sample_weight=w)
    return precision[recall >= number - 1e-9].max()


def f_score(y, z, w, beta=1.0, average=None) -> float:
    predicted = z > 0 if y.ndim == 2 else z.argmax(1)
    labels = None
    if y.ndim == 1:
        if z.shape[1] == 2 and average is None:
            return sk.fbeta_score(y, predicted, beta=beta, sample_weight=w, zero_division=0)
        # Not those that only samples of weight 0 have.
        labels = np.union1d(y[w > 0], predicted[w > 0])
    return sk.fbeta_score(
        y,
        predicted,
        beta=beta,
        labels=labels,
        average=average or "macro",
        sample_weight=w,
        zero_division=0,
    )


def cross_entropy(y, z, w) -> float:
    if y.ndim == 2:
        p = np.clip(scipy.special.expit(z.astype(np.float64)), 1e-7, 1 - 1e-7)
        return np.mean(
            [sk.log_loss(y[:, k], p[:, k], labels=[0, 1], sample_weight=w) for k in range(len(p.T))]
        )
    p = np.clip(scipy.special.softmax(z.astype(np.float64), 1), 1e-7, 1 - 1e-7)
    return np.average(-np.log(p[np.arange(len(y)), y]), weights=w)


def accuracy(y, z, w) -> float:
    return sk.accuracy_score(y, z > 0 if y.ndim == 2 else z.argmax(1), sample_weight=w)


def squared_error(y, z, w) -> float:
    if y.dtype.kind == "i":
        y = np.eye(z.shape[1])[y]
    return sk.mean_squared_error(y, z, sample_weight=w)


def r2(y, z, w) -> float:
    if np.count_nonzero(w) == 1:  # scikit-learn says NaN
        return np.mean(y[w > 0] == z[w > 0])
    return sk.r2_score(y[w > 0], z[w > 0], sample_weight=w[w > 0])


def spearman(y, z, w) -> float:
    """SciPy's, which knows no weights; with them the ranks are written out."""

    def ranks(x):
        below = (x[:, None] > x[None, :]) @ w
        return below + (x[:, None] == x[None, :]) @ w / 2

    def one(y, z):
        if (w == 1).all():
            return 0.0 if len(y) < 2 else np.nan_to_num(scipy.stats.spearmanr(y, z).statistic)
        return np.nan_to_num(
            np.cov(ranks(y), ranks(z), aweights=w, ddof=0)[0, 1]
            / np.sqrt(np.cov(ranks(y), aweights=w, ddof=0) * np.cov(ranks(z), aweights=w, ddof=0))
        )

    return np.mean(
        [
            0.0 if constant(a, w) or constant(b, w) else one(a, b)
            for a, b in zip(y.T, z.T, strict=True)
        ]
    )


def constant(x, w) -> bool:
    return len(np.unique(x[w > 0])) == 1


def mean_of(loss):
    """A loss of errors, averaged over samples and outputs."""
    return lambda y, z, w, *number: np.average(
        loss(*number, y.astype(np.float64) - z), axis=0, weights=w
    ).mean()


ORACLES = {
    "cross_entropy": cross_entropy,
    "zero_one": lambda y, z, w: 1 - accuracy(y, z, w),
    "accuracy": accuracy,
    "balanced_accuracy": lambda y, z, w: sk.balanced_accuracy_score(
        y, z.argmax(1), sample_weight=w
    ),
    "f1": f_score,
    "f1_macro": functools.partial(f_score, average="macro"),
    "f1_weighted": functools.partial(f_score, average="weighted"),
    "fbeta": f_score,
    "matthews": lambda y, z, w: sk.matthews_corrcoef(y, z.argmax(1), sample_weight=w),
    "cohen_kappa": lambda y, z, w: np.nan_to_num(
        sk.cohen_kappa_score(y, z.argmax(1), sample_weight=w)
    ),
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "precision_at_recall": precision_at_recall,
    "squared_error": squared_error,
    "absolute_error": lambda y, z, w: sk.mean_absolute_error(y, z, sample_weight=w),
    "log_cosh": mean_of(lambda e: np.logaddexp(e, -e) - np.log(2)),
    "huber": mean_of(scipy.special.huber),
    "quantile": lambda y, z, w, q: sk.mean_pinball_loss(y, z, alpha=q, sample_weight=w),
    "r2": r2,
    "spearman": spearman,
    "quadratic_kappa": judged_directly.quadratic_kappa,
    "cost_matrix": judged_directly.cost,
    "precision_at_k": judged_directly.precision_at_k,
    "profit_at_k": judged_directly.profit_at_k,
    "profit": judged_directly.profit,
    "equal_opportunity": judged_directly.equal_opportunity,
    "equal_opportunity_f1": judged_directly.equal_opportunity_f1,
    "concordance": judged_directly.concordance,
    "ndcg": judged_directly.ndcg,
    "ndcg_at_k": judged_directly.ndcg,
}


def expected(name: str, case: Case) -> float:
    family, _, number = name.partition(":")
    y, z, w = (x[: case.real] for x in (case.targets, case.outputs, case.weight))
    if y.dtype.kind == "f":
        y, z = y.reshape(len(y), -1), z.astype(np.float64)
    beside = judged_directly.beside(case.targets)
    beside = {role: beside[role][: case.real] for role in objectives.get(name).needs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbers = [json.loads(number)] if number else []
        return ORACLES[family](y, z, w.astype(np.float64), *numbers, **beside)


# --- All against these ----------------------------------------------------------------------------


@every_pair
def test_values_are_those_of_scikit_learn_and_scipy(name: str, kind: str) -> None:
    found = judged(name, kind)
    sign = -1 if objectives.get(name).greater_is_better else 1
    assert len({round(float(found.loss[i]), 4) for i, _ in sound(kind)}) > 3
    for i, case in sound(kind):
        value = pytest.approx(expected(name, case), rel=2e-5, abs=3e-6)
        assert sign * found.loss[i] == value, (i, case.label)
        assert sign * found.loss_of_rows[i] == value, (i, case.label)


@every_pair
def test_accuracy_goes_with_every_objective(name: str, kind: str) -> None:
    found = judged(name, kind)
    for i, case in sound(kind):
        if KINDS[kind][0] == "regression":
            assert np.isnan(found.accuracy[i])
            assert np.isnan(found.accuracy_of_rows[i])
        else:
            value = pytest.approx(expected("accuracy", case), rel=1e-6)
            assert found.accuracy[i] == value, (i, case.label)
            assert found.accuracy_of_rows[i] == value, (i, case.label)


@every_pair
def test_nan_outputs_have_no_value(name: str, kind: str) -> None:
    found = judged(name, kind)
    several = [i for i, case in enumerate(cases(kind)) if case.label == "nan"]
    assert len(several) == 3
    for i in several:
        if name in ("accuracy", "zero_one"):  # of which such a sample is wrong
            value = pytest.approx(abs(expected(name, misjudged(kind, cases(kind)[i]))))
            assert abs(found.loss[i]) == value
            assert abs(found.loss_of_rows[i]) == value
        else:
            assert np.isnan(found.loss[i])
            assert np.isnan(found.loss_of_rows[i])


def misjudged(kind: str, case: Case) -> Case:
    """The samples with NaN outputs given wrong ones."""
    task, width = KINDS[kind]
    wrong = -np.eye(width)[case.targets] if task == "classification" else 0.5 - case.targets
    nan = np.isnan(case.outputs).any(1, keepdims=True)
    return case._replace(outputs=np.where(nan, wrong, case.outputs))


@every_pair
def test_no_samples_have_no_value(name: str, kind: str) -> None:
    assert cases(kind)[-1].label == "no samples"
    for loss in (judged(name, kind).loss, judged(name, kind).loss_of_rows):
        assert np.isnan(loss[-1])


@every_pair
def test_infinite_outputs_have_the_same_value_in_both_layouts(name: str, kind: str) -> None:
    found = judged(name, kind)
    several = [i for i, case in enumerate(cases(kind)) if np.isinf(case.outputs).any()]
    assert len(several) == 4
    np.testing.assert_allclose(found.loss[several], found.loss_of_rows[several], rtol=1e-6)


DEGENERATE = {
    # outputs equal, targets equal, both equal, both equal and right
    ("balanced_accuracy", "2 classes"): (0.5, None, 0, 1),
    ("f1", "2 classes"): (None, 0, 0, 0),
    ("f1_macro", "4 classes"): (None, None, 0, None),
    ("matthews", "2 classes"): (0, 0, 0, 0),
    ("matthews", "4 classes"): (0, 0, 0, None),
    ("cohen_kappa", "2 classes"): (0, 0, 0, 0),
    ("roc_auc", "2 classes"): (0.5, 0.5, 0.5, 0.5),
    ("roc_auc", "4 classes"): (0.5, 0.5, 0.5, 0.5),
    ("roc_auc", "3 labels"): (0.5, 0.5, 0.5, 0.5),
    ("average_precision", "2 classes"): (None, 0, 0, 0),
    ("average_precision", "3 labels"): (None, 0, 0, 0),
    ("precision_at_recall:0.9", "2 classes"): (None, 0, 0, 0),
    ("f1", "3 labels"): (0, 0, 0, 0),
    ("f1_weighted", "3 labels"): (0, 0, 0, 0),
    ("quadratic_kappa", "2 classes"): (0, 0, 0, 0),
    ("quadratic_kappa", "4 classes"): (0, 0, 0, 0),
    ("precision_at_k:5", "2 classes"): (None, 0, 0, 0),
    ("r2", "1 number"): (None, 0, 0, 1),
    ("r2", "2 numbers"): (None, 0, 0, 1),
    ("spearman", "1 number"): (0, 0, 0, 0),
}


@pytest.mark.parametrize(("name", "kind"), DEGENERATE)
def test_degenerate_samples_have_the_documented_value(name: str, kind: str) -> None:
    labels = ("outputs equal", "targets equal", "both equal", "both equal and right")
    at = {case.label: i for i, case in enumerate(cases(kind))}
    for label, value in zip(labels, DEGENERATE[name, kind], strict=True):
        if value is not None:
            # Not nearly: a search would follow what rounding leaves.
            assert judged(name, kind).loss[at[label]] == -value, label
            assert judged(name, kind).loss_of_rows[at[label]] == -value, label


def test_equal_targets_of_which_the_mean_is_rounded_have_no_variance() -> None:
    targets = np.full((SAMPLES, 2), 0.1, np.float32)
    weight = random_case("2 numbers", 0, SAMPLES, ties=False, weighted=True).weight
    outputs = targets.copy()
    assert objectives.get("r2")(outputs, targets, weight) == 1
    outputs[0] = 0.2
    assert objectives.get("r2")(outputs, targets, weight) == 0


# --- In other hands -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["2 classes", "4 classes", "3 labels", "2 numbers"])
def test_a_minibatch_has_the_targets_of_its_samples(kind: str) -> None:
    task, width = KINDS[kind]
    case = random_case(kind, 7, SAMPLES, ties=False, weighted=True)
    chosen = np.random.default_rng(0).choice(SAMPLES, 20, replace=False)
    taken = _pick(prepared(task, case.targets, width, case.weight), chosen)
    alone = prepared(task, case.targets[chosen], width, case.weight[chosen])
    assert taken.keys() == alone.keys()
    np.testing.assert_allclose(taken.pop("total"), alone.pop("total"), rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, taken, alone)


_pick = jax.jit(pick)


# Means over samples, counts, ranks, and spreads.
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cross_entropy", "4 classes"),
        ("f1", "3 labels"),
        ("roc_auc", "2 classes"),
        ("r2", "2 numbers"),
    ],
)
def test_a_minibatch_is_judged_by_its_samples(name: str, kind: str) -> None:
    task, width = KINDS[kind]
    case = random_case(kind, 7, SAMPLES, ties=False, weighted=True)
    chosen = np.random.default_rng(0).choice(SAMPLES, 20, replace=False)
    targets = prepared(task, case.targets, width, case.weight)

    @jax.jit
    def loss(outputs, targets, chosen):
        return objectives.get(name).judge(list(outputs[:, chosen]), pick(targets, chosen))[0]

    value = abs(float(loss(case.outputs.T, targets, chosen)))
    taken = Case("", case.outputs[chosen], case.targets[chosen], case.weight[chosen], 20)
    assert value == pytest.approx(abs(expected(name, taken)), rel=2e-5, abs=3e-6)


ONE_KIND_EACH = [
    (
        name,
        next(
            kind
            for kind in ("4 classes", "2 classes", "2 numbers")
            if offered(objectives.get(name), kind)
        ),
    )
    for name in NAMES
    if not objectives.get(name).needs
]


@pytest.mark.parametrize(
    ("name", "kind"), [*ONE_KIND_EACH, ("cross_entropy", "3 labels"), ("f1", "3 labels")]
)
def test_people_get_the_value(name: str, kind: str) -> None:
    case = random_case(kind, 8, SAMPLES, ties=False, weighted=True)
    value = objectives.get(name)(case.outputs, case.targets, case.weight, KINDS[kind][0])
    assert value == pytest.approx(expected(name, case), rel=2e-5, abs=3e-6)
    even = objectives.get(name)(case.outputs, case.targets, task=KINDS[kind][0])
    weight = np.ones(SAMPLES, np.float32)
    assert even == pytest.approx(expected(name, case._replace(weight=weight)), rel=2e-5, abs=3e-6)
    assert even != pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("name", ["spearman", "roc_auc", "r2", "matthews"])
def test_a_sample_of_weight_two_is_two_samples(name: str) -> None:
    kind = "2 numbers" if name in ("spearman", "r2") else "4 classes"
    case = random_case(kind, 5, SAMPLES, ties=True, weighted=False)
    # As many as before, so that it is one program.
    drawn = np.random.default_rng(1).integers(0, SAMPLES, SAMPLES)
    times = np.bincount(drawn, minlength=SAMPLES)
    assert {0, 1, 2, 3} <= {*times}
    objective = objectives.get(name)
    once = objective(case.outputs, case.targets, times)
    repeated = objective(np.repeat(case.outputs, times, 0), np.repeat(case.targets, times, 0))
    assert once == pytest.approx(repeated, rel=1e-5)


@pytest.mark.parametrize("error", [1e-4, 1e-2, 0.99, 1.01, 50.0, 1e4])
def test_log_cosh_is_exact_for_small_and_large_errors(error: float) -> None:
    errors = np.float32([[error], [-error]])
    exact = np.log1p(2 * np.sinh(min(error, 30) / 2) ** 2) if error < 30 else error - np.log(2)
    found = objectives.get("log_cosh")(errors, np.zeros(2, np.float32))
    assert found == pytest.approx(exact, rel=1e-6)


def test_trained_members_are_judged_with_weights(vertical: Dataset) -> None:
    weight = np.random.default_rng(0).uniform(0, 2, vertical.n_samples).astype(np.float32)
    weight[:20] = 0
    model = MLP((2, 3, 3))
    rng = np.random.default_rng(1)
    shapes = [((2, 3), (3,)), ((3, 3), (3,))]
    params = tuple(
        Dense(*(rng.normal(size=shape).astype(np.float32) for shape in layer)) for layer in shapes
    )
    hidden, last = params
    outputs = np.maximum(vertical.features @ hidden.weights + hidden.biases, 0) @ last.weights
    outputs += last.biases
    for name in ("cross_entropy", "f1"):
        problem = SupervisedProblem.of(vertical, model, objectives.get(name), weight=weight)
        assert layout_for(problem, strategy("random_search")).written_out
        case = Case("", outputs, vertical.targets, weight, len(weight))
        for rows in (True, False):
            laid_out = problem.laid_out(Layout(rows, 1, 1))
            score = jax.jit(lambda p, b, problem=laid_out: problem.score(p, b))
            found = score(params, (problem.inputs, problem.targets))
            loss, accuracy = float(found.loss), float(found.measures["accuracy"])
            assert abs(loss) == pytest.approx(expected(name, case), rel=1e-5)
            assert accuracy == pytest.approx(expected("accuracy", case), rel=1e-5)


# --- What they refuse -----------------------------------------------------------------------------


def test_two_classes_are_asked_for(vertical: Dataset) -> None:
    objective = objectives.get("precision_at_recall:0.9")
    message = "objective 'precision_at_recall:0.9' must be used for 2 classes, got 3"
    with pytest.raises(InputError, match=message):
        SupervisedProblem.of(vertical, MLP((2, 3, 3)), objective)
    with pytest.raises(InputError, match=message):
        objective(np.zeros((4, 3)), np.zeros(4, int))


@pytest.mark.parametrize("name", ["r2", "mae", "spearman", "log_cosh", "huber", "quantile"])
def test_classes_are_no_numbers(name: str, vertical: Dataset) -> None:
    with pytest.raises(InputError, match="must be used for regression, got classification; choose"):
        SupervisedProblem.of(vertical, MLP((2, 3, 3)), objectives.get(name))


@pytest.mark.parametrize("name", ["matthews", "cohen_kappa", "balanced_accuracy", "r2"])
def test_labels_have_no_such_value(name: str) -> None:
    with pytest.raises(InputError, match="got multilabel"):
        objectives.get(name)(np.zeros((4, 3)), np.ones((4, 3), int), task="multilabel")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(299), r"of shape \(300,\), got shape \(299,\)"),
        (np.zeros(300), "not all 0, got 0.0 to 0.0"),
        (np.r_[-1, np.ones(299)], "not all 0, got -1.0 to 1.0"),
        (np.r_[np.inf, np.ones(299)], "not all 0, got 1.0 to inf"),
    ],
)
def test_weights_that_count_nothing(weight, message: str, vertical: Dataset) -> None:
    objective = objectives.get("f1")
    with pytest.raises(InputError, match=message):
        SupervisedProblem.of(vertical, MLP((2, 3, 3)), objective, weight=weight)
    with pytest.raises(InputError, match=message):
        objective(np.zeros((300, 3)), vertical.targets, weight)


@pytest.mark.parametrize("labels", [np.ones((4, 3), int), np.zeros((4, 3), int)])
def test_labels_are_not_taken_for_classes(labels) -> None:
    with pytest.raises(InputError, match="give task='multilabel'"):
        objectives.get("f1")(np.zeros((4, 3)), labels)


@pytest.mark.parametrize("labels", [np.ones((4, 2), int), np.full((4, 3), 2), np.ones(4)])
def test_labels_are_zero_or_one_for_each_output(labels) -> None:
    with pytest.raises(InputError, match="labels must be 0 or 1 for each output"):
        objectives.get("f1")(np.zeros((4, 3)), labels, task="multilabel")
