"""Samples of every kind, what objectives make of them, and what scikit-learn and SciPy do."""

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
from gradless.objectives import NAMES, Objective, prepared
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
