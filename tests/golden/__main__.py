"""Compare every case with its digests, or record them.

python -m tests.golden                     # all of them
python -m tests.golden --quick             # one of each strategy, as the tests do
python -m tests.golden --update --why "sigma begins smaller in SNES"
"""

from __future__ import annotations

import math
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.golden import arguments, environment
from tests.golden.cases import Case, cases, quick
from tests.golden.digests import FILE, Kept, key
from tests.golden.runs import Found, all_twice, kinds, searches, twice

KEY = key(environment.INSTRUCTIONS)
TOLERANCE = 1e-3  # of losses, where digests cannot be compared: relative, and absolute near zero


def results(chosen: list[Case], jobs: int) -> Iterator[tuple[Case, tuple[Found, Found]]]:
    """Each case with what it found, as soon as it is known.

    Several processes take a strategy each: a program that begins a run is then compiled by one.
    """
    if jobs == 1:
        yield from ((case, twice(case)) for case in chosen)
        return
    groups: dict[str, list[Case]] = {}
    for case in chosen:
        groups.setdefault(case.strategy, []).append(case)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        found = pool.map(all_twice, groups.values())
        for group, results_of_group in zip(groups.values(), found, strict=True):
            yield from zip(group, results_of_group, strict=True)


def complaint(case: Case, first: Found, second: Found, kept: Kept) -> str | None:
    """What is wrong with a case."""
    if first != second:
        return f"the same run twice gave {first} and {second}"
    digests = kept.of(KEY, case.name, case.uses_lapack)
    if digests is not None:
        if digests == first.digests:
            return None
        return f"{digests} became {first.digests}; loss {kept.losses[case.name]}, now {first.loss}"
    loss = kept.losses.get(case.name)
    if loss is None:
        return "never recorded"
    if math.isclose(loss, first.loss, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        return None
    return f"loss {first.loss}, expected {loss} within {TOLERANCE:g}"


def main() -> int:
    """The command; how many cases are wrong, 1 at most."""
    given = arguments.given(__doc__, KEY)
    matrix = list(cases(searches(), kinds()))
    chosen = [
        case for case in (quick(matrix) if given.quick else matrix) if given.only in case.name
    ]
    if given.order is not None:
        random.Random(given.order).shuffle(chosen)
    kept = Kept.read()
    unknown = [case for case in chosen if kept.of(KEY, case.name, case.uses_lapack) is None]
    begun = time.perf_counter()
    found: dict[str, Found] = {}
    wrong = 0
    for case, (first, second) in results(chosen, given.jobs):
        found[case.name] = first
        trouble = complaint(case, first, second, kept)
        if trouble and not given.update:
            wrong += 1
            print(f"{case.name}: {trouble}", flush=True)
    seconds = time.perf_counter() - begun
    if given.update:
        digests = {name: each.digests for name, each in found.items()}
        losses = {name: each.loss for name, each in found.items()}
        changed = kept.update(KEY, digests, losses, given.why, {case.name for case in matrix})
        kept.write()
        for name in changed:
            print(f"{name}: {digests[name]}, loss {losses[name]}")
        print(f"{len(changed)} of {len(found)} cases are new or have changed ({seconds:.0f} s)")
        return 0
    if unknown:
        print(
            f"{FILE.name} has no digests of {len(unknown)} cases for {KEY}: their losses were "
            f"compared to {TOLERANCE:g} instead, and two runs of each bit by bit. To record them: "
            'python -m tests.golden --update --why "..."'
        )
    same = len(found) - wrong
    print(f"{same} of {len(found)} cases are as they were, for {KEY} ({seconds:.0f} s)")
    if wrong and not unknown:
        print('If results were meant to change: python -m tests.golden --update --why "..."')
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
