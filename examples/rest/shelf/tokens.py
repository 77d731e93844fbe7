"""Who may write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask_restful import abort

from erlen import current_app, request


def token_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of a resource run for who sends a known token only."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        given = request.authorization
        if given is None or given.type != "bearer" or not given.token:
            abort(401, message="Send a token: Authorization: Bearer ...")
        digest = hashlib.sha256(given.token.encode()).hexdigest()
        if digest not in current_app.config["TOKENS"].values():
            abort(401, message="This token is not known.")
        return view(*args, **kwargs)

    return checked
