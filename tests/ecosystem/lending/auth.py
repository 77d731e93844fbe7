"""Coming and going."""

from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from flask_login import current_user, login_required, login_user, logout_user

from .extensions import db
from .forms import EmptyForm, LoginForm, RegisterForm
from .models import User

bp = Blueprint("auth", __name__, url_prefix="/auth")


@bp.before_request
def greet():
    g.greeting = current_user.name if current_user.is_authenticated else "stranger"


@bp.route("/register", methods=["GET", "POST"])
def register():
    form = RegisterForm()
    if form.validate_on_submit():
        user = User(name=form.name.data)
        user.set_password(form.password.data)
        db.session.add(user)
        db.session.commit()
        flash(f"Welcome, {user.name}!", "success")
        return redirect(url_for(".login"))
    return render_template("auth/form.html", form=form, title="Register")


@bp.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm()
    if form.validate_on_submit():
        user = db.session.scalar(db.select(User).filter_by(name=form.name.data))
        if user is None or not user.check_password(form.password.data):
            flash("Name or password is wrong.", "error")
            return render_template("auth/form.html", form=form, title="Log in"), 401
        login_user(user, remember=form.remember.data)
        session.permanent = True
        wanted = request.args.get("next", "")
        if urlsplit(wanted).netloc:
            abort(400, "That leads elsewhere.")
        return redirect(wanted or url_for("books.list"))
    return render_template("auth/form.html", form=form, title="Log in")


@bp.post("/logout")
@login_required
def logout():
    if EmptyForm().validate_on_submit():
        logout_user()
        flash("You have left.")
    return redirect(url_for("index"))
