"""Who belongs to the club: registration, login, the page of one's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, redirect, render_template_string, request, url_for
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    fresh_login_required,
    login_required,
    login_user,
    logout_user,
)
from flask_wtf import FlaskForm
from flask_wtf.file import FileAllowed, FileField, FileRequired, FileSize
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import Email, EqualTo, InputRequired, Length, ValidationError

members = Blueprint("members", __name__)
login_manager = LoginManager()
login_manager.login_view = "members.login"
login_manager.refresh_view = "members.login"

PAGE = """<!doctype html><title>Club</title>
{% for message in get_flashed_messages() %}<p class="flash">{{ message }}</p>{% endfor %}
<p>{{ current_user.name if current_user.is_authenticated else "nobody" }}</p>
{% if form %}<form method="post" enctype="multipart/form-data">
{{ form.hidden_tag() }}
{% for field in form if field.name != "csrf_token" %}{{ field.label }}{{ field() }}
{% for error in field.errors %}<b>{{ field.name }}: {{ error }}</b>{% endfor %}{% endfor %}
<button>Send</button></form>{% endif %}"""


class Member(UserMixin):
    """Somebody with a name and a password."""

    everybody: dict[str, Member] = {}

    def __init__(self, name: str, password: str) -> None:
        self.id = self.name = name
        self.password = generate_password_hash(password, "pbkdf2:sha256:1")
        self.card = b""


@login_manager.user_loader
def load(name):
    return Member.everybody.get(name)


class Registration(FlaskForm):
    name = StringField(validators=[InputRequired(), Length(3, 20)])
    email = EmailField(validators=[Email()])
    password = PasswordField(validators=[Length(min=8)])
    again = PasswordField(validators=[EqualTo("password", "The passwords differ.")])

    def validate_name(self, field):
        if field.data in Member.everybody:
            raise ValidationError("This name is taken.")


class Login(FlaskForm):
    name = StringField(validators=[InputRequired()])
    password = PasswordField(validators=[InputRequired()])
    remember = BooleanField()


class Card(FlaskForm):
    card = FileField(validators=[FileRequired(), FileAllowed(["png"]), FileSize(1000)])


def page(form=None):
    status = 400 if form is not None and form.errors else 200
    return render_template_string(PAGE, form=form), status


@members.get("/")
def index():
    return page()


@members.route("/register", methods=["GET", "POST"])
def register():
    form = Registration()
    if not form.validate_on_submit():
        return page(form)
    Member.everybody[form.name.data] = Member(form.name.data, form.password.data)
    flash("Welcome.")
    return redirect(url_for(".login"))


@members.route("/login", methods=["GET", "POST"])
def login():
    form = Login()
    if not form.validate_on_submit():
        return page(form)
    member = Member.everybody.get(form.name.data)
    if member is None or not check_password_hash(member.password, form.password.data):
        form.password.errors = [*form.password.errors, "Name or password is wrong."]
        return page(form)
    login_user(member, remember=form.remember.data)
    target = request.args.get("next", url_for(".index"))
    # Only to a page of ours: the address may come from a stranger's link.
    if urlsplit(target).netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        abort(400)
    return redirect(target)


@members.post("/logout")
@login_required
def logout():
    logout_user()
    return redirect(url_for(".index"))


@members.route("/card", methods=["GET", "POST"])
@login_required
def card():
    form = Card()
    if not form.validate_on_submit():
        return page(form)
    current_user.card = form.card.data.read()
    flash(f"{len(current_user.card)} bytes kept.")
    return redirect(url_for(".index"))


@members.get("/secret")
@fresh_login_required
def secret():
    return f"only {current_user.name}, who has just shown the password"
