"""A CSV file of one's own: read with limits, and each refusal names the line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from erlen import Blueprint, current_app, redirect, render_template, request, url_for

from .datasets import keep

bp = Blueprint("uploads", __name__)

COLUMNS = ["day", "place", "count"]
LONGEST_NAME, MOST_PLACES, LARGEST = 40, 12, 10**9
FIRST_YEAR, LAST_YEAR = 1900, 2200
#: Kinds that browsers give to CSV files.
TYPES = {"text/csv", "text/plain", "application/csv", "application/vnd.ms-excel", ""}


@bp.get("/upload")
def form() -> Any:
    """The form."""
    return page()


@bp.post("/upload")
def upload() -> Any:
    """Take a file; its own page comes next."""
    try:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise BadRequest("Choose a file first.")
        if file.mimetype not in TYPES:
            raise UnsupportedMediaType(f"That is {file.mimetype[:60]}, not a CSV file.")
        frame = frame_of(file.read(), current_app.config["MAX_ROWS"])
    except (BadRequest, UnsupportedMediaType, RequestEntityTooLarge) as error:
        if isinstance(error, RequestEntityTooLarge) and "rows" not in str(error.description):
            most = current_app.config["MAX_CONTENT_LENGTH"] / 1024**2
            error = RequestEntityTooLarge(f"The file is too large; {most:g} MB are the most.")
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
            raise error from None
        return page(error.description), error.code
    return redirect(url_for("pages.index", data=keep(frame)), 303)


def page(problem: str | None = None) -> str:
    """The form, with what was wrong."""
    config = current_app.config
    limits = {
        "rows": config["MAX_ROWS"],
        "places": MOST_PLACES,
        "megabytes": config["MAX_CONTENT_LENGTH"] / 1024**2,
    }
    return render_template("upload.html", problem=problem, limits=limits)


def frame_of(data: bytes, max_rows: int) -> Any:
    """The rows of a CSV file with the columns day, place and count.

    Args:
        data: The file.
        max_rows: How many rows it may have.

    Raises:
        BadRequest: It is no such file; the line and what is wrong there.
        RequestEntityTooLarge: It has too many rows.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadRequest(f"Line {line} is not UTF-8. Save the file as “CSV UTF-8”.") from None
    rows = []
    seen: dict[tuple[date, str], int] = {}
    for line, row in lines_of(text):
        if len(rows) == max_rows:
            raise RequestEntityTooLarge(f"More than {max_rows:,} rows, which are the most.")
        day, place, count = row_of(row, line)
        if (day, place) in seen:
            before = seen[day, place]
            raise BadRequest(f"Line {line}: {place} on {day} is in line {before} already.")
        seen[day, place] = line
        rows.append((day, place, count))
    if not rows:
        raise BadRequest("There are no rows behind the line of names.")
    places = {place for _, place, _ in rows}
    if len(places) > MOST_PLACES:
        raise BadRequest(f"There are {len(places)} places; {MOST_PLACES} are the most.")
    frame = pd.DataFrame(sorted(rows), columns=COLUMNS)
    return frame.assign(day=pd.to_datetime(frame["day"]))


def lines_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows behind the line of names, with the number of their line; empty ones left out."""
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if names != COLUMNS:
            shown = ", ".join(names)[:80] or "nothing"
            raise BadRequest(f"The first line has to be day,place,count; it says {shown}.")
        for row in reader:
            if row and any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise BadRequest(f"Line {reader.line_num}: this is no CSV ({error}).") from None


def row_of(row: list[str], line: int) -> tuple[date, str, int]:
    """One row; ``line`` is its name in errors."""
    if len(row) != len(COLUMNS):
        raise BadRequest(f"Line {line} has {len(row)} cells, not {len(COLUMNS)}.")
    day, place, count = (cell.strip() for cell in row)
    try:
        if len(day) != 10:
            raise ValueError
        found = date.fromisoformat(day)
    except ValueError:
        raise BadRequest(f"Line {line}: {day[:40]!r} is no day like 2025-03-07.") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadRequest(f"Line {line}: days are from {FIRST_YEAR} to {LAST_YEAR}, not {day}.")
    # What begins with = or @ would be a formula in a spreadsheet that opens the download.
    if not 0 < len(place) <= LONGEST_NAME or not place.isprintable() or not place[0].isalnum():
        raise BadRequest(
            f"Line {line}: a place has 1 to {LONGEST_NAME} characters and begins with a letter or"
            f" a digit; not {place[:60]!r}."
        )
    if not (count.isascii() and count.isdigit() and len(count) <= 10 and int(count) <= LARGEST):
        raise BadRequest(f"Line {line}: a count is a whole number from 0 on, not {count[:40]!r}.")
    return found, place, int(count)
