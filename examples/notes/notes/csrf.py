"""Every form carries a secret from the session, which another site can't know."""

from __future__ import annotations

import hmac
import secrets

from erlen import Erlen, abort, request, session

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def token() -> str:
    """Return the session's token for a form, made when the first form is shown."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(32)
    return session["csrf"]


def check() -> None:
    """Refuse a form without the session's token with status 400."""
    # The API takes no forms and has its own guard; an address without a view is a 404 as it is.
    if request.method in SAFE_METHODS or request.blueprint == "api" or request.endpoint is None:
        return
    sent = request.form.get("csrf_token", "")
    expected = session.get("csrf", "")
    if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
        abort(400, "This form has expired. Go back, reload the page, and send it again.")


def init_app(app: Erlen) -> None:
    app.before_request(check)
    app.add_template_global(token, "csrf_token")
