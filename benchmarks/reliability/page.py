"""docs/reliability.md: what is promised, how it is tested, and what was counted."""

from __future__ import annotations

from pathlib import Path

from benchmarks.reliability import Results

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def render(results: Results) -> None:
    """Write the page."""
    where = results["kills"]["machine"]
    took = sum(part["took"] for part in results.values())
    lines = [
        "# Reliability: what is promised, and how it is tested",
        "",
        "Written by `python -m benchmarks.reliability`, which stops at the first broken promise. "
        "A short form of each part runs with every change, as tests or as `--short`.",
        "",
        *_table(("promised", "tested by", "counted"), _promises(results)),
        "",
        "## Runs that were killed",
        "",
        "digits, 64-4-10, minibatches of 64, a checkpoint every 0.05 s. Each run was killed by "
        "SIGKILL, resumed, and killed again until it ended; network, state and history then had "
        "to be those of a run that was left alone, bit for bit.",
        "",
        *_table(
            ("strategy", "kills", "runs", "evaluations of a run"),
            [
                (name, f"{row['kills']}", f"{row['runs']}", f"{row['evaluations']:,}")
                for name, row in results["kills"]["strategies"].items()
            ],
        ),
        "",
        "## Ctrl-C and SIGTERM",
        "",
        "At random moments of a command's life, from the first line of its script (a few "
        "milliseconds after that, the handlers stand) to its last, "
        f"{results['interrupts']['at_once']} at once. Each had to end with exit code 130 (Ctrl-C) "
        "or 143 (SIGTERM), with lines of ours alone on standard error, no half of a file, no empty "
        "folder, and a run that can be gone on with, or none.",
        "",
        *_table(
            ("command", "compiled programs", "Ctrl-C", "SIGTERM", "left", "seconds to the end"),
            [_interrupted(row) for row in results["interrupts"]["rows"]],
        ),
        "",
        "Seconds are the median and the slowest, on a machine with so much else to do that a "
        "command lived ten times as long as alone; the slowest were saving and drawing. Commands "
        "that had ended before the signal came do not count.",
        "",
        "## What checkpoints cost",
        "",
        f"Medians of {results['cost']['count']} checkpoints with a history of full length. The "
        "loop waits while arrays are handed over; the rest is done by a thread of its own, beside "
        f"it. The share is both together, in the {results['cost']['every']:g} s between two "
        "checkpoints that are the default; `--checkpoint-every 1s` costs thirty times as much.",
        "",
        *_table(
            ("run", "MiB", "loop waits, ms", "thread, ms of processor", "share of the run"),
            [
                (
                    row["run"],
                    f"{row['mib']:.2f}",
                    f"{row['held_ms']:.2f}",
                    f"{row['busy_ms']:.1f}",
                    f"{row['share']:.3%}",
                )
                for row in results["cost"]["runs"]
            ],
        ),
        "",
        "## Large tables",
        "",
        *_table(
            ("CSV file", "seconds of processor", "MiB of memory", "MiB of the arrays"),
            [
                (
                    name,
                    f"{row['processor_seconds']:.1f}",
                    f"{row['memory_mib']}",
                    f"{row['arrays_mib']:.0f}",
                )
                for name, row in results["large_tables"]["sizes"].items()
            ],
        ),
        "",
        _HOW,
        "",
        f"<sub>{took / 60:.0f} minutes on {where['cpu']}, {where['cores']} cores, {where['os']}, "
        f"Python {where['python']}</sub>",
        "",
    ]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print(PAGE)


