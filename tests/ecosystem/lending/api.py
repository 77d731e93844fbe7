"""The same for programs: JSON, inside ``/api``, by version."""

from dataclasses import dataclass
from functools import wraps

from flask import Blueprint, abort, jsonify, request, url_for
from flask.views import MethodView
from flask_login import current_user
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException

from .extensions import db
from .models import Book

bp = Blueprint("api", __name__, url_prefix="/api")
v1 = Blueprint("v1", __name__, url_prefix="/v1")


def known(view):
    """Let in those who say who they are; there is no page to send the others to."""

    @wraps(view)
    def guarded(*args, **kwargs):
        if not current_user.is_authenticated:
            abort(401, "Say who you are.", www_authenticate=WWWAuthenticate("basic"))
        return view(*args, **kwargs)

    return guarded


@dataclass
class Shown:
    """A book for JSON."""

    id: int
    title: str
    lent: bool
    url: str

    @classmethod
    def of(cls, book):
        url = url_for("api.v1.book", number=book.id, _external=True)
        return cls(book.id, book.title, book.loan is not None, url)


@bp.errorhandler(HTTPException)
def as_json(error):
    response = error.get_response()
    response.data = jsonify(code=error.code, error=error.description).data
    response.content_type = "application/json"
    return response


@bp.errorhandler(ValueError)
def bad_value(error):
    return {"error": str(error)}, 422


class Books(MethodView):
    def get(self):
        return jsonify([Shown.of(book) for book in db.session.scalars(db.select(Book))])

    @known
    def post(self):
        title = request.get_json().get("title")
        if not isinstance(title, str):
            raise ValueError("a title is a text")
        book = Book(title=title)
        db.session.add(book)
        db.session.commit()
        return jsonify(Shown.of(book)), 201, {"Location": url_for(".book", number=book.id)}


class OneBook(MethodView):
    init_every_request = False
    decorators = [known]

    def get(self, number):
        return jsonify(Shown.of(db.get_or_404(Book, number)))

    def delete(self, number):
        if not current_user.is_admin:
            abort(403, "Only librarians.")
        db.session.delete(db.get_or_404(Book, number))
        db.session.commit()
        return "", 204


v1.add_url_rule("/books", view_func=Books.as_view("books"))
v1.add_url_rule("/books/<int:number>", view_func=OneBook.as_view("book"))


@v1.get("/later")
async def later():
    return {"who": current_user.name if current_user.is_authenticated else None}


bp.register_blueprint(v1)
