"""Stripe's events: payments that were made."""

from __future__ import annotations

import sqlite3
from typing import Any

import stripe

from erlen import Blueprint, abort, current_app, request

from .store import Store, is_new

bp = Blueprint("payments", __name__, url_prefix="/stripe")


@bp.post("/events")
def events() -> dict[str, Any]:
    """Take an event in. Stripe tries again until it gets a 2xx, each time with a new signature."""
    body, header = request.get_data(), request.headers.get("Stripe-Signature")
    event = verified(body, header)
    signed = b"%d.%s" % (timestamp_of(header), body)
    store: Store = current_app.extensions["store"]
    expires = timestamp_of(header) + current_app.config["STRIPE_TOLERANCE"]
    with store.delivery("stripe", signed, expires) as db:
        if not is_new(db, "stripe", event.id, event.type):
            return {"status": "known"}
        if event.type == "payment_intent.succeeded":
            paid(db, event.data.object)
    return {"status": "done"}


def verified(body: bytes, header: str | None) -> stripe.Event:
    """The event, if Stripe signed these very bytes not long ago."""
    secret, tolerance = current_app.config["STRIPE_SECRET"], current_app.config["STRIPE_TOLERANCE"]
    if header is None:
        abort(400, "The header Stripe-Signature is missing.")
    try:
        event = stripe.Webhook.construct_event(body, header, secret, tolerance)
        # Signed, but is it what this is for?
        event.id, event.type, event.data  # noqa: B018
        return event
    except stripe.SignatureVerificationError as error:
        # Too old, or not by Stripe: the library says which.
        abort(400, str(error.user_message or error))
    except (ValueError, LookupError, AttributeError):
        abort(400, "The body is no event of Stripe's.")


def timestamp_of(header: str | None) -> int:
    """When a message was signed, in seconds since 1970; its header was verified."""
    items = [item.split("=", 1) for item in (header or "").split(",")]
    return int(next(item[1] for item in items if item[0] == "t"))


def paid(db: sqlite3.Connection, intent: Any) -> None:
    """Write a payment down."""
    db.execute("INSERT INTO payments VALUES (?, ?, ?)", (intent.id, intent.amount, intent.currency))
