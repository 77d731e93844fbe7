"""The books, and lending them."""

import io
from datetime import UTC, datetime

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from flask.signals import Namespace
from flask.views import View
from flask_login import current_user, login_required

from .extensions import db
from .forms import EmptyForm
from .models import Book, Loan

bp = Blueprint("books", __name__, url_prefix="/books", cli_group="books")
lent = Namespace().signal("lent")


class List(View):
    """The books by page, and those that a word finds."""

    init_every_request = False

    def __init__(self, template):
        self.template = template

    def dispatch_request(self):
        wanted = db.select(Book).order_by(Book.title)
        if word := request.args.get("word"):
            wanted = wanted.filter(Book.title.contains(word))
        page = db.paginate(wanted, per_page=3, max_per_page=5)
        return render_template(self.template, page=page, word=word, form=EmptyForm())


bp.add_url_rule("/", view_func=List.as_view("list", "books/list.html"))


@bp.url_value_preprocessor
def fetch(endpoint, values):
    if values and "book_id" in values:
        values["book"] = db.get_or_404(Book, values.pop("book_id"), description="No such book.")


@bp.get("/<int:book_id>")
def show(book):
    return render_template("books/show.html", book=book, form=EmptyForm())


@bp.get("/<int:book_id>/cover.png")
def cover(book):
    if book.cover is None:
        abort(404)
    return send_file(io.BytesIO(book.cover), mimetype="image/png", max_age=60)


@bp.post("/<int:book_id>/lend")
@login_required
def lend(book):
    if book.loan is not None:
        abort(409, "Somebody has it already.")
    db.session.add(Loan(book=book, user=current_user))
    db.session.commit()
    lent.send(current_app._get_current_object(), book=book, user=current_user)
    flash(f"“{book.title}” is yours.", "success")
    return redirect(url_for(".show", book_id=book.id))


@bp.post("/<int:book_id>/return")
@login_required
def give_back(book):
    loan = book.loan
    if loan is None or loan.user != current_user:
        abort(403)
    loan.ended = datetime.now(UTC)
    db.session.commit()
    flash("Thank you.")
    return redirect(url_for(".list"))


@bp.get("/all.csv")
def export():
    @stream_with_context
    def lines():
        yield "id,title,lent\r\n"
        for book in db.session.scalars(db.select(Book).order_by(Book.id)):
            yield f"{book.id},{book.title},{int(book.loan is not None)}\r\n"

    return Response(lines(), mimetype="text/csv")
