"""How may the bytes of a CSV file go wrong? Flipped, cut, moved, repeated, encoded otherwise."""

from __future__ import annotations

import random
from collections.abc import Callable


def mutate(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four mutations."""
    mutated = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        mutated = chance.choice(_MUTATIONS)(mutated or bytearray(b","), chance)
    return bytes(mutated)


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _digit(data: bytearray, chance: random.Random) -> bytearray:
    """Another digit: a file that is as right as before."""
    places = [place for place, byte in enumerate(data) if byte in b"0123456789"]
    if places:
        data[chance.choice(places)] = chance.choice(b"0123456789")
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _span(data: bytearray, chance: random.Random) -> slice:
    first = chance.randrange(len(data))
    return slice(first, first + chance.randrange(1, 60))


def _drop(data: bytearray, chance: random.Random) -> bytearray:
    del data[_span(data, chance)]
    return data


def _repeat(data: bytearray, chance: random.Random) -> bytearray:
    part = _span(data, chance)
    data[part] = data[part] * chance.choice((2, 3, 100))
    return data


def _move(data: bytearray, chance: random.Random) -> bytearray:
    part = data[_span(data, chance)]
    place = chance.randrange(len(data))
    data[place:place] = part
    return data


_INSERTED: tuple[bytes, ...] = (
    b'"', b'""', b",", b",,,", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b";", b"\0", bytes(5000),
    b"\xff", b"\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"nan", b"-nan", b"inf", b"1e400", b"_",
    b"0x1F", b"%", b"$", b"1,234", b"1 234", b"-", b"+", b".", b"e", b"9" * 400, b"0" * 140_000,
    b"x" * 140_000, b",1" * 10_000, b"\x1a", b"\x1b[31m",
    "é\uff11\u0663\u2212\u00a0\u2028\u200b".encode(),
)  # fmt: skip


def _insert(data: bytearray, chance: random.Random) -> bytearray:
    place = chance.randrange(len(data))
    data[place:place] = chance.choice(_INSERTED)
    return data


def _replace(data: bytearray, chance: random.Random) -> bytearray:
    """A separator or a line's end by something else, everywhere or once."""
    old = chance.choice((b",", b"\n", b"\r", b'"', b"."))
    return data.replace(old, chance.choice(_INSERTED[:20]), chance.choice((1, -1)))


def _noise(data: bytearray, chance: random.Random) -> bytearray:
    place = chance.randrange(len(data))
    data[place:place] = chance.randbytes(chance.randrange(1, 60))
    return data


def _encode(data: bytearray, chance: random.Random) -> bytearray:
    code = chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp037"))
    return bytearray(data.decode("utf-8", "replace").encode(code, "replace"))


def _begin(data: bytearray, chance: random.Random) -> bytearray:
    begins = (b"PK\x03\x04", b"\x1f\x8b", b"PAR1", b"\xff\xfe", b"sep=;\n", b"1,2\n", b"\n", b"#")
    return bytearray(chance.choice(begins)) + data


_MUTATIONS: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _flip, _flip, _digit, _cut, _drop, _drop, _repeat, _move, _move, _insert, _insert, _insert,
    _replace, _noise, _encode, _begin,
)  # fmt: skip
