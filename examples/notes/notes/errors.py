"""Errors as pages for people and as JSON for programs."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from erlen import Erlen, current_app, render_template, request

MESSAGES = {
    404: "There is nothing at this address, or it belongs to somebody else.",
    405: "This address does not take that kind of request.",
    500: "Something went wrong here. It has been logged, and trying again later may help.",
}


def show_error(error: HTTPException) -> Any:
    """Turn any HTTP error, and any crash as 500, into a response."""
    code = error.code or 500
    message = MESSAGES.get(code, error.description)
    if code == 413:
        limit = current_app.config["MAX_CONTENT_LENGTH"] // (1024 * 1024)
        message = f"That is too large: one upload may have {limit} MB at most."
    headers = [(name, value) for name, value in error.get_headers() if name == "Allow"]
    if request.path.startswith("/api/"):
        return {"error": {"code": code, "name": error.name, "message": message}}, code, headers
    page = render_template("error.html", code=code, name=error.name, message=message)
    return page, code, headers


def init_app(app: Erlen) -> None:
    app.register_error_handler(HTTPException, show_error)
