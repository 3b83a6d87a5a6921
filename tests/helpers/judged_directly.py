"""What new objectives are held against: written out from their definitions, or of other packages.

Arguments are the answers, outputs (samples, outputs), weights, and what the objective looks at
besides by name; all of them of the samples that count.
"""

import numpy as np
from sklearn import metrics as sk

_MOST = 1000


def beside(targets: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of every role: few groups and many ties."""

    def drawn(seed):
        return np.random.default_rng(seed)

    found = {
        "value": drawn(0).normal(3, 2, _MOST),
        "group": drawn(1).integers(0, 5, _MOST),
        "event": drawn(2).integers(0, 2, _MOST),
    }
    found = {name: values[: len(targets)] for name, values in found.items()}
    if targets.dtype.kind == "f":
        found["relevance"] = np.abs(np.round(targets.reshape(len(targets), -1)[:, 0]))
    return {name: values.astype(np.float32) for name, values in found.items()}


def quadratic_kappa(y, z, w):
    classes = np.arange(z.shape[1])
    return np.nan_to_num(
        sk.cohen_kappa_score(y, z.argmax(1), weights="quadratic", labels=classes, sample_weight=w)
    )


def cost(y, z, w, table):
    return np.average(np.asarray(table)[y, z.argmax(1)], weights=w)


def listed(z, w, length):
    """Weights of the rows on the list, tie by tie."""
    score = z[:, 1] - z[:, 0]
    room = left = length * w.sum() if length < 1 else min(length, w.sum())
    found = np.zeros(len(w))
    for value in np.unique(score)[::-1]:
        here = (score == value) & (w > 0)
        if left <= 0 or not here.any():
            continue
        share = min(1.0, left / w[here].sum())
        found[here] = share * w[here]
        left -= found[here].sum()
    return found / room


def precision_at_k(y, z, w, length):
    return listed(z, w, length) @ (y == 1)


def profit_at_k(y, z, w, length, *, value):
    return listed(z, w, length) @ ((y == 1) * value)


def profit(y, z, w, price, *, value):
    chosen = z.argmax(1) == 1
    return np.average(chosen * ((y == 1) * value - price), weights=w)


def rate_gap(y, z, w, *, group):
    rates = []
    for each in np.unique(group):
        positive = (group == each) & (y == 1) & (w > 0)
        if positive.any():
            rates.append(np.average(z[positive].argmax(1) == 1, weights=w[positive]))
    return max(rates) - min(rates) if rates else 0.0


def equal_opportunity(y, z, w, limit, *, group, metric=sk.accuracy_score):
    value = metric(y, z.argmax(1), sample_weight=w)
    return value - 2 * max(0, rate_gap(y, z, w, group=group) - limit)


def equal_opportunity_f1(y, z, w, limit, *, group):
    def f1(y, predicted, sample_weight):
        return sk.f1_score(y, predicted, sample_weight=sample_weight, zero_division=0)

    return equal_opportunity(y, z, w, limit, group=group, metric=f1)


def concordance(y, z, w, *, event):
    """Pair by pair, with the pairs and ties of lifelines."""
    time, score = y[:, 0], z[:, 0]
    right = pairs = 0.0
    for i in range(len(w)):
        for j in range(len(w)):
            if event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j])):
                pairs += w[i] * w[j]
                right += w[i] * w[j] * ((score[i] < score[j]) + (score[i] == score[j]) / 2)
    return right / pairs if pairs else 0.5


def ndcg(y, z, w, length=np.inf, *, group, relevance):
    """Rows of a score share the places that begin after all better ones."""
    found = []
    for each in np.unique(group[w > 0]):
        own = (group == each) & (w > 0)
        gain = relevance[own].astype(np.float64)
        if gain.any():
            best = _dcg(gain, gain, w[own], length)
            found.append(_dcg(z[own, 0], gain, w[own], length) / best)
            if own.sum() > 1 and (w[own] == 1).all():
                k = None if length == np.inf else int(length)
                of_scikit_learn = sk.ndcg_score(gain[None], z[own, 0][None], k=k)
                np.testing.assert_allclose(found[-1], of_scikit_learn, rtol=1e-9)
    return np.mean(found) if found else 0.0


def _dcg(score, gain, w, length):
    # The sum of the discounts up to a place, linear between two.
    discounts = np.concatenate([[0], np.cumsum(1 / np.log2(np.arange(2, 2002)))])
    before = found = 0.0
    for value in np.unique(score)[::-1]:
        here = score == value
        after = before + w[here].sum()
        ends = np.interp(np.minimum([before, after], length), np.arange(2001), discounts)
        found += (gain[here] * w[here]).sum() * (ends[1] - ends[0]) / (after - before)
        before = after
    return found
