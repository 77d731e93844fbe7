"""Blog: several authors, a database, login, forms and migrations."""
# ruff: noqa: E402 - what imports Flask comes after the alias

from __future__ import annotations

import erlen

# The extensions import `flask`; here, that is Erlen.
erlen.install_as_flask()

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask_wtf.csrf import CSRFProtect

from erlen import Erlen

from . import accounts, database, errors, posts, safety


def create_app(test_config: Mapping[str, Any] | None = None) -> Erlen:
    """Make the application; ``test_config`` replaces the environment."""
    app = Erlen(__name__, instance_relative_config=True)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.config.from_mapping(
        # For example postgresql://blog:password@localhost/blog; a file of SQLite if it is empty.
        DATABASE_URL="",
        MAX_CONTENT_LENGTH=256 * 1024,
        PASSWORD_METHOD="scrypt:32768:8:1",
        POSTS_PER_PAGE=6,
        SESSION_COOKIE_NAME="blog_session",
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        SITE_NAME="Alder & Reed",
        # A form may be open for a day before it is sent.
        WTF_CSRF_TIME_LIMIT=24 * 60 * 60,
    )
    if test_config is None:
        app.config.from_prefixed_env("BLOG")
    else:
        app.config.from_mapping(test_config)
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = safety.stored_secret_key(Path(app.instance_path))
    CSRFProtect(app)
    for part in (database, safety, errors, accounts, posts):
        part.init_app(app)
    return app
