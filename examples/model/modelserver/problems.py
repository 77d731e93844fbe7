"""Errors as JSON: what was wrong, in one form for all."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from erlen import Erlen


def init_app(app: Erlen) -> None:
    """Answer all errors of an application with JSON."""
    app.register_error_handler(HTTPException, as_json)


def as_json(error: HTTPException) -> Any:
    """One error; its headers (Retry-After, Allow) stay."""
    response = error.get_response()
    body = {"error": {"status": error.code, "name": error.name, "message": error.description}}
    headers = [
        item for item in response.headers if item[0] not in ("Content-Type", "Content-Length")
    ]
    return body, error.code, headers
