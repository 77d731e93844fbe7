"""The forms, each with a token against forgery."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileAllowed, FileField, FileSize
from wtforms import BooleanField, PasswordField, StringField, SubmitField
from wtforms.validators import DataRequired, EqualTo, Length, ValidationError

from .extensions import db
from .models import User


class LoginForm(FlaskForm):
    name = StringField("Name", [DataRequired()])
    password = PasswordField("Password", [DataRequired()])
    remember = BooleanField("Stay here")
    submit = SubmitField("Log in")


class RegisterForm(FlaskForm):
    name = StringField("Name", [DataRequired(), Length(max=40)])
    password = PasswordField("Password", [DataRequired(), Length(min=4)])
    again = PasswordField("Again", [EqualTo("password", "The two passwords differ.")])

    def validate_name(self, field):
        if db.session.scalar(db.select(User).filter_by(name=field.data)):
            raise ValidationError("This name is taken.")


class BookForm(FlaskForm):
    title = StringField("Title", [DataRequired(), Length(max=200)])
    cover = FileField("Cover", [FileAllowed(["png"], "Only PNG."), FileSize(16_384)])


class EmptyForm(FlaskForm):
    """A button."""
