"""What the club reads, as JSON."""

from __future__ import annotations

import itertools
from functools import wraps

from flask import Blueprint
from flask_login import current_user
from flask_restful import Api, Resource, abort, fields, inputs, marshal_with, reqparse

api = Blueprint("api", __name__)
interface = Api(api)

FIELDS = {
    "title": fields.String,
    "pages": fields.Integer,
    "owner": fields.String,
    "url": fields.Url("api.book"),
}
_arguments = reqparse.RequestParser(bundle_errors=True)
_arguments.add_argument("title", type=inputs.regex(r"^.{1,40}$"), required=True, location="json")
_arguments.add_argument("pages", type=inputs.int_range(1, 9999), required=True, location="json")

_books: dict[int, dict] = {}
_numbers = itertools.count(1)


def members_only(view):
    @wraps(view)
    def checked(*args, **kwargs):
        if not current_user.is_authenticated:
            abort(401, message="Log in first.")
        return view(*args, **kwargs)

    return checked


def found(id):
    return _books.get(id) or abort(404, message=f"There is no book {id}.")


class Book(Resource):
    @marshal_with(FIELDS)
    def get(self, id):
        return found(id)

    @members_only
    def delete(self, id):
        if found(id)["owner"] != current_user.name:
            abort(403, message="It is not yours.")
        del _books[id]
        return "", 204


class Books(Resource):
    @marshal_with(FIELDS)
    def get(self):
        return list(_books.values())

    @members_only
    @marshal_with(FIELDS)
    def post(self):
        values = _arguments.parse_args(strict=True)
        book = {"id": next(_numbers), "owner": current_user.name, **values}
        _books[book["id"]] = book
        return book, 201


interface.add_resource(Book, "/books/<int:id>", endpoint="book")
interface.add_resource(Books, "/books")
