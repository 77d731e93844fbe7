"""Readings as they come: sent in by counters, followed by pages."""

from __future__ import annotations

import asyncio
import hmac
import math
import random
from datetime import UTC, datetime
from typing import Any

from scipy import signal
from werkzeug.exceptions import BadRequest, Unauthorized

from erlen import Blueprint, Erlen, current_app, render_template, request
from erlen.channels import Channels
from erlen.sse import EventStream, last_event_id

bp = Blueprint("live", __name__, url_prefix="/live")

CHANNEL = "readings"
SHOWN = 120
LARGEST = 1e6


class Smoother:
    """A low-pass filter that is fed value by value (Butterworth, second order)."""

    def __init__(self) -> None:
        self._b, self._a = signal.butter(2, 0.12)
        self._state: Any = None

    def feed(self, value: float) -> float:
        """The filtered value."""
        if self._state is None:
            # As if it had always been like this: the line does not climb from 0 first.
            self._state = signal.lfilter_zi(self._b, self._a) * value
        found, self._state = signal.lfilter(self._b, self._a, [value], zi=self._state)
        return float(found[0])


class Readings:
    """What comes in, and who follows it.

    Args:
        app: The application.
    """

    def __init__(self, app: Erlen) -> None:
        self.app = app
        config = app.config
        self.channels = Channels(
            config["CHANNELS_URL"], history=config["KEPT_READINGS"], prefix="dashboard"
        )
        self._smoother = Smoother()
        self._demo: asyncio.Task[None] | None = None

    async def add(self, value: float) -> str:
        """Publish a reading; gives its id."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        smooth = round(self._smoother.feed(value), 2)
        message = {"at": at, "value": round(value, 2), "smooth": smooth}
        return await self.channels.apublish(CHANNEL, message, "reading")

    async def start(self) -> None:
        """Begin to pretend, unless there are real counters."""
        if self.app.config["DEMO_SECONDS"]:
            self._demo = asyncio.create_task(self._pretend(self.app.config["DEMO_SECONDS"]))

    async def stop(self) -> None:
        """End pretending."""
        if self._demo is not None:
            self._demo.cancel()

    async def _pretend(self, seconds: float) -> None:
        chance = random.Random(2026)
        level, number = 42.0, 0
        while True:
            number += 1
            wave = 11 * math.sin(number / 23) + 4 * math.sin(number / 7)
            level += chance.gauss(0, 0.5) + 0.03 * (42 - level)
            await self.add(max(0.0, level + wave + chance.gauss(0, 2.6)))
            await asyncio.sleep(seconds)


def init_app(app: Erlen) -> None:
    """Give an application its readings."""
    readings = app.extensions["readings"] = Readings(app)
    app.before_serving(readings.start)
    app.after_serving(readings.stop)


def readings() -> Readings:
    """The current application's."""
    found: Readings = current_app.extensions["readings"]
    return found


@bp.get("/")
async def page() -> Any:
    """The page, with what came last; its script follows from there."""
    recent = (await readings().channels.arecent(CHANNEL))[-SHOWN:]
    # Readings that came while the page was on its way are newer than this one.
    last = recent[-1].id if recent else ""
    points = [message.data for message in recent]
    return render_template("live.html", points=points, last=last, shown=SHOWN)


@bp.get("/events")
async def events() -> EventStream:
    """The stream. A browser that comes back says which event it got last."""
    after = last_event_id() or request.args.get("after", "")
    return EventStream(readings().channels.subscribe(CHANNEL, after=after), retry=1000)


@bp.post("/readings")
async def add() -> Any:
    """A reading of a counter: ``{"value": 41.5}`` with its token."""
    token = current_app.config["READINGS_TOKEN"]
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), str(token).encode()):
        raise Unauthorized("Present the token of the counters: Authorization: Bearer …")
    body = request.get_json()
    value = body.get("value") if isinstance(body, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadRequest('A reading is {"value": a number}.')
    if not 0 <= value <= LARGEST:
        raise BadRequest(f"A value is from 0 to {LARGEST:,.0f}.")
    return {"id": await readings().add(float(value))}, 201
