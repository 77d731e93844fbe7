"""Server-sent events: streams that browsers read with ``EventSource``.

::

    @app.get("/prices")
    async def prices():
        return EventStream(channels.subscribe("prices", after=last_event_id()))
"""

from __future__ import annotations

from ..http.sse import Event as Event
from .log import EventLog as EventLog
from .stream import EventStream as EventStream
from .stream import close_all as close_all
from .stream import last_event_id as last_event_id

__all__ = ["Event", "EventLog", "EventStream", "close_all", "last_event_id"]
