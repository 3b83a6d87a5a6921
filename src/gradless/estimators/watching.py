"""What does a user see of a fit, and what is kept of it while it goes on?"""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path

import jax

from gradless._core import defaults, tree
from gradless.training import checkpoint
from gradless.training.observers import Observer, RunInfo
from gradless.training.records import Record
from gradless.training.samples import Samples
from gradless.training.session import Keeping, Plan, Session

_LINE_EVERY = 1.0  # seconds, at least, between two lines about progress


class Lines(Observer):
    """Prints a line about once a second while the loss falls."""

    def begin(self, info: RunInfo) -> None:
        """Begin with the lines of a phase."""
        self._objective = info.objective
        self._told, self._told_loss = time.monotonic(), math.inf

    def record(self, record: Record) -> str | None:
        """Print one if it is time."""
        now, last = time.monotonic(), record.stopped_because is not None
        if not len(record.loss) or (not last and now - self._told < _LINE_EVERY):
            return None
        loss = float(record.best_loss[-1])
        if last or loss < self._told_loss:
            self._told, self._told_loss = now, loss
            assert self._objective is not None
            print(
                f"{int(record.evaluations[-1]):,} evaluations, {record.seconds[-1]:.1f} s: "
                f"{self._objective.label} {self._objective.value(loss):.6g}",
                flush=True,
            )
        return None


def keeping(inside: Path, plan: Plan, samples: Samples) -> Keeping:
    """Where checkpoints of a fit go: a folder of its own, named by everything that decides it."""
    main, first = plan.main, plan.first
    assert main.objective is not None
    settings = (
        main.objective.name,
        main.strategy,
        main.stop,
        None if first is None else (first.strategy, first.stop),
        main.problem.batch_size,
        (plan.seed, plan.patience, plan.held_out is None),
        getattr(main.problem, "model", None),
        main.told(1.0),
    )
    digest = hashlib.sha256(repr(settings).encode())
    for leaf in [*jax.tree.leaves(plan.params), *samples[:3]]:
        digest.update(tree.bits(leaf))
    digest.update(repr(None if samples.y_true is None else samples.y_true.tolist()).encode())
    folder = inside / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return Keeping(folder, defaults.CHECKPOINT_EVERY)


def go_on(session: Session, kept: Keeping) -> None:
    """Go on from the newest checkpoint that can be read, if there is one."""
    if checkpoint.found(kept.folder):
        session.restore(checkpoint.newest(kept.folder, session.like))
