"""What has :func:`.minimization.minimize` found?"""

from __future__ import annotations

from dataclasses import dataclass, field

from gradless._core.tree import Params
from gradless.strategies import Strategy
from gradless.training.generation import Run
from gradless.training.history import History


@dataclass(frozen=True)
class Minimum:
    """What :func:`minimize` found.

    Attributes
    ----------
    best, best_loss
        Best parameters, and their loss: of every candidate, of the center in every generation, and
        of the parameters given. They are arrays of JAX, or of NumPy for a loss in Python. With
        minibatches: see :func:`minimize`.
    center, center_loss
        The strategy's last answer, for many strategies the mean of what it samples, and its loss.
        Where losses are noisy it is the better estimate.
    evaluations
        Candidates evaluated.
    seconds, compile_seconds
        Wall time of the search, and of compiling it before.
    not_finite
        Losses that were NaN or infinite; such a candidate never wins.
    raised, error
        How many of these were exceptions of a loss in Python, and the last one.
    stopped_because
        What ended the search.
    strategy
        The strategy, with its hyperparameters.
    why
        Why ``"auto"`` chose it; empty if it was given.
    history
        Loss and best loss over evaluations.
    run
        All that it takes to resume the search, a pytree of arrays.
    """

    best: Params = field(repr=False)
    best_loss: float
    center: Params = field(repr=False)
    center_loss: float
    evaluations: int
    seconds: float
    compile_seconds: float
    not_finite: int
    stopped_because: str
    strategy: Strategy
    why: str
    history: History = field(repr=False)
    run: Run = field(repr=False)
    raised: int = 0
    error: str | None = None

    def __str__(self) -> str:
        """What a person wants to know first, in a few lines."""
        lines = [
            f"best loss {self.best_loss:.6g}, that of the center {self.center_loss:.6g}",
            f"{self.evaluations:,} evaluations in {self.seconds:.1f} s, and "
            f"{self.compile_seconds:.1f} s to compile: {self.stopped_because}",
            f"strategy: {self.strategy}",
        ]
        if self.why:
            lines.append(f"chosen for: {self.why}")
        if self.not_finite:
            lines.append(f"{self.not_finite:,} losses were not finite")
        if self.raised:
            lines[-1] += f", {self.raised:,} of them exceptions, the last one {self.error}"
        return "\n".join(lines)
