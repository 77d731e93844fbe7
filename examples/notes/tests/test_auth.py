from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from notes import auth

from conftest import PASSWORD, Person
from erlen import Erlen, session


def test_a_visitor_sees_the_welcome_page(visitor: Person) -> None:
    page = visitor.get("/")
    assert page.status_code == 200 and "Create an account" in page.text
    assert "Set-Cookie" not in page.headers


def test_register_then_log_in_then_out(visitor: Person) -> None:
    response = visitor.send("/register", name="anna", password=PASSWORD)
    assert (response.status_code, response.location) == (302, "/login")
    assert "Your account is ready" in visitor.get("/login").text
    response = visitor.send("/login", name="Anna", password=PASSWORD)
    assert (response.status_code, response.location) == (302, "/")
    assert "Your notes" in visitor.get("/").text
    assert visitor.send("/logout", page="/").status_code == 302
    assert "You are logged out." in visitor.get("/").text
    assert visitor.get("/notes/new").status_code == 302


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("", PASSWORD, "3 to 32 letters"),
        ("ab", PASSWORD, "3 to 32 letters"),
        ("a" * 33, PASSWORD, "3 to 32 letters"),
        ("-anna", PASSWORD, "3 to 32 letters"),
        ("<b>anna</b>", PASSWORD, "3 to 32 letters"),
        ("anna\nbert", PASSWORD, "3 to 32 letters"),
        ("anna", "short", "10 to 256 characters"),
        ("anna", "x" * 257, "10 to 256 characters"),
    ],
)
def test_register_refuses(visitor: Person, name: str, password: str, message: str) -> None:
    response = visitor.send("/register", name=name, password=password)
    assert response.status_code == 400 and message in response.text
    assert "<b>anna" not in response.text


def test_a_name_is_taken_once_in_any_case(anna: Person, visitor: Person) -> None:
    response = visitor.send("/register", name="ANNA", password=PASSWORD)
    assert response.status_code == 400 and "This name is taken." in response.text


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong password"),
        ("nobody", PASSWORD),
        ("", ""),
        ("anna' --", PASSWORD),
        ("' OR '1'='1", "' OR '1'='1"),
        ("anna\0", PASSWORD),
    ],
)
def test_login_refuses_all_alike(anna: Person, visitor: Person, name: str, password: str) -> None:
    response = visitor.send("/login", name=name, password=password)
    assert response.status_code == 400 and "Name or password is wrong." in response.text


def test_an_unknown_name_costs_a_hash_too(
    app: Erlen, anna: Person, visitor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = []

    def check(stored: str, password: str) -> bool:
        methods.append(stored.split("$")[0])
        return False

    monkeypatch.setattr(auth, "check_password_hash", check)
    visitor.send("/login", name="anna", password="x")
    visitor.send("/login", name="nobody", password="x")
    assert methods == ["pbkdf2:sha256:1"] * 2


def test_the_stand_in_for_an_unknown_name_matches_no_password(app: Erlen) -> None:
    with app.app_context():
        assert all(auth.verify("nobody", password) is None for password in ("", "none", "x" * 999))


def test_passwords_are_stored_as_scrypt_by_default(tmp_path: Path) -> None:
    from notes import create_app

    person = Person(create_app({"SECRET_KEY": "test", "DATA_FOLDER": str(tmp_path)}))
    person.enter("anna")
    with sqlite3.connect(tmp_path / "notes.sqlite") as db:
        assert db.execute("SELECT password FROM user").fetchone()[0].startswith("scrypt:32768:8:1$")
    db.close()


def test_login_starts_a_fresh_session(anna: Person, visitor: Person) -> None:
    with visitor.client.session_transaction() as before:
        before["planted"] = True
        before["csrf"] = "known to somebody"
    visitor.client.post(
        "/login", data={"csrf_token": "known to somebody", "name": "anna", "password": PASSWORD}
    )
    with visitor.client:
        visitor.get("/")
        assert "planted" not in session and session["csrf"] != "known to somebody"


def test_a_session_of_a_removed_user_is_nobodys(app: Erlen, anna: Person) -> None:
    with app.app_context(), auth.get_db() as db:
        db.execute("DELETE FROM user")
    assert "Create an account" in anna.get("/").text


@pytest.mark.parametrize("path", ["/notes/new", "/notes/1", "/notes/1/edit", "/notes/1/files/1"])
def test_pages_ask_for_a_login_and_come_back(visitor: Person, path: str) -> None:
    response = visitor.get(path)
    assert response.status_code == 302 and response.location == f"/login?next={path}"
    visitor.send("/register", name="anna", password=PASSWORD)
    response = visitor.send("/login", page=response.location, name="anna", password=PASSWORD)
    assert response.location == "/"
    response = visitor.send("/login", name="anna", password=PASSWORD, next=path)
    assert response.location == path


def test_the_login_form_carries_the_way_back(visitor: Person) -> None:
    assert 'name="next" value="/notes/7"' in visitor.get("/login?next=/notes/7").text
    assert 'name="next" value="/"' in visitor.get("/login?next=https://evil.example").text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        " //evil.example",
        "evil",
        "",
    ],
)
def test_login_never_redirects_to_another_site(anna: Person, visitor: Person, target: str) -> None:
    response = visitor.send("/login", name="anna", password=PASSWORD, next=target)
    assert (response.status_code, response.location) == (302, "/")


def test_the_cookie(visitor: Person) -> None:
    cookie = visitor.get("/login").headers["Set-Cookie"]
    assert cookie.startswith("notes_session=")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie


def test_the_cookie_over_https(make_app: Callable[..., Erlen]) -> None:
    cookie = Person(make_app(SESSION_COOKIE_SECURE=True)).get("/login").headers["Set-Cookie"]
    assert "Secure" in cookie
