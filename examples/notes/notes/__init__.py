"""Notes: a small web application that shows how Erlen is meant to be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erlen import Erlen

from . import api, auth, csrf, db, errors, pages, safety


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the files and the environment."""
    app = Erlen(__name__, instance_relative_config=True)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.config.from_mapping(
        DATA_FOLDER=app.instance_path,
        FULL_TEXT_SEARCH=True,
        MAX_CONTENT_LENGTH=8 * 1024 * 1024,
        NOTES_PER_PAGE=12,
        PASSWORD_METHOD="scrypt:32768:8:1",
        # Cookies ignore the port, so a name of our own keeps other local servers out of it.
        SESSION_COOKIE_NAME="notes_session",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    if test_config is None:
        app.config.from_pyfile("config.py", silent=True)
        app.config.from_prefixed_env("NOTES")
    else:
        app.config.from_mapping(test_config)

    folder = Path(app.config["DATA_FOLDER"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = safety.stored_secret_key(folder)

    for part in (db, csrf, safety, errors, auth, pages, api):
        part.init_app(app)
    return app
