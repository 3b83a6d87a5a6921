"""Which number does a text mean, with what people and spreadsheets add to numbers?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from gradless.data import cells

# Words that stand for "not known" among numbers, besides those of `cells.MISSING`.
_SAID = """
- -- --- . .. ... * n.a. n.a n/d nd none unknown missing nil (missing) (unknown) tbd tba #value!
#div/0! #ref! #num! #name? #null!
"""
UNKNOWN = frozenset(_SAID.split()) | {"\u2013", "\u2014", "not available", "not applicable"}

_CURRENCY = re.compile(r"[$¢£¤¥₠-⃀]|\b(?:USD|EUR|GBP|CHF|JPY)\b")
# What no number has, whatever is taken off: letters but those of exponents and currencies.
_NO_NUMBER = re.compile(r"[:/]|[^\W\d_eEUSDRGBPCHFJY]")
_COMMAS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?")
_SPACED = re.compile(r"(?<=\d)[\s'\u2019\u202f](?=\d{3}(?!\d))")
_MINUS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"))
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_BRACKETS = re.compile(r"\((.*\d.*)\)")
_WITH_UNIT = re.compile(
    rf"""((?:[+-]\s*)?(?:{_CURRENCY.pattern})?\s*)
    ([+-]?(?:\d{{1,3}}(?:[.,'\u2019\s]\d{{3}})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+))
    (\s*(?:%|‰|{_CURRENCY.pattern}|[gmlsh]|\s[A-Za-zµΩ°]|[a-zµ°][A-Za-z]{{1,7}}|k[A-Z][A-Za-z]?)?
    (?:[²³]|/[A-Za-z]{{1,4}})?)""",
    re.VERBOSE,
)
# Of the texts, so many are numbers; a column of names has more ways.
_NEARLY_ALL, _MOST_WAYS = 0.95, 8
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")


class Meant(NamedTuple):
    """The numbers that texts mean, and what was added to them; other texts are left out."""

    numbers: dict[str, float]
    added: tuple[str, ...]


def plain(text: str, decimal: str) -> str:
    """A number with a point before its decimals; other texts as they are."""
    if decimal == "." or ("," not in text and "." not in text):
        return text
    found = text.strip()
    if _POINTS.fullmatch(found):
        return found.replace(".", "").replace(",", ".")
    return found.replace(",", ".") if _DECIMAL_COMMA.fullmatch(found) else text


def meant(texts: Collection[str], numbers: Iterable[float], decimal: str) -> Meant:
    """Numbers of texts that are none as they stand, by one rule for all of them.

    Parameters
    ----------
    texts
        Those of a column that are no numbers.
    numbers
        Numbers that are in the column without anything added.
    decimal
        What stands before decimals in this file.
    """
    signs = {sign for text in texts for sign in _CURRENCY.findall(text)}
    percents = sum(text.rstrip().endswith("%") for text in texts)
    others = list(numbers)
    if len(signs) > 1 or (percents and others and any(value for value in others)):
        # Of several currencies, or shares beside percents: no numbers that could be compared.
        texts = [t for t in texts if not _CURRENCY.search(t) and not t.rstrip().endswith("%")]
    grouped = decimal == "." and _are_grouped(texts, others)
    found: dict[str, float] = {}
    added: dict[str, None] = {}
    for text in texts:
        what, value = _number(text, decimal, grouped)
        if value is not None and abs(value) < cells.FLOAT32_OVERFLOW:
            found[text] = value
            added |= dict.fromkeys(what)
    return Meant(found, tuple(added))


def not_read(texts: Collection[str]) -> str | None:
    """What to say of texts that are numbers with units or signs, but not to be read as such.

    Two of them are shown where they are written in several ways. Of what is rather a name, such
    as ``12a`` or ``1.2.3``, nothing is said.
    """
    ways: dict[tuple[str, ...], list[str]] = {}
    for text in texts:
        plain = text.removesuffix(cells.QUOTED).strip()
        if found := _WITH_UNIT.fullmatch(plain):
            before, digits, after = (part.strip() for part in found.groups())
            order = "".join(sorted({*",."} & {*digits}, key=digits.rfind))
            ways.setdefault(
                (before.lstrip("+- "), after, order if len(order) > 1 else ""), []
            ).append(plain)
    if sum(map(len, ways.values())) < _NEARLY_ALL * len(texts):
        return None
    often = sorted(ways, key=lambda way: -len(ways[way]))
    if len(often) > _MOST_WAYS or not (len(often) > 1 or any(often[0])):
        return None
    first, *others = (cells.shown(ways[way][0]) for way in often[:2])
    if not others:
        return f"numbers with a unit or a sign, such as {first}; write the numbers alone"
    return f"numbers written in several ways, such as {first} and {others[0]}; write all alike"


def _are_grouped(texts: Iterable[str], numbers: Iterable[float]) -> bool:
    """Whether commas separate thousands: each before three digits, and large numbers have them."""
    bare = [_bare(text)[1] for text in texts if "," in text]
    commas = [text for text in bare if re.fullmatch(r"[+-]?[\d,.]+", text)]
    fine = all(_COMMAS.fullmatch(text) and not re.match(r"[+-]?0,", text) for text in commas)
    return fine and not any(abs(number) >= 10_000 for number in numbers)


def _bare(text: str) -> tuple[list[str], str]:
    """A text without what is added, and what that was."""
    found, added = text.removesuffix(cells.QUOTED).strip(), []
    for what, changed in (
        ("invisible characters", lambda t: _INVISIBLE.sub("", t)),
        ("a minus sign other than '-'", lambda t: t.translate(_MINUS)),
        ("brackets for minus", lambda t: _BRACKETS.sub(r"-\1", t) if _BRACKETS.fullmatch(t) else t),
        ("a percent sign", lambda t: re.sub(r"\s*[%‰]$", "", t)),
        ("a currency sign", lambda t: _CURRENCY.sub("", t).strip()),
        ("thousands separators", lambda t: _SPACED.sub("", t)),
    ):
        after = changed(found).strip()
        if after != found:
            added.append(what)
            found = after
    return added, found.replace("- ", "-") if found.startswith("-") else found


def _number(text: str, decimal: str, grouped: bool) -> tuple[list[str], float | None]:
    if _NO_NUMBER.search(text):
        return [], None
    added, bare = _bare(text)
    if decimal == ",":
        bare = plain(bare, ",")
    elif grouped and _COMMAS.fullmatch(bare):
        added, bare = [*added, "thousands separators"], bare.replace(",", "")
    elif re.fullmatch(r"[+-]?\d{1,3}(\.\d{3}){2,}", bare):
        added, bare = [*added, "thousands separators"], bare.replace(".", "")
    elif not grouped and _DECIMAL_COMMA.fullmatch(bare):
        added, bare = [*added, "decimal commas"], bare.replace(",", ".")
    if not added or not re.fullmatch(r"[+-]?[\d.eE+-]+", bare):
        return added, None
    return list(dict.fromkeys(added)), cells.number(bare)
