"""What does a character model with attention learn without gradients, and from how much text?

    python -m benchmarks.large.characters            # table and picture
    python -m benchmarks.large.characters --render   # picture again, from benchmarks/results
    python -m benchmarks.large.characters --small    # does it still work? nothing is kept

Two layers, width 128, 64 tokens, on the text of ``help()`` that comes with Python (another version
of Python has other text). OpenAI-ES with changes of rank 1 and with noise for every weight evaluate
as many networks on as much text; Adam is the yardstick, and models that count characters are the
reference. Bits are those of the end of the text, which nothing was trained on. Settings were chosen
on the end of what trains (``--choose``), which then does not train.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.ticker import NullFormatter

import gradless
from benchmarks.large import models
from benchmarks.large.classifying import numbers
from benchmarks.large.text import Text, bits_by_counts, topics, windows
from benchmarks.pages import machine
from gradless._core import tree
from gradless.strategies import OpenAIES
from gradless.views import style
from gradless.views.line_labels import name_ends
from gradless.views.style import GRADIENTS, Look

TOKENS, WIDTH, LAYERS = 64, 128, 2
SETTINGS: dict[str, Any] = {
    "population": 512, "batch": 1, "generations": 300, "sigma": 0.1, "learning_rate": 0.05,
    "last": 0.1, "last_sigma": 0.5, "looks": 10,
}  # fmt: skip
SMALL: dict[str, Any] = {"population": 8, "generations": 8, "looks": 2}
STEPS, RATE, BATCH = 1500, 1e-3, 16  # of Adam
SEARCHES = {"openai_es, rank 1": 1, "openai_es, full noise": 0}
YARDSTICK = "Adam"
COUNTED = {1: "single characters", 2: "pairs", 3: "trigrams"}
RESULTS = Path(__file__).parents[1] / "results" / "characters.json"
SIZE = 8.6, 5.2  # inches
PICTURE = Path(__file__).parents[2] / "docs" / "characters.png"

Curve = list[tuple[int, float]]
"""Tokens seen, and bits a character of held-out text."""


class Judge:
    """Bits a character of networks on held-out text, in blocks."""

    def __init__(self, case: models.Case, text: Text) -> None:
        self.pieces = windows(text.held_out, TOKENS, TOKENS)
        self.loss = jax.jit(case.loss)

    def __call__(self, params: Any) -> float:
        whole = len(self.pieces[0]) // 32 * 32
        inputs, following = (x[:whole].reshape(-1, 32, TOKENS) for x in self.pieces)
        nats = [float(self.loss(params, both)) for both in zip(inputs, following, strict=True)]
        return math.fsum(nats) / len(nats) / math.log(2)


def searched(case: models.Case, text: Text, rank: int, seed: int, given: dict[str, Any]) -> Curve:
    """Curve of a search whose learning rate and sigma fall to a share of what they were.

    Every pair of opposite candidates sees pieces of its own.
    """
    generations, population, batch = given["generations"], given["population"], given["batch"]
    strategy = OpenAIES(
        population=population, rank=rank,
        sigma=given["sigma"], sigma_decay=given["last_sigma"] ** (1 / generations),
        learning_rate=given["learning_rate"],
        learning_rate_decay=given["last"] ** (1 / generations),
    )  # fmt: skip
    judge, data = Judge(case, text), windows(text.train, TOKENS, 1)
    curve, found, center = [(0, judge(case.params))], None, case.params
    for look in range(1, given["looks"] + 1):
        # Looks are close together at first, where most is learned.
        done = math.ceil(generations * (look / given["looks"]) ** 2)
        found = gradless.minimize(
            case.loss, case.params, strategy, data=data, batch_size=batch, own_batches=True,
            evaluations=done * population, seed=seed, verbose=False, resume_from=found,
            layers={"*norms": {"rank": 0}},  # two vectors, which are no matrix
        )  # fmt: skip
        center = found.center
        curve.append((done * population * batch * TOKENS, judge(center)))
        print(f"  rank {rank}: {curve[-1][0]:,} tokens, {curve[-1][1]:.3f} bits", flush=True)
    return curve


def by_gradients(case: models.Case, text: Text, seed: int, steps: int, looks: int) -> Curve:
    """Curve of Adam."""
    rule, judge = optax.adam(optax.cosine_decay_schedule(RATE, steps)), Judge(case, text)
    inputs, following = map(jnp.asarray, windows(text.train, TOKENS, 1))

    def step(now: Any, key: jax.Array) -> tuple[Any, None]:
        params, memory = now
        chosen = jax.random.randint(key, (BATCH,), 0, len(inputs))
        slope = jax.grad(case.loss)(params, (inputs[chosen], following[chosen]))
        updates, memory = rule.update(slope, memory)
        return (optax.apply_updates(params, updates), memory), None

    run = jax.jit(lambda now, keys: jax.lax.scan(step, now, keys)[0])
    now, curve = (case.params, rule.init(case.params)), [(0, judge(case.params))]
    keys = jax.random.split(jax.random.key(seed), steps)
    for look, part in enumerate(np.array_split(np.arange(steps), looks), 1):
        now = run(now, keys[part])
        curve.append((int(part[-1] + 1) * BATCH * TOKENS, judge(now[0])))
        print(f"  Adam, look {look}: {curve[-1][1]:.3f} bits", flush=True)
    return curve


def measure(text: Text, seed: int, small: bool, given: dict[str, Any]) -> dict[str, Any]:
    """Curves and references."""
    width = 16 if small else WIDTH
    case = models.gpt(width, LAYERS, TOKENS, vocabulary=text.symbols)
    curves, seconds = {}, {}
    for name, rank in {**SEARCHES, YARDSTICK: None}.items():
        began = time.process_time()
        if rank is None:
            curves[name] = by_gradients(case, text, seed, 4 if small else STEPS, given["looks"])
        else:
            curves[name] = searched(case, text, rank, seed, given)
        seconds[name] = round(time.process_time() - began)
    return {
        "parameters": tree.size(case.params),
        "characters": [len(text.train), len(text.held_out)],
        "symbols": text.symbols,
        "settings": given,
        "curves": curves,
        "processor_seconds": seconds,
        "references": {COUNTED[n]: bits_by_counts(text, n, TOKENS) for n in COUNTED},
        "machine": machine.machine(),
    }


def table(found: dict[str, Any]) -> str:
    """Rows of Markdown: how far each came, and with what."""
    lines = [
        "| model | tokens seen | bits a character | processor seconds |",
        "|---|---:|---:|---:|",
    ]
    for name, bits in found["references"].items():
        lines.append(f"| counts of {name} | {found['characters'][0]:,} | {bits:.2f} | |")
    for name, curve in found["curves"].items():
        tokens, bits = curve[-1]
        seconds = found["processor_seconds"][name]
        lines.append(f"| attention, {name} | {tokens:,} | {bits:.2f} | {seconds:,} |")
    return "\n".join(lines)


def draw(found: dict[str, Any], path: Path) -> None:
    """Bits over tokens, and the references as lines across."""
    figure = style.blank(*SIZE)
    width, height = SIZE
    axes = figure.add_axes((0.75 / width, 0.65 / height, 5.4 / width, (height - 1.7) / height))
    style.plain_axes(axes, grid="y")
    looks = dict(zip(SEARCHES, (Look("#0072B2", "solid"), Look("#E69F00", "solid")), strict=True))
    looks[YARDSTICK] = Look(GRADIENTS, (0, (4, 1.5)))
    named = []
    for name, curve in found["curves"].items():
        tokens, bits = zip(*curve[1:], strict=True)
        color, dashes = looks[name]
        axes.plot(
            tokens, bits, color=color, linestyle=dashes, linewidth=2, marker="o", markersize=3
        )
        named.append((name, color, tokens[-1], bits[-1]))
    axes.set_xscale("log")
    axes.set_xticks([2e5, 5e5, 1e6, 2e6, 5e6], ["200k", "500k", "1M", "2M", "5M"])
    axes.xaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_xlim()
    for name, bits in found["references"].items():
        axes.axhline(bits, color=style.FAINT, linewidth=1.2, linestyle=(0, (1, 1.2)), zorder=1)
        named.append((f"counts of {name}", style.NOTE, high, bits))
    axes.set_xlim(low, high)
    axes.set_xlabel("tokens that networks have seen (log scale)")
    axes.set_ylabel("bits a character, held-out text")
    ends = [
        axes.transAxes.inverted().transform(axes.transData.transform(each[2:])) for each in named
    ]
    name_ends(axes, [each[:2] for each in named], *zip(*ends, strict=True))
    population = found["settings"]["population"]
    note = f"{LAYERS} layers, {found['parameters']:,} weights; openai_es, population {population:,}"
    style.headed(figure, "A character model with attention, with and without gradients", note, 0.2)
    style.save(figure, path)


def main() -> None:
    """Print the table; keep results and draw the picture unless --small or --choose is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--small", action="store_true", help="a little of everything")
    parser.add_argument("--choose", action="store_true", help="rank 1, judged on training text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER")
    given = parser.parse_args()
    if given.small:
        jax.config.update("jax_disable_most_optimizations", True)  # it is compiling that takes long
    if not given.render:
        settings = {**SETTINGS, **(SMALL if given.small else {}), **numbers(given.set)}
        text = topics(given.choose)
        if given.choose:
            case = models.gpt(WIDTH, LAYERS, TOKENS, vocabulary=text.symbols)
            searched(case, text, settings.pop("rank", 1), given.seed, settings)
            return
        found = measure(text, given.seed, given.small, settings)
        if given.small:
            print(table(found))
            return
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    print(table(found))
    draw(found, PICTURE)


if __name__ == "__main__":
    main()
