"""The selected rows as files, written while they are sent."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from erlen import Blueprint, Response, current_app, stream_with_context
from erlen.json.arrays import plain

from .analysis import per_step
from .filters import Selection, selection

bp = Blueprint("downloads", __name__)

CHUNK = 500


@bp.get("/counts.csv")
def as_csv() -> Any:
    """Rows of day, place and count, with a line of names."""
    return attached(csv_of(selection()), "text/csv", "counts.csv")


@bp.get("/counts.json")
def as_json() -> Any:
    """A list of objects with day, place and count."""
    return attached(json_of(selection()), "application/json", "counts.json")


@bp.get("/summary.json")
def summary() -> Any:
    """What the first plot shows: means per step of time; pandas' own values."""
    chosen = selection()
    return {"step": chosen.step, "means": plain(per_step(chosen), "split")}


def attached(body: Iterator[str], mimetype: str, name: str) -> Response:
    """A response that browsers save as a file."""
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return Response(stream_with_context(body), mimetype=mimetype, headers=headers)


def chunks_of(chosen: Selection) -> Iterator[Any]:
    """The rows, some at a time."""
    rows = chosen.rows()
    for start in range(0, len(rows), CHUNK):
        yield rows.iloc[start : start + CHUNK]


def csv_of(chosen: Selection) -> Iterator[str]:
    """The lines of a CSV file."""
    yield "day,place,count\r\n"
    for part in chunks_of(chosen):
        out = io.StringIO()
        write = csv.writer(out).writerow
        days = part["day"].dt.strftime("%Y-%m-%d")
        for row in zip(days, part["place"], part["count"], strict=True):
            write(row)
        yield out.getvalue()


def json_of(chosen: Selection) -> Iterator[str]:
    """The pieces of a JSON list."""
    before = "["
    for part in chunks_of(chosen):
        part = part.assign(day=part["day"].dt.strftime("%Y-%m-%d"))
        yield before + current_app.json.dumps(part)[1:-1]
        before = ",\n"
    yield "]\n" if before != "[" else "[]\n"
