"""Extensions that do not work on Flask 3.1, and therefore not on Erlen, and what follows them."""

from __future__ import annotations

_OLD = "Its last release imports what Flask and Werkzeug have removed."


def _followed(by: str) -> tuple[str, str]:
    return _OLD, f"Use {by}."


#: By import name; a distribution is called the same, apart from case and hyphens.
EXTENSIONS: dict[str, tuple[str, str]] = {
    "flask_script": _followed("'@app.cli.command', which every application has"),
    "flask_cache": _followed("Flask-Caching"),
    "flask_uploads": _followed("Flask-Reuploaded, which has the same import name"),
    "flask_restplus": _followed("Flask-RESTX"),
    "flask_jwt": _followed("Flask-JWT-Extended"),
    "flask_babelex": _followed("Flask-Babel"),
    "flask_oauthlib": _followed("Authlib"),
    "flask_mongoengine": _followed("MongoEngine itself, or a release of it made for Flask 3"),
}

#: Distributions whose import name is taken by another one that works.
NOT_BY_IMPORT = {"flask_uploads"}


def normalized(name: str) -> str:
    """A distribution's or module's name without differences that do not count."""
    return name.lower().replace("-", "_").replace(".", "_")
