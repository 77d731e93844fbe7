"""The command ``erlen --app webhooks send``: a signed message, as the vendors send them."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import click
import stripe
from twilio.request_validator import RequestValidator

from erlen import Erlen, current_app


def stripe_event(event: str | None = None, payment: str | None = None, amount: int = 1999) -> str:
    """An event of Stripe's, as text.

    Args:
        event: Its id. Default: a new one.
        payment: The payment's. Default: a new one.
        amount: In the smallest unit of the currency.
    """
    intent = {
        "id": payment or f"pi_{secrets.token_hex(8)}",
        "object": "payment_intent",
        "amount": amount,
        "currency": "eur",
    }
    return json.dumps(
        {
            "id": event or f"evt_{secrets.token_hex(8)}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "data": {"object": intent},
        },
        # As Stripe sends it: with line breaks. The signature is about every byte.
        indent=2,
    )


def stripe_headers(body: str, secret: str, timestamp: int | None = None) -> dict[str, str]:
    """The headers of an event, signed by the vendor's own code."""
    signature: Any = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp)
    return {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"}


def twilio_form(text: str = "Hello", number: str | None = None) -> dict[str, str]:
    """The form of a message of Twilio's."""
    return {
        "MessageSid": number or f"SM{secrets.token_hex(16)}",
        "From": "+15005550006",
        "To": "+15005550001",
        "Body": text,
    }


def twilio_headers(url: str, form: dict[str, str], token: str) -> dict[str, str]:
    """The headers of a message, signed by the vendor's own code."""
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, form)}


def add_command(app: Erlen) -> None:
    """Add ``send`` to the commands of the application."""

    @app.cli.command("send")
    @click.argument("vendor", type=click.Choice(["stripe", "twilio"]))
    @click.argument("base", default="http://127.0.0.1:5000")
    def send(vendor: str, base: str) -> None:
        """Send a signed sample to a running receiver at BASE."""
        config = current_app.config
        if vendor == "stripe":
            url, body = f"{base}/stripe/events", stripe_event()
            headers = stripe_headers(body, config["STRIPE_SECRET"])
        else:
            url, form = f"{base}/twilio/messages", twilio_form()
            headers = twilio_headers(url, form, config["TWILIO_TOKEN"])
            body = urllib.parse.urlencode(form)
        call = urllib.request.Request(url, body.encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(call, timeout=30) as answer:
                click.echo(f"{answer.status} {answer.read().decode()}")
        except urllib.error.HTTPError as error:
            raise click.ClickException(f"{error.code} {error.read().decode()}") from None
