"""The forms, and what they accept."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, PasswordField, StringField, TextAreaField
from wtforms.validators import DataRequired, EqualTo, Length, Regexp, ValidationError

from .models import Author


def printable(form: FlaskForm, field: Field) -> None:
    """No control characters: PostgreSQL stores no NUL, and nobody types the others."""
    text = field.data or ""
    if any(not letter.isprintable() and letter not in "\r\n\t\u00a0\u2028" for letter in text):
        raise ValidationError("There are characters here that cannot be shown.")


def stripped(text: str | None) -> str | None:
    return text.strip() if text else text


class Registration(FlaskForm):
    name = StringField(
        "Name",
        [Length(2, 30), Regexp(r"^[\w. -]+$", message="Letters, digits, spaces, dots and dashes.")],
        filters=[stripped],
        render_kw={"autocomplete": "username"},
    )
    password = PasswordField(
        "Password",
        [Length(10, 256, message="Use 10 to 256 characters.")],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "Password, once more",
        [EqualTo("password", "The two differ.")],
        render_kw={"autocomplete": "new-password"},
    )

    def validate_name(self, field: Field) -> None:
        if Author.named(field.data):
            raise ValidationError("This name is taken.")


class Login(FlaskForm):
    name = StringField(
        "Name", [DataRequired(), Length(max=30), printable], render_kw={"autocomplete": "username"}
    )
    password = PasswordField(
        "Password",
        [DataRequired(), Length(max=256)],
        render_kw={"autocomplete": "current-password"},
    )
    remember = BooleanField("Stay logged in on this device")


class Writing(FlaskForm):
    title = StringField("Title", [DataRequired(), Length(max=120), printable], filters=[stripped])
    body = TextAreaField(
        "Text", [DataRequired(), Length(max=50_000), printable], render_kw={"rows": 12}
    )
    draft = BooleanField("Keep it as a draft")


class Confirmation(FlaskForm):
    """A button."""
