"""Stripe's events, signed by Stripe's own code."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from webhooks.samples import stripe_event, stripe_headers

from conftest import SECRET
from erlen import Erlen


def post(client: Any, body: str | bytes, headers: dict[str, str] | None = None) -> Any:
    if headers is None:
        headers = stripe_headers(body if isinstance(body, str) else body.decode(), SECRET)
    return client.post("/stripe/events", data=body, headers=headers)


def test_a_genuine_event(client: Any, counts: Any) -> None:
    answer = post(client, stripe_event())
    assert (answer.status_code, answer.json) == (200, {"status": "done"})
    assert counts() == {"deliveries": 1, "events": 1, "payments": 1, "messages": 0}


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body + " ",
        lambda body: body.replace("1999", "1"),
        lambda body: json.dumps(json.loads(body)),
        lambda body: "",
        lambda body: "\ufeff" + body,
    ],
    ids=["space", "amount", "layout", "empty", "mark"],
)
def test_every_byte_counts(client: Any, counts: Any, change: Any) -> None:
    body = stripe_event()
    answer = post(client, change(body), stripe_headers(body, SECRET))
    assert answer.status_code == 400
    assert "No signatures found" in answer.json["error"]
    assert counts()["deliveries"] == 0
    assert post(client, body).status_code == 200


def test_bytes_that_are_not_ascii(client: Any) -> None:
    body = stripe_event().replace("eur", "\u20ac")
    assert post(client, body.encode()).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        "t=,v1=",
        "t=x,v1=y",
        "v1=" + "0" * 64,
        # The workers of pytest-xdist have to agree on the names, whatever second they look in.
        pytest.param(f"t={int(time.time())},v1={'0' * 64}", id="now"),
        "t=1",
        "=,=,=",
        "t=9" + "9" * 30 + ",v1=00",
    ],
)
def test_a_forged_signature(client: Any, counts: Any, header: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    if header is not None:
        headers["Stripe-Signature"] = header
    answer = post(client, stripe_event(), headers)
    assert answer.status_code == 400 and answer.json["error"]
    assert counts()["deliveries"] == 0


def test_the_secret_of_somebody_else(client: Any) -> None:
    body = stripe_event()
    answer = post(client, body, stripe_headers(body, "whsec_of_somebody_else"))
    assert answer.status_code == 400


@pytest.mark.parametrize("age", [301, 3600, 10**9])
def test_a_stale_event(client: Any, counts: Any, age: int) -> None:
    body = stripe_event()
    answer = post(client, body, stripe_headers(body, SECRET, int(time.time()) - age))
    assert answer.status_code == 400
    assert "tolerance" in answer.json["error"]
    assert counts()["deliveries"] == 0


def test_a_replayed_event(client: Any, counts: Any) -> None:
    body = stripe_event()
    headers = stripe_headers(body, SECRET)
    assert post(client, body, headers).status_code == 200
    answer = post(client, body, headers)
    assert answer.status_code == 409
    assert "before" in answer.json["error"]
    # The same signature in other words.
    signature = headers["Stripe-Signature"]
    for again in (f"{signature},v1={'0' * 64}", f"{signature},v0=abc", f"{signature},t=5"):
        assert post(client, body, {"Stripe-Signature": again}).status_code == 409
    assert counts()["payments"] == 1


def test_stripe_tries_again(client: Any, counts: Any) -> None:
    """The same event with a new signature: fine, but done already."""
    body = stripe_event()
    now = int(time.time())
    assert post(client, body, stripe_headers(body, SECRET, now - 10)).json == {"status": "done"}
    assert post(client, body, stripe_headers(body, SECRET, now)).json == {"status": "known"}
    assert counts() == {"deliveries": 2, "events": 1, "payments": 1, "messages": 0}


def test_what_fails_half_way_has_not_been(app: Erlen, client: Any, counts: Any) -> None:
    app.testing = False
    with sqlite3.connect(app.config["DATABASE"]) as db:
        db.execute("ALTER TABLE payments RENAME TO elsewhere")
    body = stripe_event()
    headers = stripe_headers(body, SECRET)
    assert post(client, body, headers).status_code == 500
    with sqlite3.connect(app.config["DATABASE"]) as db:
        db.execute("ALTER TABLE elsewhere RENAME TO payments")
    db.close()
    assert counts()["deliveries"] == 0
    assert post(client, body, headers).json == {"status": "done"}


def test_the_same_event_many_times_at_once(app: Erlen, counts: Any) -> None:
    body = stripe_event()
    now = int(time.time())
    signed = [stripe_headers(body, SECRET, now - number % 5) for number in range(20)]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda headers: post(app.test_client(), body, headers), signed))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 5 + [409] * 15
    assert [answer.json for answer in answers].count({"status": "done"}) == 1
    assert counts() == {"deliveries": 5, "events": 1, "payments": 1, "messages": 0}


def test_signatures_are_forgotten_when_they_are_stale(
    client: Any, counts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(client, stripe_event()).status_code == 200
    later = time.time() + 400
    monkeypatch.setattr("time.time", lambda: later)
    assert post(client, stripe_event()).status_code == 200
    assert counts() == {"deliveries": 1, "events": 2, "payments": 2, "messages": 0}


def test_other_events_are_taken_in(client: Any, counts: Any) -> None:
    body = stripe_event().replace("payment_intent.succeeded", "customer.created")
    assert post(client, body).json == {"status": "done"}
    assert counts()["payments"] == 0


@pytest.mark.parametrize("body", ["{", "[]", "5", '{"object": "event"}', "null"])
def test_what_is_signed_but_no_event(client: Any, counts: Any, body: str) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    assert counts()["deliveries"] == 0


def test_bytes_that_are_no_text(client: Any) -> None:
    answer = post(client, b"\xff\xfe", stripe_headers("{}", SECRET))
    assert answer.status_code == 400


def test_what_is_no_post(client: Any) -> None:
    answer = client.get("/stripe/events")
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    answer = post(client, "x" * 300_000, {"Stripe-Signature": "t=1,v1=00"})
    assert answer.status_code == 413
