"""Which day and time does a text say, and what does a network see of it?

A date is a number of days since 1970; where a file has times of the day, a fraction of one more. A
network sees the days, the year, and month and weekday as places on a circle, so that December is
beside January and Sunday beside Monday; of times, the hour likewise.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_LONGEST = 40
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*\.?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(:(?P<second>\d{2}([.,]\d+)?))?"
    r"\s*(?P<half>[ap])?(\.?m\.?)?\s*(?P<zone>z|utc|[+-]\d{2}:?\d{2})?"
)
_YEAR, _TWO = r"(?P<year>\d{4})", r"(?P<one>\d{1,2})"
_DAYS = (
    rf"{_YEAR}([-/.])(?P<month>\d{{1,2}})\2(?P<day>\d{{1,2}})",
    rf"{_TWO}([-/.])(?P<other>\d{{1,2}})\2(?P<year>\d{{4}})",
    rf"{_TWO}/(?P<other>\d{{1,2}})/(?P<year>\d{{2}})",
    rf"(?P<day>\d{{1,2}})(st|nd|rd|th)?[\s.-]+{_MONTH}[\s,-]+(?P<year>\d{{4}}|\d{{2}})",
    rf"{_MONTH}\s+(?P<day>\d{{1,2}})(st|nd|rd|th)?,?\s+{_YEAR}",
    rf"{_YEAR}-(?P<month>\d{{1,2}})",
    rf"{_MONTH}[\s-]+{_YEAR}",
)
_FORMS = tuple(re.compile(rf"{day}([ t]\s*{_CLOCK})?") for day in _DAYS)
_TIME = re.compile(_CLOCK)
_FIRST = datetime.date(1970, 1, 1).toordinal()

CLOCK = "clock"
_DAY_FIRST, _MONTH_FIRST, _TIMES = "day first", "month first", "with times"


def is_date_kind(kind: str) -> bool:
    """Whether a column of this kind holds dates, or times of the day."""
    return kind == CLOCK or kind.split(",")[0] == "date"


def is_date(text: str) -> bool:
    """Whether a text is a day, a time, or both, in one of the common forms."""
    return _days(text, day_first=True) is not None or _days(text, day_first=False) is not None


def kind_of(texts: Iterable[str]) -> tuple[str, bool]:
    """The kind of a column of these dates, and whether days and months could be told apart."""
    clocks, times, after, before, slashes, undecided = 0, False, 0, 0, False, False
    for text in texts:
        found = _match(text)
        if found is None:
            continue
        parts = found.groupdict()
        times = times or parts.get("hour") is not None
        if "one" in parts:
            one, other = int(parts["one"]), int(parts["other"])
            after, before = after + (one > 12), before + (other > 12)
            slashes = slashes or "/" in text
            undecided = True
        elif "year" not in parts:
            clocks += 1
    if clocks and not undecided and times and all(_is_clock(t) for t in texts):
        return CLOCK, True
    kind = "date"
    if undecided:
        first = after > before or (after == before and not slashes)
        kind += f", {_DAY_FIRST if first else _MONTH_FIRST}"
    return kind + (f", {_TIMES}" if times else ""), not undecided or after != before


def days(texts: Sequence[str], kind: str) -> dict[str, float]:
    """Days since 1970 of each text; NaN of one that is no date of this kind."""
    found = {text: _days(text, day_first=_DAY_FIRST in kind) for text in texts}
    return {text: float("nan") if value is None else value for text, value in found.items()}


def parts(values: FloatArray, kind: str) -> Mapping[str, FloatArray]:
    """What a network sees of a column of dates (rows,): names of parts, and their numbers."""
    hours = 2 * np.pi * (values - np.floor(values))
    clock = {"hour, sine": np.sin(hours), "hour, cosine": np.cos(hours)}
    if kind == CLOCK:
        return {"": values, **clock}
    gaps = np.isnan(values)
    day = np.floor(np.where(gaps, 0.0, values)).astype("datetime64[D]")
    month, year = day.astype("datetime64[M]"), day.astype("datetime64[Y]")
    angles = {
        "month": 2 * np.pi * (month - year).astype(np.float64) / 12,
        "weekday": 2 * np.pi * ((day.astype(np.int64) + 3) % 7) / 7,  # 0 is Monday
    }
    found = {"": values, "year": year.astype(np.float64) + 1970}
    for name, angle in angles.items():
        found |= {f"{name}, sine": np.sin(angle), f"{name}, cosine": np.cos(angle)}
    made = {name: np.where(gaps, np.nan, numbers) for name, numbers in found.items()}
    return {**made, **clock} if _TIMES in kind else made


def shown(value: float, kind: str) -> str:
    """A date as people write it."""
    if kind == CLOCK:
        minutes = round(value * 1440)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=value)
    return moment.isoformat(" ", "minutes") if _TIMES in kind else moment.date().isoformat()


def _match(text: str) -> re.Match[str] | None:
    text = text.strip().casefold()
    if not 4 <= len(text) <= _LONGEST or not any(map(str.isdigit, text)):
        return None
    return next(filter(None, (form.fullmatch(text) for form in (*_FORMS, _TIME))), None)


def _is_clock(text: str) -> bool:
    found = _match(text)
    return found is not None and "year" not in found.groupdict()


def _days(text: str, *, day_first: bool) -> float | None:
    found = _match(text)
    if found is None:
        return None
    parts = found.groupdict()
    time = _part_of_day(parts)
    if time is None:
        return None
    if "year" not in parts:
        return time
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 2000 if year < 70 else 1900
    if "one" in parts:
        day, month = int(parts["one"]), int(parts["other"])
        if not day_first:
            day, month = month, day
    else:
        month = _MONTHS.index(parts["name"]) + 1 if "name" in parts else int(parts["month"])
        day = int(parts.get("day") or 1)
    try:
        return datetime.date(year, month, day).toordinal() - _FIRST + time
    except ValueError:
        return None


def _part_of_day(parts: Mapping[str, str | None]) -> float | None:
    if parts.get("hour") is None:
        return 0.0
    hour, minute = int(parts["hour"] or 0), int(parts["minute"] or 0)
    second = float((parts["second"] or "0").replace(",", "."))
    if parts["half"] is not None:
        hour = hour % 12 + (12 if parts["half"] == "p" else 0)
    if hour > 23 or minute > 59 or second >= 61:
        return None
    zone, away = parts["zone"], 0
    if zone and zone[0] in "+-":
        away = int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[-2:]))
    return (hour * 3600 + minute * 60 + second - away * 60) / 86400
