"""What is kept of a fit while it goes on?"""

from __future__ import annotations

import hashlib
from pathlib import Path

import jax

from gradless._core import defaults, tree
from gradless.training import checkpoint
from gradless.training.keeping import Keeping
from gradless.training.plan import Plan
from gradless.training.samples import Samples
from gradless.training.sessions import AnySession


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
        None if plan.regularization is None else plan.regularization.settings,
    )
    digest = hashlib.sha256(repr(settings).encode())
    extras = samples.extras or {}
    for leaf in [*jax.tree.leaves(plan.params), *samples[:3], *extras.values()]:
        digest.update(tree.bits(leaf))
    digest.update(repr(None if samples.y_true is None else samples.y_true.tolist()).encode())
    folder = inside / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return Keeping(folder, defaults.CHECKPOINT_EVERY)


def go_on(session: AnySession, kept: Keeping) -> None:
    """Go on from the newest checkpoint that can be read, if there is one."""
    if checkpoint.found(kept.folder):
        session.restore(checkpoint.newest(kept.folder, session.like))
