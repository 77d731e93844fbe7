"""Errors: a page for people, JSON for programs."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from erlen import Erlen, render_template, request


def init_app(app: Erlen) -> None:
    """Give all errors of an application the look of the site."""
    app.register_error_handler(HTTPException, show)


def show(error: HTTPException) -> Any:
    """One error."""
    of_the_page = ("Content-Type", "Content-Length")
    headers = [item for item in error.get_response().headers if item[0] not in of_the_page]
    kinds = ["application/json", "text/html"]
    if request.path.endswith(".json") or request.accept_mimetypes.best_match(kinds) == kinds[0]:
        body: Any = {"error": {"status": error.code, "message": error.description}}
    else:
        body = render_template("problem.html", error=error)
    return body, error.code, headers
