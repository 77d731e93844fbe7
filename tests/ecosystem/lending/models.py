"""Members, books and who has which."""

from datetime import UTC, datetime, timedelta

from flask import current_app
from flask_login import UserMixin
from sqlalchemy import ForeignKey, String, event
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from .extensions import db, login_manager


class User(UserMixin, db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    password: Mapped[str]
    is_admin: Mapped[bool] = mapped_column(default=False)
    loans: Mapped[list["Loan"]] = relationship(back_populates="user")

    def set_password(self, text):
        # Few rounds: the tests log in often.
        self.password = generate_password_hash(text, "pbkdf2:sha256:1000")

    def check_password(self, text):
        return check_password_hash(self.password, text)


class Book(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    cover: Mapped[bytes | None]
    loans: Mapped[list["Loan"]] = relationship(back_populates="book", cascade="all, delete-orphan")

    @property
    def loan(self):
        """The loan that has not ended, if there is one."""
        return next((loan for loan in self.loans if loan.ended is None), None)


class Loan(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    begun: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    ended: Mapped[datetime | None]
    book: Mapped[Book] = relationship(back_populates="loans")
    user: Mapped[User] = relationship(back_populates="loans")

    @property
    def due(self):
        return self.begun + timedelta(days=current_app.config["LENDING_DAYS"])


@login_manager.user_loader
def load_user(number):
    return db.session.get(User, int(number))


@login_manager.request_loader
def load_by_token(request):
    """Programs say who they are with every request."""
    auth = request.authorization
    if auth is None or auth.type != "basic":
        return None
    user = db.session.scalar(db.select(User).filter_by(name=auth.username))
    return user if user is not None and user.check_password(auth.password) else None


@event.listens_for(Book, "before_insert")
def tidy(mapper, connection, book):
    book.title = book.title.strip()
