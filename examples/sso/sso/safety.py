"""What every response, every redirect and every form must keep to."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from erlen import Erlen, Response, current_app, request, session

from .problems import Problem

HEADERS = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # Pages about a person belong in no cache; static files bring their own header.
    "Cache-Control": "no-store",
}


def add_headers(response: Response) -> Response:
    """Set the headers that the view has not set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", current_app.extensions["sso_policy"])
    return response


def policy(*addresses: str | None) -> str:
    """The Content-Security-Policy with which forms may lead to these addresses."""
    # Chromium asks `form-action` about every redirect behind a form, too: signing out is a form,
    # and leads to the provider.
    origins = {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, filter(None, addresses))}
    forms = " ".join(["'self'", *sorted(origins)])
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {forms}"
    )


def local_path(target: str) -> str:
    """Return ``target`` if a browser stays on this site when sent there.

    Raises:
        Problem: It would leave.
    """
    # Browsers read a backslash as a slash and drop tabs and line ends, so "/\t/evil" is "//evil".
    odd = "\\" in target or not target.isprintable()
    if odd or not target.startswith("/") or target.startswith("//"):
        raise Problem("elsewhere")
    return target


def form_token() -> str:
    """The token that forms of this session carry."""
    token: str = session.setdefault("form_token", secrets.token_urlsafe(24))
    return token


def check_form() -> None:
    """Refuse a form that was not made for this session."""
    sent = request.form.get("form_token", "")
    if not hmac.compare_digest(sent.encode(), session.get("form_token", "").encode() or b"\0"):
        raise Problem("form")


def init_app(app: Erlen) -> None:
    app.extensions["sso_policy"] = policy(app.config["ISSUER"], app.config["LOGOUT_URL"])
    app.after_request(add_headers)
    app.jinja_env.globals["form_token"] = form_token
