"""Registering, logging in and out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import PASSWORD, Person
from erlen import Erlen

Enter = Callable[[str], Person]


def test_from_joining_to_leaving(visitor: Person) -> None:
    page = visitor.send("/register", name="Ida", password=PASSWORD, again=PASSWORD)
    assert "Your account is ready." in page
    page = visitor.send("/login", 400, name="Ida", password="a guess of mine")
    assert "Name or password is wrong." in page
    page = visitor.send("/login", 400, name="Nobody", password="a guess of mine")
    assert "Name or password is wrong." in page
    assert "Log out" in visitor.send("/login", name="Ida", password=PASSWORD)
    assert visitor.client.get("/login").location == "/"
    page = visitor.send("/logout", form="/")
    assert "You are logged out." in page and "Log in" in page


@pytest.mark.parametrize(
    ("name", "password", "again", "says"),
    [
        ("I", PASSWORD, PASSWORD, "between 2 and 30"),
        ("<b>Ida</b>", PASSWORD, PASSWORD, "Letters, digits"),
        ("Ida", "short", "short", "Use 10 to 256 characters."),
        ("Ida", PASSWORD, PASSWORD + "x", "The two differ."),
        ("taken", PASSWORD, PASSWORD, "This name is taken."),
    ],
)
def test_what_is_refused(
    visitor: Person, enter: Enter, name: str, password: str, again: str, says: str
) -> None:
    enter("taken")
    assert says in visitor.send("/register", 400, name=name, password=password, again=again)


def test_only_to_pages_of_our_own(visitor: Person, enter: Enter) -> None:
    enter("Ida")
    for target, place in [("/write", "/write"), ("//evil", "/"), ("/\\evil", "/"), ("x:y", "/")]:
        visitor.client.delete_cookie("blog_session")
        fields = {"name": "Ida", "password": PASSWORD}
        page = visitor.send(f"/login?next={target}", form="/login", **fields)
        assert ("<h1>Something new</h1>" in page) == (place == "/write")
        assert ("<h1>Notes from the riverside</h1>" in page) == (place == "/")


def test_a_remembered_author(app: Erlen, visitor: Person, enter: Enter) -> None:
    enter("Ida")
    visitor.send("/login", name="Ida", password=PASSWORD, remember="y")
    visitor.client.delete_cookie("blog_session")
    assert "Log out" in visitor.get("/")


def test_forms_need_their_token(app: Erlen) -> None:
    client = app.test_client()
    for path in ("/login", "/register", "/logout", "/write", "/posts/1/delete"):
        answer = client.post(path, data={"name": "Ida", "password": PASSWORD})
        assert answer.status_code == 400 and "CSRF token is missing" in answer.text