def _promises(results: Results) -> list[tuple[str, ...]]:
    killed = results["kills"]["strategies"].values()
    interrupted = results["interrupts"]["rows"]
    damaged, read, told = results["files"], results["tables"], results["ask_tell"]
    return [
        (
            "A run that is killed at any instant resumes, and ends with the bits of one that was "
            "left alone: network, state, history.",
            "SIGKILL at random instants of runs with minibatches",
            f"{sum(row['kills'] for row in killed)} kills, {len(killed)} strategies",
        ),
        (
            "Ctrl-C saves and exits with 130; a second one ends at once, and the run resumes "
            "from its last checkpoint. SIGTERM does the same and exits with 143. At any moment, "
            "in an import or while XLA compiles, nothing half written is left.",
            "Signals at all moments of every command's life; `tests/_core/test_interrupts.py`, "
            "`tests/cli/test_interrupted_commands.py`, `tests/training/test_faults.py`",
            ", ".join(
                f"{sum(row['signals'].get(name, 0) for row in interrupted):,} {shown}"
                for name, shown in (("SIGINT", "times Ctrl-C"), ("SIGTERM", "times SIGTERM"))
            ),
        ),
        (
            "The same seed is the same run: for any cadence of checkpoints, of the log and of "
            "compiled chunks, with or without a display, alone or after other runs in the process. "
            "Other seeds differ. `gradless repeat RUN` compares for yours.",
            "Bits of the last checkpoint and of the network, `tests/runs/test_same_run.py`",
            "",
        ),
        (
            "1, 2 or 4 devices (cores) give the same bits. Members evaluated in blocks of "
            "another size: losses within a relative 2e-6, since sums over samples are vectorised "
            "in another order; the same candidates.",
            "`tests/runs/test_same_run.py`",
            "",
        ),
        (
            "A damaged checkpoint or model is refused by name, whatever was done to it, and the "
            "checkpoint before it is used. Nothing that is read is run as code.",
            "Flipped bits, cut, longer, zeroed, noise, other shapes, enormous claims, deep nesting",
            f"{damaged['files']:,} files: {damaged['refused']:,} refused, {damaged['harmless']:,} "
            "with every number right, none believed wrongly; the slowest took "
            f"{damaged['slowest_seconds']:.2g} s",
        ),
        (
            "A checkpoint of a newer version, data that have changed and a configuration that was "
            "edited are refused, with the difference.",
            "`tests/training/test_faults.py`, `tests/cli/test_resume.py`",
            "",
        ),
        (
            "A full disk, or a folder that cannot be written, costs nothing that was there.",
            "A limit on the size of files, read-only folders, errors of the disk during a run; "
            "`tests/training/test_faults.py`",
            ", ".join(results["disks"]["ways"]),
        ),
        (
            "Two processes never write one run.",
            "A lock that the system frees when its process dies; `tests/cli/test_resume.py`",
            "",
        ),
        (
            "Losses that are NaN or infinite never win and are counted, as are exceptions of a "
            "loss in Python. When none is finite any more, the run ends with what it had before.",
            "`tests/training/test_loop_not_finite.py`, `tests/problems/test_python.py`, "
            "`tests/training/test_faults.py`",
            "",
        ),
        (
            "A strategy survives any losses and finds its way back: NaN, infinite, equal, huge, "
            "tiny, in any order, from one parameter to hundreds.",
            "Random sequences of ask and tell, `tests/strategies/fuzz/test_strategies_fuzz.py`",
            f"{told['sequences']:,} sequences, {told['generations']:,} generations, "
            f"{told['strategies']} strategies, wrappers and settings of them, "
            f"{', '.join(map(str, told['dimensions']))} parameters",
        ),
        (
            "A run that does not fit into memory is refused before anything is compiled, with the "
            "numbers and a setting that fits.",
            "`tests/training/test_memory.py`",
            "",
        ),
        (
            "A CSV file is read rightly, or refused in one line that says where and why.",
            "Random tables in random ways of writing CSV, and mutated files; a corpus in "
            "`tests/fuzz/test_tables_fuzz.py`",
            f"{read['files']:,} files: {read['right']:,} read exactly, of the mutated ones "
            f"{read['refused']:,} refused and {read['read']:,} still tables",
        ),
    ]


def _interrupted(row: Results) -> tuple[str, ...]:
    left = ", ".join(f"{count} {what}" for what, count in sorted(row["left"].items()))
    return (
        f"`{row['command']}`",
        "kept" if row["cached"] else "not kept",
        f"{row['signals'].get('SIGINT', 0)}",
        f"{row['signals'].get('SIGTERM', 0)}",
        left,
        f"{row['median_seconds']:.1f}, {row['slowest_seconds']:.1f}",
    )


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    numeric = [all(row[k][:1].isdigit() for row in rows) for k in range(len(header))]
    ruler = ["---:" if right else "---" for right in numeric]
    return [f"| {' | '.join(cells)} |" for cells in (header, ruler, *rows)]


_HOW = """\
## How

A checkpoint is one safetensors file with the strategy's state, the random key (from which the
order of the data follows as well), the best network, the history and, as JSON in its header,
recipe, limits, versions and a fingerprint of the data. A checksum covers all of it. It is written
by a thread of its own to another name, flushed to the disk and renamed; the last two are kept.

A generation is a function of the seed and its number: which candidates there are, which samples
they see. How the work is cut into compiled chunks, blocks and devices decides nothing, and sums
over a population are taken in an order that does not depend on the number of devices. Another
version of JAX or another processor may round differently; `resume` says so when versions have
changed."""
