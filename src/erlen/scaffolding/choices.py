"""What a project has, as its maker chose."""

from __future__ import annotations

import tomllib
import typing as t
from pathlib import Path

from .names import ScaffoldError

DATABASES = ("none", "sqlite", "postgresql")
SESSIONS = ("cookie", "redis")
KINDS = ("pages", "api")


class Choices(t.NamedTuple):
    """The choices of ``erlen new``, kept in ``[tool.erlen]`` of ``pyproject.toml``."""

    #: One of :data:`DATABASES`.
    database: str = "none"
    #: Where sessions are kept, one of :data:`SESSIONS`.
    sessions: str = "cookie"
    #: Whether it has users who log in.
    login: bool = False
    #: Whether it has background tasks.
    tasks: bool = False
    #: One of :data:`KINDS`.
    kind: str = "pages"

    @property
    def redis(self) -> bool:
        """Whether it needs Redis."""
        return self.tasks or self.sessions == "redis"

    def check(self) -> Choices:
        """The same choices, if they go together.

        Raises:
            ScaffoldError: They don't.
        """
        if self.login and self.database == "none":
            raise ScaffoldError(
                "--login keeps its users in a database: add '--database sqlite' or"
                " '--database postgresql'."
            )
        return self


def read_choices(folder: Path) -> Choices | None:
    """The choices that ``pyproject.toml`` has; None if it has none.

    Args:
        folder: Of the project.

    Raises:
        ScaffoldError: The file can't be read, or has something else there.
    """
    path = folder / "pyproject.toml"
    if not path.is_file():
        return None
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("erlen")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{path} can't be read: {error}") from None
    if table is None:
        return None
    return _of_table(path, table)


def _of_table(path: Path, table: t.Any) -> Choices:
    allowed: dict[str, tuple[t.Any, ...]] = {
        "database": DATABASES,
        "sessions": SESSIONS,
        "login": (False, True),
        "tasks": (False, True),
        "kind": KINDS,
    }
    if not isinstance(table, dict):
        raise ScaffoldError(f"{path}: [tool.erlen] is not a table.")
    for key, value in table.items():
        if key not in allowed:
            raise ScaffoldError(f"{path}: [tool.erlen] has no setting {key!r}.")
        if value not in allowed[key]:
            these = ", ".join(repr(one) for one in allowed[key])
            raise ScaffoldError(f"{path}: [tool.erlen] {key} is {value!r}; it can be {these}.")
    return Choices(**table)
