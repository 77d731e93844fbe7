"""Twilio's webhooks: text messages that came in."""

from __future__ import annotations

import time
from typing import Any

from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from erlen import Blueprint, abort, current_app, request, url_for

from .store import Store, is_new

bp = Blueprint("texts", __name__, url_prefix="/twilio")


@bp.post("/messages")
def messages() -> Any:
    """Take a message in and answer it."""
    url, signature = public_url(), request.headers.get("X-Twilio-Signature", "")
    validator = RequestValidator(current_app.config["TWILIO_TOKEN"])
    if not validator.validate(url, request.form, signature):
        abort(403, f"The signature is not one of Twilio's for {url} and this form.")
    refuse_if_stale()
    number = request.form["MessageSid"]
    store: Store = current_app.extensions["store"]
    # Signed are the URL and the form. Without a time: what was here once is known for good.
    with store.delivery("twilio", signature.encode()) as db:
        if is_new(db, "twilio", number, "message"):
            values = (number, request.form["From"], request.form["Body"])
            db.execute("INSERT INTO messages VALUES (?, ?, ?)", values)
    reply = MessagingResponse()
    reply.message(f"Thank you for {len(request.form['Body'])} characters.")
    return str(reply), {"Content-Type": "text/xml"}


def public_url() -> str:
    """The URL as Twilio called it, which is part of what it signs.

    Behind a proxy it has another scheme and host than what arrives here; hence the
    setting TRUSTED_PROXIES.
    """
    url = url_for(f".{messages.__name__}", _external=True)
    query = request.query_string.decode("latin-1")
    return f"{url}?{query}" if query else url


def refuse_if_stale() -> None:
    """Refuse what has passed the time that its URL names.

    Twilio signs no time, but it signs the URL: give it URLs with ``?expires=`` in them
    where a late message does harm.
    """
    expires = request.args.get("expires", type=int)
    if expires is not None and expires < time.time():
        abort(400, "The message is too old: its URL has expired.")
