"""What programs do with books."""

from __future__ import annotations

from typing import Any

import pytest
from shelf import create_app

from conftest import EMMA, TOKEN, isbn
from erlen import Erlen
from erlen.testing import FlaskClient


def test_a_book_from_first_to_last(client: FlaskClient) -> None:
    answer = client.post("/books", json=EMMA, headers=TOKEN)
    assert answer.status_code == 201 and answer.location == "/books/1"
    stored = {**EMMA, "isbn": "9780141439587", "id": 1, "url": "/books/1"}
    assert answer.json == stored
    answer = client.get("/books/1")
    assert answer.json == stored
    seen = {"If-None-Match": answer.headers["ETag"]}
    assert client.get("/books/1", headers=seen).status_code == 304

    first = {**TOKEN, "If-Match": answer.headers["ETag"]}
    answer = client.put("/books/1", json={**EMMA, "year": 1816}, headers=first)
    assert answer.status_code == 200 and answer.json["year"] == 1816
    assert client.get("/books/1", headers=seen).status_code == 200
    assert client.delete("/books/1", headers=first).status_code == 412
    second = {**TOKEN, "If-Match": answer.headers["ETag"]}
    assert client.delete("/books/1", headers=second).status_code == 204
    assert client.get("/books/1").status_code == 404
    assert client.get("/books").json == {"total": 0, "books": []}


def test_of_two_changes_one_is_refused(client: FlaskClient) -> None:
    client.post("/books", json=EMMA, headers=TOKEN)
    tag = {**TOKEN, "If-Match": client.get("/books/1").headers["ETag"]}
    statuses = [
        client.put("/books/1", json={**EMMA, "year": year}, headers=tag).status_code
        for year in (1816, 1817)
    ]
    assert statuses == [200, 412] and client.get("/books/1").json["year"] == 1816
    assert client.put("/books/1", json=EMMA, headers=TOKEN).status_code == 428


def test_pages(client: FlaskClient) -> None:
    for number in range(5):
        author = "A & B" if number % 2 else "C"
        book = {**EMMA, "title": f"Part {number}%", "author": author, "isbn": isbn(number)}
        assert client.post("/books", json=book, headers=TOKEN).status_code == 201
    seen, path = [], "/books"
    while path:
        answer = client.get(path)
        assert answer.json["total"] == 5
        seen += [book["title"] for book in answer.json["books"]]
        links = [link for link in answer.headers.get("Link", "").split(", ") if "next" in link]
        path = links[0].partition(">")[0][1:] if links else ""
    assert seen == [f"Part {number}%" for number in range(5)]
    assert client.get("/books?author=A %26 B").json["total"] == 2
    assert client.get("/books?search=PART 3%25").json["total"] == 1
    assert client.get("/books?search=_art").json["total"] == 0
    for wrong in ("page=0", "page=x", "page=99999", "author=%00", "search="):
        assert client.get(f"/books?{wrong}").status_code == 400, wrong


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"author": 1}, "author"),
        ({"year": "1815"}, "year"),
        ({"year": True}, "year"),
        ({"year": 10**30}, "year"),
        ({"isbn": "9780141439588"}, "isbn"),
        ({"isbn": "٩٧٨0141439587"}, "isbn"),
        ({"pages": 1}, "pages"),
    ],
)
def test_a_field_that_is_wrong(client: FlaskClient, change: dict[str, Any], field: str) -> None:
    answer = client.post("/books", json={**EMMA, **change}, headers=TOKEN)
    assert answer.status_code == 400 and list(answer.json["message"]) == [field]


def test_what_is_no_book(client: FlaskClient) -> None:
    answer = client.post("/books", json={}, headers=TOKEN)
    assert answer.json["message"] == dict.fromkeys(EMMA, "is missing")
    for body in (b"[]", b"{", b"", b"[" * 10_000):
        headers = {**TOKEN, "Content-Type": "application/json"}
        answer = client.post("/books", data=body, headers=headers)
        assert answer.status_code == 400 and "message" in answer.json
    assert client.post("/books", data=b"x", headers=TOKEN).status_code == 415


def test_one_isbn_is_one_book(client: FlaskClient) -> None:
    assert client.post("/books", json=EMMA, headers=TOKEN).status_code == 201
    answer = client.post("/books", json={**EMMA, "title": "Again"}, headers=TOKEN)
    assert answer.status_code == 409 and answer.json["message"] == {"isbn": "is another book's"}
    assert client.get("/books").json["total"] == 1


def test_who_may_write(client: FlaskClient) -> None:
    for value in (None, "Bearer another", "Bearer ", "Basic YTpi", "a token"):
        headers = {} if value is None else {"Authorization": value}
        assert client.post("/books", json=EMMA, headers=headers).status_code == 401
        assert client.delete("/books/1", headers=headers).status_code == 401
    assert client.get("/books").json["total"] == 0


def test_what_is_not_there(client: FlaskClient) -> None:
    for path in ("/books/1", "/books/99999999999", "/nothing"):
        answer = client.get(path)
        assert answer.status_code == 404
    answer = client.patch("/books/1")
    assert answer.status_code == 405 and "PUT" in answer.headers["Allow"]


def test_a_database_that_does_not_answer(app: Erlen) -> None:
    app = create_app({"DATABASE_URL": "postgresql://shelf:x@127.0.0.1:1/shelf"})
    answer = app.test_client().get("/books")
    assert answer.status_code == 503
    assert answer.json["message"] == "The database does not answer."
