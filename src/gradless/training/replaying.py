"""How does a seed log become a network again? Its seed draws the candidates, it tells the losses.

Nothing is evaluated, so neither the loss function nor the data are needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless._core.tree import Params, Structure
from gradless.problems.whole import FIXED, Whole
from gradless.training import logged, seed_log
from gradless.training.generation import Run
from gradless.training.plan import begun
from gradless.training.seed_log import Logged
from gradless.training.seed_log_strategy import made_again
from gradless.training.start import arrays
from gradless.training.validation import center as center_of


@dataclass(frozen=True)
class Replayed:
    """What :func:`replay` has rebuilt.

    Attributes
    ----------
    best, best_loss
        Parameters of the lowest loss that the search saw up to this generation, and that loss; with
        minibatches, that of a lucky batch.
    center
        The strategy's answer after this generation.
    generation, generations
        This one, and how many the log has.
    verified
        Whether the bits were compared with those that the search ended with, and were the same: of
        the last generation of a search that has ended.
    """

    best: Params = field(repr=False)
    best_loss: float
    center: Params = field(repr=False)
    generation: int
    generations: int
    verified: bool


def replay(log: str | Path, params: Params, generation: int | None = None) -> Replayed:
    """Rebuild what a search found from its seed log, without evaluating anything.

    Parameters
    ----------
    log
        The file that ``minimize(..., log=...)`` or ``gradless train --seed-log`` wrote, or is still
        writing.
    params
        Where the search began: the same structure, shapes, dtypes and numbers.
    generation
        After how many generations. Default: all of the log. 0 is the start.

    Returns
    -------
    Replayed
        Center and best parameters, bit for bit those of the search on the same kind of processor
        and with the same version of JAX. Others may round otherwise: then ``verified`` is false,
        and a warning says so.

    Raises
    ------
    InputError
        If the file is no seed log or damaged, has fewer generations, or ``params`` are others.
    """
    path = Path(log)
    whole_number = isinstance(generation, int | np.integer) and not isinstance(generation, bool)
    if generation is not None and not (whole_number and generation >= 0):
        raise InputError(
            f"generation must be a whole number, 0 or more, got {generation!r}. "
            "For example: generation=100"
        )
    known = seed_log.read(path, generation)
    count = len(known.losses)
    if generation is not None and count < generation:
        raise InputError(
            f"generation must be at most {count}, the last one in {path}, got {generation}"
        )
    if generation is None and known.cut_off:
        warnings.warn(
            f"{path} ends in the middle of a record: it is still being written, or was cut off. "
            f"Replayed are the {count:,} whole generations",
            stacklevel=2,
        )
    rebuilt = Rebuilt.of(path, known, params)
    return Replayed(
        best=rebuilt.model(rebuilt.best),
        best_loss=float(rebuilt.run.best_loss),
        center=rebuilt.model(rebuilt.center),
        generation=count,
        generations=known.whole,
        verified=_verified(path, known, rebuilt),
    )


class Rebuilt(NamedTuple):
    """A search as far as a log has been replayed.

    Attributes
    ----------
    run
        Where it is.
    center, best
        The strategy's answer and the best parameters, as vectors.
    model
        Makes parameters of a vector.
    """

    run: Run
    center: np.ndarray
    best: np.ndarray
    model: Callable[[Any], Params]

    @classmethod
    def of(cls, path: Path, known: Logged, params: Params) -> Rebuilt:
        """Draw the candidates and tell the losses, from these parameters on."""
        header, count = known.header, len(known.losses)
        if header["losses"] != (now := np.dtype(loss_dtype())):
            mode = "set" if header["losses"] == "float64" else "do not set"
            raise InputError(
                f"{path} must hold losses in {now}, as JAX computes now, got {header['losses']}; "
                f"{mode} JAX_ENABLE_X64=1 in the environment"
            )
        whole, start = _start(path, header, params)
        strategy = made_again(header["strategy"], start)
        run = begun(strategy, start, header["seed"])
        size = logged.capacity(strategy.population)
        if count < size:  # programs are of few sizes
            size = min(size, 1 << max(0, count - 1).bit_length())
        for at in range(0, count, size):
            run = _told(run, strategy, known, at, size)
        structure, fixed = Structure.of(start), whole.fixed(params)

        def model(vector: Any) -> Params:
            own = jax.tree.map(jnp.asarray, structure.unravel(vector))
            return own if whole.is_searched else whole.joined(own, fixed)

        return cls(run, np.asarray(center_of(strategy, run)), np.asarray(run.best), model)


def going_on(path: Path, params: Params, run: Run, center: np.ndarray) -> Logged:
    """A log up to a run that goes on, checked: its losses rebuild that run.

    Parameters
    ----------
    path
        The log; it may have more generations, of a process that was killed.
    params
        Where the search began.
    run, center
        Where it goes on, and the strategy's answer there.

    Raises
    ------
    InputError
        If the log ends before, or is that of another search.
    """
    generation = int(run.generation)
    known = seed_log.read(path, generation)
    if len(known.losses) < generation:
        raise InputError(
            f"{path} must have the {generation:,} generations of the search that goes on, got "
            f"{len(known.losses):,}"
        )
    rebuilt = Rebuilt.of(path, known, params)
    if seed_log.hashed(rebuilt.center) != seed_log.hashed(center):
        raise InputError(
            f"{path} must be the log of the search that goes on, got one that rebuilds other "
            f"parameters after generation {generation:,}"
        )
    return known


def _start(path: Path, header: dict[str, Any], params: Params) -> tuple[Whole, Params]:
    """How a model is divided, and where the search of it began."""
    kinds = header["kinds"]
    fixed = None if kinds is None else [kind == FIXED for kind in kinds]
    if fixed is not None and len(fixed) != len(jax.tree.leaves(params)):
        raise InputError(
            f"params must have {len(fixed)} leaves, as those that {path} began with, got "
            f"{len(jax.tree.leaves(params))}"
        )
    whole = Whole.of(params, fixed)
    start = arrays(params if whole.is_searched else whole.searched(params))
    expected, given = header["parameters"], seed_log.parameters(start)
    if expected != given:
        pairs = ((one, other) for one, other in zip(expected, given, strict=False) if one != other)
        shown = next(pairs, (f"{len(expected)} arrays", f"{len(given)}"))
        one, other = (_shown(each) for each in shown)
        raise InputError(f"params must be like those that {path} began with, {one}, got {other}")
    if header["sha256"] != seed_log.digest([*jax.tree.leaves(start), *whole.fixed(params)]):
        raise InputError(
            f"params must be the ones that {path} began with, got others of the same shapes: their "
            "checksum does not fit. Make them as before the search, with the same seed"
        )
    return whole, start


def _shown(array: Any) -> str:
    if isinstance(array, str):
        return array
    path, shape, dtype = array
    return f"params{path} of {dtype}{shape}"


def _told(run: Run, strategy: Any, known: Logged, at: int, size: int) -> Run:
    """The run after some generations more."""
    losses, centers = known.losses[at : at + size], known.centers[at : at + size]
    missing = size - len(losses)
    return logged.again(
        run,
        strategy,
        np.pad(losses, [(0, missing), (0, 0)]),
        np.pad(centers, (0, missing)),
        np.uint32(len(losses)),
    )


def _verified(path: Path, known: Logged, rebuilt: Rebuilt) -> bool:
    """Whether these are the bits that the search ended with, as far as the log says."""
    if known.ends is None:
        return False
    of_center, of_best = known.ends
    same = seed_log.hashed(rebuilt.center) == of_center
    if same and of_best in (seed_log.UNKNOWN, seed_log.hashed(rebuilt.best)):
        return True
    warnings.warn(other_bits(path, known), stacklevel=3)
    return False


def other_bits(path: Path, known: Logged) -> str:
    """What to say where a log was replayed to other bits."""
    written, here = known.header["written_with"], seed_log.machine()
    differing = {name: (written.get(name), here[name]) for name in here}
    said = [f"{name} {old!r} then, {new!r} now" for name, (old, new) in differing.items()]
    return (
        f"{path} was replayed to other bits than the search ended with, since rounding differs "
        f"({'; '.join(said)}). The parameters are close, but not the same"
    )
