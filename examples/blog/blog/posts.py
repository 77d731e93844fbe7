"""Reading and writing."""

from __future__ import annotations

from flask_login import current_user, login_required
from sqlalchemy import or_
from sqlalchemy.orm import joinedload

from erlen import Blueprint, Erlen, abort, current_app, flash, redirect, render_template, request
from erlen import url_for as url
from erlen.typing import ResponseReturnValue

from .database import MAX_ID, db
from .forms import Confirmation, Writing
from .models import Author, Post, now

bp = Blueprint("posts", __name__)
ID = f"<int(max={MAX_ID}):number>"
MAX_PAGE = 10_000


def init_app(app: Erlen) -> None:
    app.register_blueprint(bp)


def listed(author: Author | None = None) -> ResponseReturnValue:
    """A page of posts, the newest first; drafts only for who wrote them."""
    page = request.args.get("page", 1, type=int)
    if not 1 <= page <= MAX_PAGE:
        abort(404)
    mine = Post.author_id == current_user.id if current_user.is_authenticated else False
    posts = db.select(Post).where(or_(Post.draft.is_(False), mine))
    if author:
        posts = posts.where(Post.author_id == author.id)
    posts = posts.options(joinedload(Post.author)).order_by(Post.written.desc(), Post.id.desc())
    size = current_app.config["POSTS_PER_PAGE"]
    found = db.paginate(posts, page=page, per_page=size, max_per_page=size)
    return render_template("index.html", posts=found, author=author)


@bp.get("/")
def index() -> ResponseReturnValue:
    return listed()


@bp.get(f"/authors/{ID}")
def author(number: int) -> ResponseReturnValue:
    return listed(db.get_or_404(Author, number))


@bp.get(f"/posts/{ID}")
def post(number: int) -> ResponseReturnValue:
    found = db.get_or_404(Post, number)
    if found.draft and found.author != current_user:
        abort(404)
    return render_template("post.html", post=found)


def own(number: int) -> Post:
    """A post of who asks."""
    found = db.get_or_404(Post, number)
    if found.author != current_user:
        abort(404 if found.draft else 403)
    return found


@bp.route("/write", methods=["GET", "POST"])
@login_required
def write() -> ResponseReturnValue:
    form = Writing()
    if form.validate_on_submit():
        made = Post(author=current_user._get_current_object())
        form.populate_obj(made)
        db.session.add(made)
        db.session.commit()
        flash("Kept as a draft." if made.draft else "Published.")
        return redirect(url(".post", number=made.id))
    return render_template("write.html", form=form, post=None), 400 if form.errors else 200


@bp.route(f"/posts/{ID}/edit", methods=["GET", "POST"])
@login_required
def edit(number: int) -> ResponseReturnValue:
    found = own(number)
    form = Writing(obj=found)
    if form.validate_on_submit():
        if found.draft and not form.draft.data:
            found.written = now()
        form.populate_obj(found)
        db.session.commit()
        flash("Changes saved.")
        return redirect(url(".post", number=number))
    return render_template("write.html", form=form, post=found), 400 if form.errors else 200


@bp.route(f"/posts/{ID}/delete", methods=["GET", "POST"])
@login_required
def delete(number: int) -> ResponseReturnValue:
    found = own(number)
    form = Confirmation()
    if form.validate_on_submit():
        db.session.delete(found)
        db.session.commit()
        flash(f"“{found.title}” is deleted.")
        return redirect(url(".index"))
    return render_template("delete.html", form=form, post=found)
