"""How does a search go on whose losses come from outside: a laboratory, a cluster, a person?

:class:`Search` hands out points when it is asked, takes losses when they are there, in any number
and order, and can be kept in a file meanwhile.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from gradless._core import storage, tree
from gradless._core.errors import InputError
from gradless._core.floats import sixty_four_bits
from gradless._core.tree import Params
from gradless.problems.python import PythonProblem
from gradless.strategies.base import Strategy
from gradless.training import auto, rounds, vectors
from gradless.training import minimize_arguments as given
from gradless.training.factors import fitted
from gradless.training.plan import begun
from gradless.training.records import Stop
from gradless.training.rounds import Round
from gradless.training.start import arrays

_ARGUMENTS = ("params", "strategy", "bounds", "integers", "scale", "seed")


class Search:
    """A search that is asked for points and told their losses.

    A strategy learns from whole populations: whenever all candidates of one have been told, it
    makes its next. More points than a population has, asked for meanwhile, are drawn from the same
    distribution, and the first population that is complete counts; points of others may still be
    told and become the best. So let ``population`` be about as many points as are evaluated at the
    same time.

    Parameters
    ----------
    params
        Where to begin: a pytree of numbers and arrays. Points have its structure and dtypes.
    strategy
        A name, with its hyperparameters, a strategy, or ``"auto"``, which chooses as for a function
        in Python without noise and a limit.
    bounds, integers, scale, seed
        As of :func:`gradless.minimize`.

    Attributes
    ----------
    best, best_loss
        The point with the lowest loss that was told; ``params`` and infinity before that.
    evaluations
        Losses told.

    Raises
    ------
    InputError
        For whatever cannot be searched.

    Examples
    --------
    >>> search = Search([0.0, 0.0], "cma_es", sigma=0.5)
    >>> for day in range(40):
    ...     points = search.ask(5)
    ...     search.tell(points, [(x - 1) ** 2 + (y + 2) ** 2 for x, y in points])
    >>> [round(float(x), 1) for x in search.best]
    [1.0, -2.0]
    """

    def __init__(
        self,
        params: Params,
        strategy: str | Strategy = "cma_es",
        *,
        bounds: Any = None,
        integers: Any = None,
        scale: Any = None,
        seed: int = 0,
        **hyperparameters: Any,
    ) -> None:
        """Ask for nothing yet."""
        given.check_seed(seed)
        chosen = given.strategy_of(strategy, hyperparameters, _ARGUMENTS)
        problem = PythonProblem(lambda _: math.inf, params, bounds=bounds, integers=integers)
        with sixty_four_bits():
            start = arrays(problem.searched(params))
            if chosen is None:
                chosen = auto.chosen(
                    problem, start, Stop(), smooth=False, is_function=True
                ).strategy
            chosen = fitted(problem, chosen, start)
            scale = given.scale_of_bounds(problem.domain, start) if scale is None else scale
            self.strategy = chosen if scale is None else given.scaled(chosen, scale, start)
            run = begun(self.strategy, start, seed)
        self._problem, self._key, self._state = problem, run.key, run.state
        self._generation, self._rounds = 0, list[Round]()
        # Points handed out and not told yet: their populations, None if those no longer count.
        self._open: defaultdict[bytes, list[tuple[Round, int] | None]] = defaultdict(list)
        self._like = params
        self.best, self.best_loss, self.evaluations = params, math.inf, 0

    @property
    def center(self) -> Params:
        """The strategy's present answer, the better estimate where losses are noisy."""
        with sixty_four_bits():
            return self._point(np.asarray(vectors.center(self.strategy, self._state)))

    def ask(self, n: int | None = None) -> list[Params]:
        """The next ``n`` points to be evaluated; the rest of a population if None."""
        if n is not None and (not isinstance(n, int | np.integer) or n < 1):
            raise InputError(f"n must be a whole number, 1 or more, got {n!r}. For example: 8")
        points: list[Params] = []
        while n is None or len(points) < n:
            if not self._rounds or self._rounds[-1].handed == self.strategy.population:
                self._rounds.append(self._asked(len(self._rounds)))
            newest = self._rounds[-1]
            at = newest.handed
            newest.handed += 1
            self._open[newest.names[at]].append((newest, at))
            points.append(_copy(newest.points[at]))
            if n is None and newest.handed == self.strategy.population:
                break
        return points

    def tell(self, points: Sequence[Params], losses: Sequence[float]) -> None:
        """Losses of points that :meth:`ask` returned, lower is better; NaN for one that failed.

        Raises
        ------
        InputError
            If a point was not asked for, or has been told; nothing is told then.
        """
        try:
            told = np.asarray(losses, np.float64)
        except (TypeError, ValueError):
            raise InputError(
                f"losses must be numbers, got {losses!r}. Give NaN for one that failed"
            ) from None
        points = list(map(self._typed, points))
        if told.shape != (len(points),):
            raise InputError(
                f"losses must be one number for each of the {len(points)} points, got shape "
                f"{told.shape}"
            )
        names = list(map(_name, points))
        for at, name in enumerate(names):
            if len(self._open.get(name, ())) < names[: at + 1].count(name):
                raise InputError(
                    f"points must be those that ask returned, each told once, got {points[at]!r} "
                    f"at {at}. Keep all of their digits"
                )
        for point, name, loss in zip(points, names, told.tolist(), strict=True):
            slot = self._open[name].pop(0)
            if not self._open[name]:
                del self._open[name]
            self.evaluations += 1
            if math.isfinite(loss) and loss < self.best_loss:
                self.best, self.best_loss = point, loss
            if slot is not None:
                its, at = slot
                its.losses[at], its.told[at] = loss, True
                if its.told.all():
                    self._learn(its)

    def save(self, path: str | Path) -> None:
        """Keep the search in a file, without pickle; points that are out may be told later.

        Raises
        ------
        InputError
            If the folder of the file does not exist.
        """
        if not Path(path).parent.is_dir():
            raise InputError(
                f"path must be in a folder that exists, got {path}. Make {Path(path).parent} first"
            )
        late = [name.hex() for name, slots in self._open.items() for slot in slots if slot is None]
        known = [
            [its.handed, its.told.tolist(), [loss.hex() for loss in its.losses.tolist()]]
            for its in self._rounds
        ]
        about = {
            "search": self._identity, "generation": self._generation, "late": late,
            "rounds": known, "evaluations": self.evaluations, "best_loss": self.best_loss.hex(),
        }  # fmt: skip
        best = list(map(np.asarray, jax.tree.leaves(self.best)))
        storage.save_tree(Path(path), {"best": best, "state": self._state}, about)

    def load(self, path: str | Path) -> Search:
        """Go on from a file, with the arguments that the search had that was saved; itself.

        Raises
        ------
        InputError
            If the file holds another search, or is none.
        """
        about = storage.load_about(Path(path))
        if not isinstance(about, dict) or about.get("search") != self._identity:
            raise InputError(
                f"{path} must hold a search with {self.strategy!r}, the same bounds and seed. Give "
                "the arguments that it had"
            )
        structure: Any
        leaves, structure = jax.tree.flatten(self._like)
        like = {"best": list(map(np.asarray, leaves)), "state": self._state}
        loaded = storage.load_tree(Path(path), like)
        with sixty_four_bits():
            self._state = jax.tree.map(jax.numpy.asarray, loaded["state"])
        self.best = self._typed(structure.unflatten(loaded["best"]))
        self.best_loss = float.fromhex(about["best_loss"])
        self.evaluations, self._generation = about["evaluations"], about["generation"]
        self._open.clear()
        for name in about["late"]:
            self._open[bytes.fromhex(name)].append(None)
        self._rounds = []
        for number, (handed, told, losses) in enumerate(about["rounds"]):
            its = self._asked(number)
            its.handed, its.told = handed, np.array(told)
            its.losses = np.array(list(map(float.fromhex, losses)))
            self._rounds.append(its)
            for at in np.flatnonzero(~its.told[:handed]).tolist():
                self._open[its.names[at]].append((its, at))
        return self

    @property
    def _identity(self) -> str:
        """What decides which points it asks for, besides losses."""
        arrays = jax.tree.leaves((self._key, self._problem.domain))
        digest = hashlib.sha256(b"".join(map(tree.bits, arrays))).hexdigest()[:16]
        return f"{self.strategy!r} {digest}"

    def _asked(self, number: int) -> Round:
        """A population of the present state, the first or one more."""
        candidates, found = rounds.asked(
            self.strategy, self._key, self._generation, number, self._state
        )
        points = list(map(self._point, found))
        size = len(points)
        names = list(map(_name, points))
        return Round(candidates, points, np.full(size, np.nan), np.zeros(size, bool), names=names)

    def _learn(self, its: Round) -> None:
        """The next state, since all of a population is known."""
        self._state = rounds.told(
            self.strategy, self._key, self._generation, self._state, its.candidates, its.losses
        )
        self._generation, self._rounds = self._generation + 1, []
        for name, slots in self._open.items():
            self._open[name] = [None] * len(slots)

    def _point(self, vector: npt.NDArray[Any]) -> Params:
        return self._problem.own([leaf[0] for leaf in self._problem.leaves_of(vector[None])])

    def _typed(self, point: Params) -> Params:
        """A point in the types of the parameters, whatever it has been kept in meanwhile."""
        structure: Any
        like, structure = jax.tree.flatten(self._like)
        try:
            leaves = structure.flatten_up_to(point)
            both = zip(leaves, like, strict=True)
            typed = [np.array(x, np.asarray(its).dtype)[()] for x, its in both]
        except (TypeError, ValueError):
            raise InputError(f"points must be like params, got {point!r}") from None
        return structure.unflatten(typed)


def _name(point: Params) -> bytes:
    """What a point is known by: its numbers."""
    return b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(point))


def _copy(point: Params) -> Params:
    """Arrays of its own, or numbers of NumPy's types."""
    return jax.tree.map(lambda x: np.array(x)[()], point)
