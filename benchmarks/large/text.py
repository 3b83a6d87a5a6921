"""What English does Python bring along, and how well do counts of characters predict it?"""

from __future__ import annotations

import pydoc_data.topics
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

HELD_OUT = 0.1  # of the text, its end
CHOOSING = 0.1  # of what trains, its end
RARE = 50  # characters with fewer occurrences are all one

Symbols = npt.NDArray[np.int32]


class Text(NamedTuple):
    """Symbols that train and symbols that judge."""

    train: Symbols
    held_out: Symbols
    symbols: int


def topics(choose: bool = False) -> Text:
    """What ``help()`` says of the language, each paragraph once, by name of its topic.

    Topics repeat paragraphs of one another. Kept twice, they would be in both parts. With
    ``choose`` the end of what trains judges, and the held-out text is not touched.
    """
    found = pydoc_data.topics.topics
    paragraphs = dict.fromkeys(part for name in sorted(found) for part in found[name].split("\n\n"))
    codes = np.frombuffer("\n\n".join(paragraphs).encode("utf-32-le"), np.uint32)
    train, held_out = _cut(codes, HELD_OUT)
    kinds, counts = np.unique(train, return_counts=True)
    common = kinds[counts >= RARE]
    if choose:
        train, held_out = _cut(train, CHOOSING)

    def numbered(part: npt.NDArray[np.uint32]) -> Symbols:
        places = np.minimum(np.searchsorted(common, part), len(common) - 1)
        return np.where(common[places] == part, places, len(common)).astype(np.int32)

    return Text(numbered(train), numbered(held_out), len(common) + 1)


def _cut(part: npt.NDArray[Any], share: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    end = round(len(part) * (1 - share))
    return part[:end], part[end:]


def windows(part: Symbols, tokens: int, step: int) -> tuple[Symbols, Symbols]:
    """Pieces of the text and what follows each of their symbols, both (pieces, tokens)."""
    found = np.lib.stride_tricks.sliding_window_view(part, tokens + 1)[::step]
    return found[:, :-1].copy(), found[:, 1:].copy()


def bits_by_counts(text: Text, order: int, tokens: int) -> float:
    """Bits a character of a model of ``order`` characters at a time (3: trigrams), held out.

    Counts of every order are mixed by the rule of Witten and Bell (1991), method C, which has no
    setting. A piece's first symbols have a shorter past, as for a network.
    """
    inputs, following = windows(text.held_out, tokens, tokens)
    share = np.full(following.shape, 1 / text.symbols)
    for length in range(1, order + 1):
        table = np.zeros((text.symbols,) * length)
        np.add.at(
            table, tuple(text.train[k : len(text.train) - length + 1 + k] for k in range(length)), 1
        )
        kinds, total = (table > 0).sum(-1), table.sum(-1)
        past = length - 1
        known = np.arange(tokens) >= past - 1
        at = tuple(np.roll(inputs, back, 1)[:, known] for back in range(past - 1, -1, -1))
        count, new, seen = table[(*at, following[:, known])], kinds[at], total[at]
        weight = np.where(seen > 0, new / np.maximum(seen + new, 1), 1.0)
        mixed = count / np.maximum(seen + new, 1) + weight * share[:, known]
        share[:, known] = mixed
    return float(-np.mean(np.log2(share)))
