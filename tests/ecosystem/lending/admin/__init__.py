"""What only librarians see: a blueprint with two others inside, one inside that."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user, login_required

from ..extensions import db
from ..forms import BookForm, EmptyForm
from ..models import Book, User

bp = Blueprint(
    "admin", __name__, url_prefix="/admin", template_folder="templates", static_folder="static"
)
shelf = Blueprint("shelf", __name__, url_prefix="/shelf")
members = Blueprint("members", __name__, url_prefix="/members")
member = Blueprint("member", __name__, url_prefix="/<name>")


@bp.before_request
@login_required
def only_librarians():
    if not current_user.is_admin:
        abort(403)


@bp.context_processor
def place():
    return {"place": "admin"}


@bp.errorhandler(403)
def not_you(error):
    return render_template("admin/forbidden.html"), 403


@bp.get("/")
def index():
    return render_template("admin/index.html")


@shelf.route("/add", methods=["GET", "POST"])
def add():
    form = BookForm()
    if form.validate_on_submit():
        book = Book(title=form.title.data)
        if form.cover.data:
            book.cover = form.cover.data.read()
        db.session.add(book)
        db.session.commit()
        flash("It is on the shelf.")
        return redirect(url_for("books.show", book_id=book.id))
    return render_template("auth/form.html", form=form, title="Add a book", files=True)


@shelf.post("/<int:number>/remove")
def remove(number):
    if EmptyForm().validate_on_submit():
        db.session.delete(db.get_or_404(Book, number))
        db.session.commit()
    return redirect(url_for("books.list"))


@shelf.errorhandler(404)
def not_on_the_shelf(error):
    return f"{error.code}: not on the shelf", 404


@members.get("/")
def everybody():
    names = db.session.scalars(db.select(User.name).order_by(User.name)).all()
    return {"names": names, "own": url_for(".member.show", name=current_user.name)}


@member.url_value_preprocessor
def fetch(endpoint, values):
    values["user"] = db.first_or_404(db.select(User).filter_by(name=values.pop("name")))


@member.before_request
def mark():
    from flask import g

    g.greeting = "in a member"


@member.get("/")
def show(user):
    return {"name": user.name, "loans": [loan.book.title for loan in user.loans]}


@member.after_request
def private(response):
    response.headers["Cache-Control"] = "no-store"
    return response


members.register_blueprint(member)
bp.register_blueprint(shelf)
bp.register_blueprint(members)
