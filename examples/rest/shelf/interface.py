"""The resources: all books, and one."""

from __future__ import annotations

from typing import Any

from flask_restful import Api, Resource, abort, marshal
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from erlen import Erlen, current_app, make_response, request, url_for

from .database import MAX_ID, Book, db
from .fields import BOOK, listing, read_book
from .tokens import token_required

api = Api(
    # Flask-RESTful answers these before the application's own error handlers see them.
    errors={
        name: {"status": 503, "message": "The database does not answer."}
        for name in ("OperationalError", "TimeoutError")
    }
)


class Books(Resource):
    """All books, a page at a time."""

    def get(self) -> Any:
        wanted = listing.parse_args()
        found = select(Book)
        if wanted["author"]:
            found = found.where(Book.author == wanted["author"])
        if wanted["search"]:
            found = found.where(Book.title.icontains(wanted["search"], autoescape=True))
        size, page = current_app.config["PAGE_SIZE"], wanted["page"]
        total = db().scalar(select(func.count()).select_from(found.subquery())) or 0
        books = db().scalars(found.order_by(Book.id).offset((page - 1) * size).limit(size))
        links = [(page - 1, "prev")] * (page > 1) + [(page + 1, "next")] * (page * size < total)
        filters = {name: wanted[name] for name in ("author", "search") if wanted[name]}
        headers = [f'<{url_for("books", page=p, **filters)}>; rel="{rel}"' for p, rel in links]
        content = {"total": total, "books": marshal(books.all(), BOOK)}
        return content, 200, {"Link": ", ".join(headers)} if headers else {}

    @token_required
    def post(self) -> Any:
        book = Book(**read_book(request.get_json()))
        db().add(book)
        store()
        answer = with_etag(book, 201)
        answer.location = url_for("book", id=book.id)
        return answer


class OneBook(Resource):
    """One book."""

    def get(self, id: int) -> Any:
        return with_etag(found(id)).make_conditional(request)

    @token_required
    def put(self, id: int) -> Any:
        book = for_change(id)
        for name, value in read_book(request.get_json()).items():
            setattr(book, name, value)
        store()
        return with_etag(book)

    @token_required
    def delete(self, id: int) -> Any:
        db().delete(for_change(id))
        store()
        return "", 204


def found(id: int) -> Book:
    return db().get(Book, id) or abort(404, message=f"There is no book {id}.")


def for_change(id: int) -> Book:
    """The book, if it still is what the client has seen (RFC 9110 13.1.1)."""
    book = found(id)
    if not request.if_match:
        abort(428, message="Send If-Match with the ETag of what you have read.")
    if not request.if_match.contains(str(book.version)):
        abort(412, message="The book has changed meanwhile; read it again.")
    return book


def store() -> None:
    """Write what has changed; the request's end commits it."""
    try:
        db().flush()
    except IntegrityError:
        abort(409, message={"isbn": "is another book's"})
    except StaleDataError:
        abort(412, message="The book has changed meanwhile; read it again.")


def with_etag(book: Book, status: int = 200) -> Any:
    answer = make_response(marshal(book, BOOK), status)
    answer.set_etag(str(book.version))
    return answer


def init_app(app: Erlen) -> None:
    api.init_app(app)


api.add_resource(Books, "/books", endpoint="books")
api.add_resource(OneBook, f"/books/<int(max={MAX_ID}):id>", endpoint="book")
