"""What a book's fields may be, and how a book is written."""

from __future__ import annotations

from typing import Any

from flask_restful import fields, inputs, reqparse
from werkzeug.exceptions import BadRequest

FIRST_YEAR, LAST_YEAR = 1450, 2100

BOOK = {
    "id": fields.Integer,
    "title": fields.String,
    "author": fields.String,
    "year": fields.Integer,
    "isbn": fields.String,
    "url": fields.Url("book"),
}


class Text:
    """A line of text.

    Args:
        limit: Its length, in characters.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __call__(self, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be a text")
        if len(value) > self.limit:
            raise ValueError(f"must have at most {self.limit} characters")
        if not value.isprintable():
            raise ValueError("has characters that cannot be shown")
        return value.strip()


def year(value: Any) -> int:
    # True is an int, and "1998" would be read as one.
    if type(value) is not int or not FIRST_YEAR <= value <= LAST_YEAR:
        raise ValueError(f"must be a number from {FIRST_YEAR} to {LAST_YEAR}")
    return value


def isbn(value: Any) -> str:
    """Thirteen digits whose last one checks the others (ISO 2108)."""
    digits = value.replace("-", "") if isinstance(value, str) else ""
    if len(digits) != 13 or not (digits.isascii() and digits.isdigit()):
        raise ValueError("must be thirteen digits")
    if sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits)) % 10:
        raise ValueError("has a wrong check digit")
    return digits


TYPES = {"title": Text(200), "author": Text(100), "year": year, "isbn": isbn}

listing = reqparse.RequestParser(bundle_errors=True)
listing.add_argument("page", type=inputs.int_range(1, 10_000), default=1, location="args")
listing.add_argument("author", type=Text(100), location="args")
listing.add_argument("search", type=Text(100), location="args")


def read_book(document: Any) -> dict[str, Any]:
    """The fields of a book, each of them.

    Raises:
        BadRequest: With a message for each field that is wrong.
    """
    if not isinstance(document, dict):
        raise BadRequest("A book is an object.")
    wrong = {name: "is not a field of a book" for name in document if name not in TYPES}
    found = {}
    for name, read in TYPES.items():
        try:
            found[name] = read(document[name])
        except KeyError:
            wrong[name] = "is missing"
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        refused = BadRequest()
        refused.data = {"message": wrong}  # type: ignore[attr-defined] # Flask-RESTful's answer
        raise refused
    return found
