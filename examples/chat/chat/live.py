"""What is said in all rooms, as a stream of events."""

from __future__ import annotations

from typing import Any

from erlen import Blueprint, render_template, request
from erlen.sse import EventStream, last_event_id

from .rooms import EVERYWHERE, channels

bp = Blueprint("live", __name__, url_prefix="/live")

SHOWN = 20


@bp.get("/")
async def page() -> Any:
    """The page, with what was said last; its script follows from there."""
    recent = (await channels().arecent(EVERYWHERE))[-SHOWN:]
    # Messages that came while the page was on its way are newer than this one.
    last = recent[-1].id if recent else ""
    return render_template("live.html", messages=[message.data for message in recent], last=last)


@bp.get("/events")
async def events() -> EventStream:
    """The stream. A browser that comes back says which event it got last."""
    after = last_event_id() or request.args.get("after", "")
    return EventStream(channels().subscribe(EVERYWHERE, after=after), retry=1000)
