"""Shelf: books as resources, for programs."""
# ruff: noqa: E402 - what imports Flask comes after the alias

from __future__ import annotations

import erlen

# Flask-RESTful imports `flask`; here, that is Erlen.
erlen.install_as_flask()

from collections.abc import Mapping
from typing import Any

from erlen import Erlen

from . import database, interface


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the environment."""
    app = Erlen(__name__, instance_relative_config=True)
    app.config.from_mapping(
        # For example postgresql://shelf:password@localhost/shelf; a file of SQLite if it is empty.
        DATABASE_URL="",
        MAX_CONTENT_LENGTH=64 * 1024,
        PAGE_SIZE=20,
        # Who may write: names with the SHA-256 of their tokens, in hexadecimal digits.
        TOKENS={},
    )
    if test_config is None:
        app.config.from_prefixed_env("SHELF")
    else:
        app.config.from_mapping(test_config)
    for part in (database, interface):
        part.init_app(app)
    return app
