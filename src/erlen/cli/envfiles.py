"""Environment variables from ``.env`` and ``.flaskenv``."""

from __future__ import annotations

import os

import click

# Later ones override earlier ones.
DEFAULT_FILES = (".flaskenv", ".env")


def load_dotenv(path: str | os.PathLike[str] | None = None, load_defaults: bool = True) -> bool:
    """Set the variables that are written in files and not set yet.

    The given file outranks ``.env``, and that one ``.flaskenv``; a variable
    that is in the environment already outranks all. Needs python-dotenv:
    without it nothing is read, and a tip is printed if there is something to
    read. As Flask 3.1.

    Args:
        path: A file to read. Default: none.
        load_defaults: Whether to look for the two default files, in the
            current directory and upwards.

    Returns:
        Whether a file held at least one variable.
    """
    try:
        import dotenv
    except ImportError:
        if path or any(map(os.path.isfile, DEFAULT_FILES)):
            click.secho(
                " * Tip: There are .env files present. Install python-dotenv to use them.",
                fg="yellow",
                err=True,
            )

        return False

    files: list[str | os.PathLike[str]] = []

    if load_defaults:
        files += [dotenv.find_dotenv(name, usecwd=True) for name in DEFAULT_FILES]

    if path is not None and os.path.isfile(path):
        files.append(path)

    values: dict[str, str | None] = {}

    for file in files:
        if not file:  # A default file that was not found.
            continue

        values.update(dotenv.dotenv_values(file, encoding="utf-8"))

    for name, value in values.items():
        if value is not None:
            os.environ.setdefault(name, value)

    return bool(values)
