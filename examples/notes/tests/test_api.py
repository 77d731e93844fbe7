from __future__ import annotations

import pytest

from conftest import Person


def test_add_get_list_change_remove(anna: Person) -> None:
    client = anna.client
    response = client.post("/api/notes", json={"title": "Tea", "body": "green"})
    assert response.status_code == 201 and response.headers["Location"] == "/api/notes/1"
    note = response.json
    assert {key: note[key] for key in ("id", "title", "body")} == {
        "id": 1, "title": "Tea", "body": "green",
    }  # fmt: skip
    assert note["created"] == note["updated"]

    anna.attach("/notes/1", "leaf.txt", b"1234")
    assert client.get("/api/notes/1").json == {
        **note,
        "attachments": [{"name": "leaf.txt", "size": 4, "url": "/notes/1/files/1"}],
    }
    assert client.get("/api/notes").json == {"notes": [note], "page": 1, "pages": 1, "total": 1}
    assert client.get("/api/notes?q=green").json["total"] == 1
    assert client.get("/api/notes?q=black").json["total"] == 0

    response = client.put("/api/notes/1", json={"title": "Tea", "body": "black"})
    assert response.status_code == 200 and response.json["body"] == "black"
    response = client.delete("/api/notes/1")
    assert (response.status_code, response.data) == (204, b"")
    assert client.get("/api/notes/1").status_code == 404


CALLS = [
    ("GET", "/api/notes"),
    ("POST", "/api/notes"),
    ("GET", "/api/notes/1"),
    ("PUT", "/api/notes/1"),
    ("DELETE", "/api/notes/1"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_login_is_needed(anna: Person, visitor: Person, method: str, path: str) -> None:
    anna.write("kept")
    response = visitor.client.open(path, method=method, json={"title": "x"})
    assert response.status_code == 401
    assert response.json == {
        "error": {"code": 401, "name": "Unauthorized", "message": "Log in first."}
    }
    assert anna.get("/api/notes").json["notes"][0]["title"] == "kept"


@pytest.mark.parametrize(("method", "path"), CALLS[2:])
def test_anothers_note_is_not_there(anna: Person, bert: Person, method: str, path: str) -> None:
    anna.write("Secret")
    response = bert.client.open(path, method=method, json={"title": "mine"})
    assert response.status_code == 404 and response.json["error"]["code"] == 404
    assert anna.get("/api/notes/1").json["title"] == "Secret"
    assert bert.get("/api/notes?q=secret").json["total"] == 0


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/notes"), ("PUT", "/api/notes/1")])
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"title": "x"}', "text/plain", 415),
        (b"title=x", "application/x-www-form-urlencoded", 415),
        (b'{"title": "x"}', None, 415),
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"null", "application/json", 400),
        (b'["title"]', "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"title": 1}', "application/json", 400),
        (b'{"title": null}', "application/json", 400),
        (b'{"title": "\\ud800"}', "application/json", 400),
        (b'{"title": "x", "body": "\\udfff"}', "application/json", 400),
        (b'{"title": "x", "body": ["y"]}', "application/json", 400),
    ],
)
def test_what_is_no_note_is_refused(
    anna: Person, method: str, path: str, body: bytes, kind: str | None, status: int
) -> None:
    anna.write("kept", "kept")
    response = anna.client.open(path, method=method, data=body, content_type=kind)
    assert response.status_code == status and response.json["error"]["code"] == status
    assert [note["body"] for note in anna.get("/api/notes").json["notes"]] == ["kept"]


@pytest.mark.parametrize("origin", ["cross-site", "same-site"])
@pytest.mark.parametrize(("method", "path"), [CALLS[1], *CALLS[3:]])
def test_a_write_from_another_site_is_refused(
    anna: Person, method: str, path: str, origin: str
) -> None:
    anna.write("kept")
    headers = {"Sec-Fetch-Site": origin}
    response = anna.client.open(path, method=method, json={"title": "x"}, headers=headers)
    assert response.status_code == 403 and "other sites" in response.json["error"]["message"]
    assert [note["title"] for note in anna.get("/api/notes").json["notes"]] == ["kept"]


def test_a_write_from_this_site_is_taken(anna: Person) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert anna.client.post("/api/notes", json={"title": "x"}, headers=headers).status_code == 201


def test_errors_are_json(anna: Person) -> None:
    missing = anna.get("/api/nothing")
    assert missing.status_code == 404 and missing.json["error"]["name"] == "Not Found"
    refused = anna.client.patch("/api/notes/1")
    assert refused.status_code == 405 and refused.json["error"]["code"] == 405
    assert "PUT" in refused.headers["Allow"]
