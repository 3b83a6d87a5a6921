"""Does it pay to train a language model further, without gradients, for a metric without one?

    python -m benchmarks.large.finetuning --keep activations.npz

First paragraphs of documentation are told apart by what they document (``docstrings``). The metric
is macro F1, the mean over five classes of very unequal size. A linear head on what the frozen
model says of a text (``minilm``) is compared with the same head whose classes have offsets,
searched for the metric, and with a search of the attention in the last layer and of the head, all
by changes of rank 1. Adam, on cross-entropy, trains the same weights as a yardstick.

Texts of a group, such as ``scipy.stats``, are all in one part: three fifths train, a fifth chooses
strengths, offsets and when to stop, and a fifth judges once. ``--choose`` leaves the last one out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

import gradless
from benchmarks.large import minilm
from benchmarks.large.classifying import numbers
from benchmarks.large.docstrings import KINDS, texts
from gradless.strategies import OpenAIES

TOKENS = 24  # of a text, for the layer that is trained
TRAINED = "query", "key", "value", "out", "attended"
STRENGTHS = 1.0, 3.0, 10.0, 30.0  # of a linear head, as ``C``
SETTINGS: dict[str, Any] = {
    "population": 32, "batch": 128, "generations": 240, "looks": 4, "sigma": 1e-3,
    "learning_rate": 0.002, "last": 0.1, "metric": 1.0,
}  # fmt: skip
STEPS, RATE, BATCH = 380, 3e-4, 64  # of Adam


class Rows(NamedTuple):
    """Texts as the frozen layers see them."""

    x: Any  # what the last layer is given, (texts, TOKENS, 384)
    known: Any  # which tokens there are, (texts, TOKENS)
    embedding: Any  # of the frozen model, (texts, 384)
    labels: Any  # (texts,)

    def part(self, chosen: Any) -> Rows:
        """Some of the texts."""
        return Rows(*(jnp.asarray(each[chosen]) for each in self))


def _unit(x: Any) -> Any:
    return x * jax.lax.rsqrt(jnp.sum(x**2, -1, keepdims=True))


def features(layer: Any, rows: Rows) -> Any:
    """The embedding, and what the first token attends to in the last layer, (texts, 768)."""
    attended = minilm.attended(layer, rows.x, rows.known, slice(0, 1))[:, 0]
    return jnp.concatenate([rows.embedding, _unit(attended)], 1)


def logits(params: Any, rows: Rows) -> Any:
    """Of each class, (texts, classes)."""
    return features(params["layer"], rows) @ params["head"]["w"] + params["head"]["b"]


def cross_entropy(params: Any, rows: Rows) -> Any:
    """Mean over texts."""
    logs = jax.nn.log_softmax(logits(params, rows))
    return -jnp.mean(jnp.take_along_axis(logs, rows.labels[:, None], 1))


def macro_f1(found: Any, labels: Any) -> Any:
    """Of logits; a class that is neither there nor decided counts as 0."""
    decided, true = (jax.nn.one_hot(x, len(KINDS)) for x in (found.argmax(1), labels))
    both = (decided * true).sum(0)
    return jnp.mean(2 * both / jnp.maximum(decided.sum(0) + true.sum(0), 1))


def frozen(keep: Path | None) -> tuple[Rows, npt.NDArray[Any]]:
    """What the frozen layers make of all texts, and the group of each."""
    if keep and keep.exists():
        stored = np.load(keep)
        return Rows(*(stored[name] for name in Rows._fields)), stored["groups"]
    given = texts()
    tokens, weights = minilm.tokenized([one.text for one in given]), minilm.weights()

    @jax.jit
    def through(weights: Any, tokens: Any) -> Any:
        known = tokens > 0
        x = minilm.embedded(weights, tokens)
        for of in weights["layers"][:-1]:
            x = minilm.layer(of, x, known)
        last = minilm.layer(weights["layers"][-1], x, known)
        return x[:, :TOKENS], minilm.pooled(last, known)

    pieces = [through(weights, part) for part in np.array_split(tokens, len(tokens) // 64)]
    x, embedding = (np.concatenate(each) for each in zip(*pieces, strict=True))
    labels = np.array([KINDS.index(one.kind) for one in given], np.int32)
    groups = np.array([one.group for one in given])
    rows = Rows(x, tokens[:, :TOKENS] > 0, embedding, labels)
    if keep:
        np.savez(keep, groups=groups, **rows._asdict())
    return rows, groups


def f1_of(found: Any, rows: Rows) -> float:
    """Macro F1 in percent, by scikit-learn."""
    return 100 * float(f1_score(rows.labels, np.asarray(found).argmax(1), average="macro"))


def linear_head(seen: Any, labels: Any, strength: float) -> dict[str, Any]:
    """Logistic regression of features."""
    found = LogisticRegression(C=strength, max_iter=1000).fit(seen, labels)
    return {"w": jnp.asarray(found.coef_.T), "b": jnp.asarray(found.intercept_)}


def offsets(found: Any, labels: Any) -> Any:
    """What to add to the logits of each class for the highest macro F1, searched."""
    result = gradless.minimize(
        lambda more, _: -macro_f1(found + more, labels), jnp.zeros(len(KINDS)), "cma_es",
        data=(jnp.zeros((1, 1)),), evaluations=4000, verbose=False,
    )  # fmt: skip
    return result.best


def searched(start: Any, train: Rows, given: dict[str, Any], seed: int) -> Any:
    """Center of each look at a search by changes of rank 1, the start first."""
    generations, population, looks = given["generations"], given["population"], given["looks"]
    weight = given["metric"]

    def loss(params: Any, rows: Rows) -> Any:
        found = logits(params, rows)
        logs = jax.nn.log_softmax(found)
        soft = -jnp.mean(jnp.take_along_axis(logs, rows.labels[:, None], 1))
        return soft + weight * (1 - macro_f1(found, rows.labels))

    strategy = OpenAIES(
        population=population, rank=1, relative=False, sigma=given["sigma"], optimizer="sgd",
        shaping="raw", learning_rate=given["learning_rate"],
        learning_rate_decay=given["last"] ** (1 / generations),
    )  # fmt: skip
    found = None
    yield start
    for look in range(1, looks + 1):
        found = gradless.minimize(
            loss, start, strategy, data=train, batch_size=given["batch"], seed=seed,
            evaluations=population * generations * look // looks, verbose=False, resume_from=found,
        )  # fmt: skip
        yield found.center


def by_gradients(start: Any, train: Rows, looks: int, seed: int) -> Any:
    """Parameters at each look at a descent by Adam, the start first."""
    rule = optax.adam(optax.linear_schedule(RATE, 0, STEPS))

    def step(now: Any, key: jax.Array) -> tuple[Any, None]:
        params, memory = now
        rows = train.part(jax.random.randint(key, (BATCH,), 0, len(train.labels)))
        updates, memory = rule.update(jax.grad(cross_entropy)(params, rows), memory)
        return (optax.apply_updates(params, updates), memory), None

    run = jax.jit(lambda now, keys: jax.lax.scan(step, now, keys)[0])
    now, keys = (start, rule.init(start)), jax.random.split(jax.random.key(seed), STEPS)
    yield start
    for part in np.array_split(np.arange(STEPS), looks):
        now = run(now, keys[part])
        yield now[0]


class Table:
    """Macro F1 of each way, as decided by the largest logit and with offsets, split by split."""

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[float, float]]] = {}

    def add(self, name: str, of: Callable[[Rows], Any], chooses: Rows, judges: Rows) -> None:
        """Judge a way, whose offsets are searched on the rows that choose."""
        more, found = offsets(of(chooses), chooses.labels), of(judges)
        both = f1_of(found, judges), f1_of(found + more, judges)
        self.found.setdefault(name, []).append(both)
        print(f"  {name}: {both[0]:.1f}, with offsets {both[1]:.1f}", flush=True)

    def __str__(self) -> str:
        lines = [
            "| trained | macro F1 | with offsets | each split, with offsets |",
            "|---|--:|--:|---|",
        ]
        for name, each in self.found.items():
            plain, moved = (statistics.mean(column) for column in zip(*each, strict=True))
            splits = ", ".join(f"{both[1]:.1f}" for both in each)
            lines.append(f"| {name} | {plain:.1f} | {moved:.1f} | {splits} |")
        return "\n".join(lines)


def compare(table: Table, parts: list[Rows], seed: int, given: dict[str, Any]) -> None:
    """Train on the first part, choose on the second, judge on the third."""
    train, chooses, judges = parts
    layer = minilm.weights()["layers"][-1]
    layer = {name: jax.tree.map(jnp.asarray, layer[name]) for name in TRAINED}

    def best_head(seen: Callable[[Rows], Any]) -> Callable[[Rows], Any]:
        heads = [linear_head(seen(train), train.labels, strength) for strength in STRENGTHS]
        ways = [lambda rows, of=of: seen(rows) @ of["w"] + of["b"] for of in heads]
        best = max(range(len(ways)), key=lambda k: f1_of(ways[k](chooses), chooses))
        chosen.append(heads[best])
        return ways[best]

    chosen: list[Any] = []
    table.add("head on embeddings", best_head(lambda rows: rows.embedding), chooses, judges)
    both = jax.jit(lambda rows: features(layer, rows))
    table.add("head on both", best_head(both), chooses, judges)
    start, judged = {"layer": layer, "head": chosen[-1]}, jax.jit(logits)
    looks = given["looks"]
    for name, centers in {
        "attention and head, searched": searched(start, train, given, seed),
        "attention and head, Adam": by_gradients(start, train, looks, seed),
    }.items():
        began, best, reached = time.process_time(), start, -1.0
        for look, params in enumerate(centers):
            found = judged(params, chooses)
            plain, moved = (
                f1_of(found, chooses),
                f1_of(found + offsets(found, chooses.labels), chooses),
            )
            soft = float(jax.jit(cross_entropy)(params, chooses))
            print(
                f"  look {look}: {plain:.1f}, {moved:.1f} on rows that choose, {soft:.4f}",
                flush=True,
            )
            if plain > reached:
                best, reached = params, plain
        print(f"  {time.process_time() - began:.0f} processor seconds")
        table.add(name, lambda rows, best=best: judged(best, rows), chooses, judges)


def main() -> None:
    """Print each split, and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="file for what the frozen layers make of texts")
    parser.add_argument("--choose", action="store_true", help="judge on the rows that choose")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER")
    given = parser.parse_args()
    settings = {**SETTINGS, **numbers(given.set)}
    minilm.folder()
    rows, groups = frozen(given.keep)
    counts = dict(zip(KINDS, np.bincount(rows.labels), strict=True))
    print(f"{len(groups):,} texts of {len(set(groups))} groups: {counts}")
    table = Table()
    for seed in range(given.splits):
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        fifths = [last for _, last in folds.split(groups, rows.labels, groups)]
        judges, chooses, train = fifths[0], fifths[1], np.concatenate(fifths[2:])
        parts = [train, chooses, chooses if given.choose else judges]
        print(f"split {seed}: {', '.join(str(len(part)) for part in parts)} texts", flush=True)
        compare(table, [rows.part(part) for part in parts], seed, settings)
    print(table)


if __name__ == "__main__":
    main()
