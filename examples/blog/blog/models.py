"""Authors and what they write."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from flask_login import UserMixin
from sqlalchemy import DateTime, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator
from werkzeug.security import check_password_hash, generate_password_hash

from erlen import current_app

from .database import db

WORDS_PER_MINUTE = 220


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps no zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def now() -> datetime:
    return datetime.now(UTC)


class Author(db.Model, UserMixin):
    """Somebody who may write."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), unique=True)
    password: Mapped[str] = mapped_column(String(200))
    joined: Mapped[datetime] = mapped_column(Moment, default=now)
    posts: Mapped[list[Post]] = relationship(back_populates="author")

    @property
    def hue(self) -> int:
        """One of the colours of the style sheet."""
        return self.id % 6

    @classmethod
    def named(cls, name: str) -> Author | None:
        return db.session.scalar(db.select(cls).filter_by(name=name))

    def set_password(self, password: str) -> None:
        self.password = generate_password_hash(password, current_app.config["PASSWORD_METHOD"])

    @staticmethod
    def check(author: Author | None, password: str) -> bool:
        """Whether the password is right; takes as long if there is no such author."""
        stored = author.password if author else _nobodys(current_app.config["PASSWORD_METHOD"])
        return check_password_hash(stored, password) and author is not None


@cache
def _nobodys(method: str) -> str:
    return generate_password_hash("nobody's", method)


class Post(db.Model):
    """A text; a draft is seen by its author only."""

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(Text)
    draft: Mapped[bool] = mapped_column(default=False)
    written: Mapped[datetime] = mapped_column(Moment, default=now, index=True)
    changed: Mapped[datetime] = mapped_column(Moment, default=now, onupdate=now)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), index=True)
    author: Mapped[Author] = relationship(back_populates="posts")

    @property
    def paragraphs(self) -> list[str]:
        parts = self.body.replace("\r\n", "\n").split("\n\n")
        return [part.strip() for part in parts if part.strip()]

    @property
    def beginning(self) -> str:
        """What the lists show."""
        words = " ".join(self.body.split())
        return words if len(words) <= 220 else words[:220].rpartition(" ")[0] or words[:220]

    @property
    def is_cut(self) -> bool:
        return len(self.beginning) < len(" ".join(self.body.split()))

    @property
    def minutes(self) -> int:
        """How long it takes to read."""
        return max(1, round(len(self.body.split()) / WORDS_PER_MINUTE))
