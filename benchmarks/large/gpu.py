"""What does a generation cost on a GPU, in bfloat16 and with large populations?

    python -m benchmarks large --gpu          # on a machine with a GPU, within 8 minutes
    python -m benchmarks large --gpu --toy    # does it still work? on any device

The rows of :mod:`benchmarks.large.speed`, at populations of 4,096 and 65,536. Forward passes are in
bfloat16; parameters, factors and losses stay in float32. Beside it is plain inference on as many
samples: one piece that fits is timed, and counted as often as it goes into them. What is not
measured when time is up is left out, and said to be.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.large import models
from benchmarks.large.models import Case
from benchmarks.large.speed import Row, compiled_loop, generations
from benchmarks.pages.suite import Options, UnmeasuredError
from gradless._core import tree

TITLE = "Large networks on a GPU"
PEERS: tuple[str, ...] = ()

LIMIT = 8 * 60  # seconds, of everything
NO_MORE = 6.5 * 60  # seconds, after which no row begins
POPULATIONS = (4096, 65536)
GENERATIONS = 2  # in one call
PIECE = 2**18  # samples of plain inference at once; of sequences fewer, they are 64 tokens long


def _rows(population: int) -> list[tuple[Row, int]]:
    """The first five rows of the table, and samples of plain inference at once."""

    def mlp() -> Case:
        return models.mlp(784, 1024, 1024, 10)

    def gpt(scan: bool = False) -> Case:
        return models.gpt(256, 4, 64, scan=scan)

    return [
        (Row("784-1024-1024-10", mlp, population, 16), PIECE),
        (Row("784-1024-1024-10", mlp, population, 128, own=False), PIECE),
        (Row("4 x 2,048", lambda: models.mlp(*[2048] * 5), population, 16), PIECE),
        (Row("GPT 256, 4 layers, 64 tokens", gpt, population, 2), PIECE // 64),
        (Row("the same, scanned", lambda: gpt(scan=True), population, 2), PIECE // 64),
        (Row("784-1024-1024-10", mlp, population, 16, rank=4), PIECE),
        (Row("small convolutional", models.convolutional, population, 16), PIECE // 4),
    ]


def _toy_rows() -> list[tuple[Row, int]]:
    return [
        (Row("8-16-3", lambda: models.mlp(8, 16, 3), 8, 4), 16),
        (Row("GPT 64, 1 layer, 8 tokens", lambda: models.gpt(64, 1, 8), 4, 2), 4),
    ]


def in_bfloat16(case: Case) -> Case:
    """The same network, whose forward pass is in bfloat16."""

    def half(x: Any) -> Any:
        return x.astype(jnp.bfloat16) if jnp.issubdtype(x.dtype, jnp.floating) else x

    def loss(params: Any, batch: Any) -> Any:
        return case.loss(*jax.tree.map(half, (params, batch)))

    return Case(case.params, loss, case.batch)


def _seconds(function: Callable[[], Any], rounds: int) -> float:
    """Median wall clock of a call, after two that are not counted."""
    times = []
    for _ in range(2 + rounds):
        began = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def measured(row: Row, piece: int, rounds: int) -> dict[str, Any]:
    """Seconds of plain inference and of a generation, and memory of the latter in bytes."""
    case = in_bfloat16(row.case())
    samples = row.population * row.batch
    part, plain = case.batch(min(piece, samples)), jax.jit(case.loss)
    of_plain = _seconds(lambda: plain(case.params, part), rounds) * max(1.0, samples / piece)
    turn = generations(row, case, row.rank, GENERATIONS)
    of_generation = _seconds(turn, rounds) / GENERATIONS
    memory = compiled_loop(row, case).memory_analysis()
    return {
        "name": row.name,
        "population": row.population,
        "batch": row.batch,
        "own": row.own,
        "rank": row.rank,
        "parameters": tree.size(case.params),
        "plain": of_plain,
        "generation": of_generation,
        "temporary": getattr(memory, "temp_size_in_bytes", None),
    }


def measure(options: Options) -> dict[str, Any]:
    """Rows, the device, and what there was no time or memory for."""
    began = time.monotonic()
    device = jax.devices()[0]
    if device.platform == "cpu" and not options.toy:
        raise UnmeasuredError("this machine has no GPU that JAX can use")
    print(f"{device.device_kind}, bfloat16", flush=True)
    watch = threading.Timer(LIMIT, _give_up)
    watch.daemon = True
    watch.start()
    rows, without = [], []
    all_rows = _toy_rows() if options.toy else [x for n in POPULATIONS for x in _rows(n)]
    for row, piece in all_rows:
        about = f"{row.name}, rank {row.rank}, population {row.population:,}, batch {row.batch}"
        if time.monotonic() - began > NO_MORE:
            without.append(f"{about}: no time")
            continue
        try:
            found = measured(row, piece, min(options.rounds, 3))
        except jax.errors.JaxRuntimeError as error:
            without.append(f"{about}: {str(error).splitlines()[0]}")
            continue
        rows.append(found)
        print(_line(found), flush=True)
    watch.cancel()
    for each in without:
        print(f"left out: {each}", flush=True)
    return {"device": device.device_kind, "rows": rows, "left_out": without}


def _give_up() -> None:
    """End the process: neither a compiler nor a device can be interrupted otherwise."""
    print(f"ended after {LIMIT / 60:g} minutes; the rows above were measured", flush=True)
    os._exit(1)


def _line(row: dict[str, Any]) -> str:
    memory = "" if row["temporary"] is None else f"{row['temporary'] / 2**20:,.0f}"
    return (
        f"| {row['name']} | {row['parameters']:,} | {row['rank']} | {row['population']:,} | "
        f"{row['batch']}, {'own' if row['own'] else 'shared'} | "
        f"{row['plain'] / row['generation']:.2f} | {1e3 * row['generation']:.1f} | {memory} |"
    )


def render(results: dict[str, Any], folder: Path) -> str:
    """The section of the page."""
    lines = [
        f"The same on one {results['device']}, forward passes in bfloat16, by wall clock: a",
        "generation of `openai_es` beside plain inference on as many samples.",
        "",
        "| network | parameters | rank | population | batch | plain / generation | "
        "generation, ms | memory, MiB |",
        "|---|---:|---:|---:|---|---:|---:|---:|",
        *map(_line, results["rows"]),
    ]
    if results["left_out"]:
        lines += ["", "Left out: " + "; ".join(results["left_out"]) + "."]
    return "\n".join(lines)
