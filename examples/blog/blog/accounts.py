"""Registering, logging in and out."""

from __future__ import annotations

from flask_login import LoginManager, current_user, login_required, login_user, logout_user
from sqlalchemy.exc import IntegrityError

from erlen import Blueprint, Erlen, flash, redirect, render_template, request, url_for
from erlen.typing import ResponseReturnValue

from .database import db
from .forms import Confirmation, Login, Registration
from .models import Author
from .safety import local_path

bp = Blueprint("accounts", __name__)
manager = LoginManager()
manager.login_view = "accounts.login"
manager.login_message = "Please log in first."


@manager.user_loader
def load(number: str) -> Author | None:
    return db.session.get(Author, int(number))


def init_app(app: Erlen) -> None:
    manager.init_app(app)
    app.register_blueprint(bp)
    # The button that logs out is on every page.
    app.context_processor(lambda: {"confirmation": Confirmation})


@bp.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    form = Registration()
    if form.validate_on_submit():
        author = Author(name=form.name.data)
        author.set_password(form.password.data)
        db.session.add(author)
        try:
            db.session.commit()
        except IntegrityError:
            # Somebody else took the name just now.
            db.session.rollback()
            form.name.errors = ["This name is taken."]
        else:
            flash("Your account is ready. Log in with it.")
            return redirect(url_for(".login"))
    return render_template("register.html", form=form), 400 if form.errors else 200


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    target = local_path(request.args.get("next"), url_for("posts.index"))
    if current_user.is_authenticated:
        return redirect(target)
    form = Login()
    if form.validate_on_submit():
        author = Author.named(form.name.data)
        if Author.check(author, form.password.data):
            login_user(author, remember=form.remember.data)
            return redirect(target)
        form.password.errors = ["Name or password is wrong."]
    return render_template("login.html", form=form), 400 if form.errors else 200


@bp.post("/logout")
@login_required
def logout() -> ResponseReturnValue:
    logout_user()
    flash("You are logged out.")
    return redirect(url_for("posts.index"))
