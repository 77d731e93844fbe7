"""Twilio's messages, signed by Twilio's own code."""

from __future__ import annotations

import time
from typing import Any

import pytest
from webhooks.samples import twilio_form, twilio_headers

from conftest import TOKEN

URL = "https://hooks.example.org/twilio/messages"
PROXY = {"X-Forwarded-Proto": "https", "Host": "hooks.example.org"}


@pytest.fixture
def client(app: Any) -> Any:
    app.config["TRUSTED_PROXIES"] = ["127.0.0.1"]
    return app.test_client()


def post(
    client: Any, form: Any, signed: Any = None, url: str = URL, query: str = "", **headers: str
) -> Any:
    headers = {**PROXY, **twilio_headers(url, signed or form, TOKEN), **headers}
    return client.post(f"/twilio/messages{query}", data=form, headers=headers)


def test_a_genuine_message(client: Any, counts: Any) -> None:
    answer = post(client, twilio_form("Gr\u00fc\u00dfe & <3"))
    assert answer.status_code == 200 and answer.mimetype == "text/xml"
    assert "<Message>Thank you for 10 characters.</Message>" in answer.text
    assert counts()["messages"] == 1


def test_the_url_is_the_one_in_public(app: Any, client: Any) -> None:
    """Twilio signs ``https://...``; what arrives behind the proxy is plain HTTP."""
    form = twilio_form()
    app.config["TRUSTED_PROXIES"] = None
    assert post(client, form).status_code == 403
    app.config["TRUSTED_PROXIES"] = ["10.0.0.0/8"]
    assert post(client, form).status_code == 403
    app.config["TRUSTED_PROXIES"] = ["127.0.0.1"]
    assert post(client, form).status_code == 200


@pytest.mark.parametrize(
    ("changed", "url", "query", "headers"),
    [
        ({"Body": "Eve"}, URL, "", {}),
        ({"Extra": "1"}, URL, "", {}),
        ({}, "http://hooks.example.org/twilio/messages", "", {}),
        ({}, "https://evil.example/twilio/messages", "", {}),
        ({}, URL, "?a=1", {}),
        ({}, URL + "?a=1", "", {}),
        ({}, URL, "", {"X-Twilio-Signature": ""}),
        ({}, URL, "", {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}),
        ({}, URL, "", {"X-Twilio-Signature": "\xe9"}),
        ({}, URL, "", {"Host": "evil.example"}),
    ],
)
def test_a_forged_message(
    client: Any, counts: Any, changed: Any, url: str, query: str, headers: dict[str, str]
) -> None:
    form = twilio_form()
    answer = post(client, form | changed, form, url, query, **headers)
    assert answer.status_code == 403
    assert "signature" in answer.json["error"]
    assert counts()["deliveries"] == 0


def test_without_a_signature(client: Any) -> None:
    answer = client.post("/twilio/messages", data=twilio_form(), headers=PROXY)
    assert answer.status_code == 403


def test_a_replayed_message(client: Any, counts: Any) -> None:
    form = twilio_form()
    assert post(client, form).status_code == 200
    answer = post(client, form)
    assert answer.status_code == 409 and "before" in answer.json["error"]
    # The same signature, the characters dealt out in another way.
    again = {"Bod": "y" + form["Body"], **{k: v for k, v in form.items() if k != "Body"}}
    assert post(client, again, form).status_code in (400, 409)
    assert counts()["messages"] == 1


def test_a_stale_message(client: Any, counts: Any) -> None:
    for moment, status in ((time.time() + 60, 200), (time.time() - 60, 400)):
        query = f"?expires={int(moment)}"
        answer = post(client, twilio_form(), url=URL + query, query=query)
        assert answer.status_code == status
    assert "too old" in answer.json["error"]
    # The time is signed, too.
    query = f"?expires={int(time.time() - 60)}"
    later = f"?expires={int(time.time() + 60)}"
    assert post(client, twilio_form(), url=URL + query, query=later).status_code == 403
    assert counts()["messages"] == 1


def test_the_query_is_taken_as_it_was_written(client: Any) -> None:
    query = "?a=%C3%A9+b%20c&a=1&empty="
    assert post(client, twilio_form(), url=URL + query, query=query).status_code == 200


@pytest.mark.parametrize("missing", ["MessageSid", "From", "Body"])
def test_a_field_is_missing(client: Any, counts: Any, missing: str) -> None:
    form = {name: value for name, value in twilio_form().items() if name != missing}
    assert post(client, form).status_code == 400
    assert counts()["deliveries"] == 0
