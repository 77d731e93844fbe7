"""Errors as pages."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from erlen import Erlen, render_template
from erlen.typing import ResponseReturnValue


def init_app(app: Erlen) -> None:
    app.register_error_handler(HTTPException, show)
    for error in (OperationalError, PoolTimeout):
        app.register_error_handler(error, no_database)


def show(error: HTTPException) -> ResponseReturnValue:
    headers = [pair for pair in error.get_headers() if pair[0] in ("Allow", "Retry-After")]
    return render_template("error.html", error=error), error.code or 500, headers


def no_database(error: Exception) -> ResponseReturnValue:
    return show(ServiceUnavailable("The database does not answer.", retry_after=5))
