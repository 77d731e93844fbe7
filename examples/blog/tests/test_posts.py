"""Writing, reading, changing and deleting."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from blog.database import db
from blog.models import Post

from conftest import Person
from erlen import Erlen

Enter = Callable[[str], Person]
TEXT = "The roots hold the bank.\nStill.\r\n\r\nSo it stays <where> it is."


def test_a_post_from_first_to_last(app: Erlen, enter: Enter, visitor: Person) -> None:
    ida = enter("Ida")
    assert "Nothing here yet." in ida.get("/")
    page = ida.send("/write", title="  Alders & water ", body=TEXT)
    assert "Published." in page and "<h1>Alders &amp; water</h1>" in page
    assert "<p>So it stays &lt;where&gt; it is.</p>" in page
    page = visitor.get("/posts/1")
    assert "Alders" in page and ">Ida</a>" in page and "Edit" not in page
    assert "Alders" in visitor.get("/")
    page = ida.send("/posts/1/edit", title="Alders", body="Shorter.")
    assert "Changes saved." in page and "Shorter." in page
    with app.app_context():
        post = db.session.get_one(Post, 1)
        assert post.changed > post.written and post.written.tzinfo is not None
    assert "is deleted." in ida.send("/posts/1/delete")
    assert visitor.client.get("/posts/1").status_code == 404


def test_a_draft_is_its_authors(enter: Enter, visitor: Person) -> None:
    ida, bo = enter("Ida"), enter("Bo")
    assert "Kept as a draft." in ida.send("/write", title="Half", body="a thought", draft="y")
    for person in (visitor, bo):
        assert "Half" not in person.get("/")
        assert person.client.get("/posts/1").status_code == 404
    assert bo.client.get("/posts/1/edit").status_code == 404
    assert "Half" in ida.get("/")
    ida.send("/posts/1/edit", title="Whole", body="a thought")
    assert "Whole" in visitor.get("/")


def test_posts_of_others(enter: Enter, visitor: Person) -> None:
    ida, bo = enter("Ida"), enter("Bo")
    ida.send("/write", title="Hers", body="x")
    for path in ("/posts/1/edit", "/posts/1/delete"):
        assert bo.client.get(path).status_code == 403
        assert visitor.client.get(path).location.startswith("/login?next=")
    assert visitor.client.get("/write").location == "/login?next=%2Fwrite"


@pytest.mark.parametrize(
    ("title", "body", "says"),
    [
        ("", "x", "This field is required."),
        ("   ", "x", "This field is required."),
        ("x" * 121, "x", "longer than 120"),
        ("x", "y" * 50_001, "longer than 50000"),
        # What PostgreSQL stores no text with.
        ("x", "nothing\0here", "cannot be shown"),
    ],
)
def test_what_is_refused(enter: Enter, title: str, body: str, says: str) -> None:
    page = enter("Ida").send("/write", 400, title=title, body=body)
    assert says in page and 'aria-invalid="true"' in page


def test_pages(enter: Enter, visitor: Person) -> None:
    ida = enter("Ida")
    for number in range(5):
        ida.send("/write", title=f"Number {number}", body="x " * 300)
    first, second = visitor.get("/"), visitor.get("/?page=2")
    assert [first.find(f"Number {n}<") > 0 for n in range(5)] == [False, False, True, True, True]
    assert [second.find(f"Number {n}<") > 0 for n in range(5)] == [True, True, False, False, False]
    assert "Page 1 of 2" in first and " …" in first and 'href="/?page=2"' in first
    assert "5 posts" in visitor.get("/authors/1") and "/authors/1?page=2" in visitor.get(
        "/authors/1"
    )
    for page in (0, -1, 3, 10**30):
        assert visitor.client.get(f"/?page={page}").status_code == 404
    assert visitor.client.get("/?page=x").status_code == 200


def test_what_is_not_there(visitor: Person) -> None:
    for path in ("/posts/1", "/posts/99999999999999999999", "/authors/1", "/nothing"):
        answer = visitor.client.get(path)
        assert answer.status_code == 404 and "To the newest posts" in answer.text
    answer = visitor.client.put("/")
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]
