"""What people in rooms see of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from erlen import Erlen
from erlen.testing import WebsocketClosed, WebsocketRejected

Enter = Callable[..., Any]


def test_all_in_a_room_hear_what_is_said(enter: Enter) -> None:
    ann, bob, elsewhere = enter("Ann"), enter("Bob"), enter("Cy", "garden")
    ann.say("  hello <b>there</b>  ")
    heard = [person.hear() for person in (ann, bob)]
    assert heard[0] == heard[1]
    assert heard[0]["text"] == "hello <b>there</b>"
    assert (heard[0]["name"], heard[0]["room"]) == ("Ann", "kitchen")
    bob.say("hi")
    elsewhere.say("nobody here")
    assert elsewhere.hear()["text"] == "nobody here"
    assert ann.hear()["text"] == "hi"


def test_who_comes_and_goes(enter: Enter) -> None:
    ann = enter("Ann")
    assert (ann.hear("came")["name"]) == "Ann"
    bob = enter("Bob")
    came = ann.hear("came")
    assert (came["name"], came["present"]) == ("Bob", 2)
    bob.ws.close()
    went = ann.hear("went")
    assert (went["name"], went["present"]) == ("Bob", 1)


def test_newcomers_hear_what_was_said_and_the_returning_what_they_missed(enter: Enter) -> None:
    ann = enter("Ann")
    for number in range(3):
        ann.say(f"number {number}")
    heard = [ann.hear() for _ in range(3)]
    bob = enter("Bob")
    assert [bob.hear()["text"] for _ in range(3)] == ["number 0", "number 1", "number 2"]
    again = enter("Ann", after=heard[1]["id"])
    assert again.hear()["text"] == "number 2"


@pytest.mark.parametrize("text", ["", "   ", None, 5, ["a"], "x" * 2001])
def test_what_is_no_message(enter: Enter, text: Any) -> None:
    ann = enter("Ann")
    ann.say(text)
    assert "message" in ann.hear("refused")["why"]
    ann.say("go on")
    assert ann.hear()["text"] == "go on"


@pytest.mark.parametrize("data", ["{", "", b"\xff", "[" * 5000])
def test_what_is_no_json(enter: Enter, data: Any) -> None:
    ann = enter("Ann")
    ann.ws.send(data)
    with pytest.raises(WebsocketClosed, match="1007"):
        ann.hear()


def test_too_much(enter: Enter) -> None:
    ann = enter("Ann")
    ann.ws.send("x" * 20_000)
    with pytest.raises(WebsocketClosed, match="1009"):
        ann.hear()


def test_strangers_and_rooms_that_are_not(app: Erlen) -> None:
    client = app.test_client()
    for path, status in (("/rooms/kitchen/talk", 401), ("/rooms/cellar/talk", 401)):
        with pytest.raises(WebsocketRejected) as caught, client.websocket_connect(path):
            pass
        assert caught.value.response.status_code == status
    client.post("/", data={"name": "Ann"})
    with pytest.raises(WebsocketRejected) as caught, client.websocket_connect("/rooms/x/talk"):
        pass
    assert caught.value.response.status_code == 404
    foreign = client.websocket_connect(
        "/rooms/kitchen/talk", headers={"Origin": "https://evil.example"}
    )
    with pytest.raises(WebsocketRejected) as caught, foreign:
        pass
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("name", ["", "  ", "x" * 25, "a\x00b", "a\u202eb"])
def test_names_that_are_none(app: Erlen, name: str) -> None:
    response = app.test_client().post("/", data={"name": name})
    assert response.status_code == 400
    assert "1 to 24 characters" in response.text


def test_the_way_through_the_pages(app: Erlen) -> None:
    client = app.test_client()
    assert "Come in and talk" in client.get("/").text
    response = client.get("/rooms/garden")
    assert response.location == "/?room=garden"
    response = client.post(response.location, data={"name": " Ann  Lee "})
    assert response.location == "/rooms/garden"
    page = client.get("/rooms/garden")
    assert 'data-name="Ann Lee"' in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert client.post("/?room=cellar", data={"name": "Ann"}).location == "/"
    assert client.get("/rooms/cellar").status_code == 404
    assert "kitchen" in client.get("/").text
    client.post("/leave")
    assert "Come in and talk" in client.get("/").text


def test_the_live_page(app: Erlen, enter: Enter) -> None:
    ann = enter("Ann")
    ann.say("one & only")
    ann.hear()
    client = app.test_client()
    page = client.get("/live/").text
    assert "one &amp; only" in page
    after = page.split("after=")[1].split('"')[0]
    body = iter(client.get(f"/live/events?after={after}").response)
    assert next(body) == b"retry: 1000\n\n"
    ann.say("two")
    event = next(body).decode()
    assert event.startswith("event: said\nid: ")
    assert '"text": "two"' in event
    body.close()  # type: ignore[attr-defined]
    again = iter(client.get("/live/events", headers={"Last-Event-ID": after}).response)
    next(again)
    assert '"text": "two"' in next(again).decode()
    again.close()  # type: ignore[attr-defined]
