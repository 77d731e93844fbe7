"""What a page is asked to show: read from the query, or refused with a reason."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from werkzeug.exceptions import BadRequest

from erlen import request

from .datasets import SAMPLE, dataset

STEPS = {"day": "D", "week": "W-MON", "month": "MS"}
_KNOWN = {"data", "place", "from", "to", "step", "theme", "scale"}


class Selection(NamedTuple):
    """Some of the rows of a data set, and how they are summed up.

    Attributes:
        data: Name of the data set.
        places: Which places, in the order of the data set.
        first: The first day.
        last: The last day.
        step: A key of ``STEPS``.
    """

    data: str
    places: tuple[str, ...]
    first: date
    last: date
    step: str

    def rows(self) -> Any:
        """The rows of the data set."""
        frame = dataset(self.data)
        days = frame["day"].between(str(self.first), str(self.last))
        return frame[days & frame["place"].isin(self.places)]

    def query(self, **more: str) -> dict[str, Any]:
        """Arguments for ``url_for`` that select the same."""
        found: dict[str, Any] = {"place": list(self.places), "step": self.step}
        found |= {"from": str(self.first), "to": str(self.last)}
        if self.data != SAMPLE:
            found["data"] = self.data
        return found | more


def places_of(frame: Any) -> list[str]:
    """The places of a data set, the busiest first."""
    return list(frame.groupby("place")["count"].mean().sort_values(ascending=False).index)


def selection() -> Selection:
    """What the current request selects.

    Raises:
        BadRequest: It makes no sense, and why.
        NotFound: There is no such data.
    """
    unknown = sorted(set(request.args) - _KNOWN)
    if unknown:
        known = ", ".join(sorted(_KNOWN))
        raise BadRequest(f"There is no filter {unknown[0][:40]!r}. There are: {known}.")
    data = request.args.get("data") or SAMPLE
    frame = dataset(data)
    places = places_of(frame)
    asked = request.args.getlist("place")
    for place in asked:
        if place not in places:
            raise BadRequest(f"There is no place {place[:40]!r}. There are: {', '.join(places)}.")
    begin, end = frame["day"].min().date(), frame["day"].max().date()
    first, last = day("from", begin), day("to", end)
    if first > last:
        raise BadRequest(f"The first day, {first}, is after the last one, {last}.")
    if last < begin or first > end:
        raise BadRequest(f"There is data from {begin} to {end} only.")
    step = request.args.get("step") or "week"
    if step not in STEPS:
        raise BadRequest(f"A step is one of {', '.join(STEPS)}, not {step[:40]!r}.")
    chosen = tuple(place for place in places if place in asked) or tuple(places)
    return Selection(data, chosen, max(first, begin), min(last, end), step)


def day(name: str, default: date) -> date:
    """A day of the query, like 2026-03-07; empty is the default."""
    text = request.args.get(name, "")
    if not text:
        return default
    try:
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{name!r} is a day like 2025-03-07, not {text[:40]!r}.") from None


def choice(name: str, *allowed: str) -> str:
    """One of a few words of the query; the first is the default."""
    text = request.args.get(name) or allowed[0]
    if text not in allowed:
        raise BadRequest(f"{name!r} is one of {', '.join(allowed)}, not {text[:40]!r}.")
    return text
