"""One application with Flask-WTF, Flask-RESTful and Flask-Login, on real servers."""

from __future__ import annotations

import re
import sys
import typing as t

import httpx
import pytest

from running import ROOT, free_port, running

SERVERS = {
    "uvicorn": "uvicorn --factory --port {port} club:create_app",
    "gunicorn": "gunicorn -b 127.0.0.1:{port} --no-control-socket --threads 4 club:create_app()",
}
PASSWORD = "four quiet trees"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture(scope="module", params=SERVERS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[str]:
    folder, port = tmp_path_factory.mktemp("club"), free_port()
    paths = f"{ROOT / 'src'}:{ROOT / 'tests' / 'systems'}"
    command = [sys.executable, "-m", *SERVERS[request.param].format(port=port).split()]
    with running(command, port, folder, PYTHONPATH=paths, CLUB_SECRET_KEY="a key") as server:
        yield f"http://127.0.0.1:{port}"
        assert "Traceback" not in server.text, server.text


@pytest.fixture
def client(site: str) -> t.Iterator[httpx.Client]:
    with httpx.Client(base_url=site, follow_redirects=True, trust_env=False) as client:
        yield client


def token(client: httpx.Client, page: str = "/login") -> str:
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', client.get(page).text)
    assert found, page
    return found[1]


def send(client: httpx.Client, page: str, **fields: str) -> httpx.Response:
    return client.post(page, data={"csrf_token": token(client, page.partition("?")[0]), **fields})


@pytest.fixture
def member(client: httpx.Client, request: pytest.FixtureRequest) -> httpx.Client:
    """Somebody who has registered and logged in."""
    name = re.sub(r"\W", "", request.node.name)[-20:]
    fields = {"name": name, "email": "a@erlen.dev", "password": PASSWORD, "again": PASSWORD}
    assert "Welcome." in send(client, "/register", **fields).text
    assert f"<p>{name}</p>" in send(client, "/login", name=name, password=PASSWORD).text
    return client


def test_a_form_says_what_is_wrong(client: httpx.Client) -> None:
    answer = send(client, "/register", name="ab", email="nowhere", password="short", again="no")
    assert answer.status_code == 400
    assert re.findall("<b>(.*?)</b>", answer.text) == [
        "name: Field must be between 3 and 20 characters long.",
        "email: Invalid email address.",
        "password: Field must be at least 8 characters long.",
        "again: The passwords differ.",
    ]
    assert 'value="ab"' in answer.text


def test_a_form_needs_its_token(client: httpx.Client, site: str) -> None:
    fields = {"name": "x", "password": "y"}
    answer = client.post("/login", data=fields)
    assert answer.status_code == 400 and "The CSRF token is missing." in answer.text
    answer = client.post("/login", data={**fields, "csrf_token": token(client) + "x"})
    assert answer.status_code == 400 and "The CSRF token is invalid." in answer.text
    # One of another visitor is worth nothing here.
    with httpx.Client(base_url=site, trust_env=False) as other:
        foreign = token(other)
    answer = client.post("/login", data={**fields, "csrf_token": foreign})
    assert answer.status_code == 400 and "tokens do not match" in answer.text


def test_a_name_is_taken_once(member: httpx.Client, request: pytest.FixtureRequest) -> None:
    name = re.sub(r"\W", "", request.node.name)[-20:]
    fields = {"name": name, "email": "a@erlen.dev", "password": PASSWORD, "again": PASSWORD}
    assert "name: This name is taken." in send(member, "/register", **fields).text


def test_login_and_logout(member: httpx.Client, request: pytest.FixtureRequest) -> None:
    name = re.sub(r"\W", "", request.node.name)[-20:]
    assert member.get("/secret").text.startswith(f"only {name}")
    answer = member.post("/logout", data={"csrf_token": token(member)})
    assert "<p>nobody</p>" in answer.text
    answer = send(member, "/login", name=name, password="a guess")
    assert answer.status_code == 400 and "Name or password is wrong." in answer.text
    answer = member.get("/card")
    assert answer.url.path == "/login" and answer.url.params["next"] == "/card"
    answer = send(member, "/login?next=/card", name=name, password=PASSWORD)
    assert answer.url.path == "/card"
    for foreign in ("https://example.com/", "//example.com", "/\\example.com", "example"):
        page = f"/login?next={foreign}"
        assert send(member, page, name=name, password=PASSWORD).status_code == 400


def test_remembered_but_not_fresh(client: httpx.Client, request: pytest.FixtureRequest) -> None:
    name = re.sub(r"\W", "", request.node.name)[-20:]
    fields = {"name": name, "email": "a@erlen.dev", "password": PASSWORD, "again": PASSWORD}
    send(client, "/register", **fields)
    send(client, "/login", name=name, password=PASSWORD, remember="y")
    client.cookies.delete("session")
    assert f"<p>{name}</p>" in client.get("/").text
    assert client.get("/secret").url.path == "/login"
    remembered = client.cookies["remember_token"]
    client.cookies.clear()
    client.cookies.set("remember_token", remembered[:-1] + "0" * (remembered[-1] != "0"))
    assert "<p>nobody</p>" in client.get("/").text


def test_a_session_stays_with_its_browser(member: httpx.Client) -> None:
    assert member.get("/secret").url.path == "/secret"
    stolen = member.get("/secret", headers={"User-Agent": "another browser"})
    assert stolen.url.path == "/login"


def test_a_file(member: httpx.Client) -> None:
    def give(name: str, content: bytes) -> httpx.Response:
        fields = {"csrf_token": token(member, "/card")}
        return member.post("/card", data=fields, files={"card": (name, content)})

    assert "card: This field is required." in send(member, "/card").text
    assert "does not have an approved extension" in give("card.exe", PNG).text
    assert "card: File must be between 0 and 1000 bytes." in give("card.png", PNG * 20).text
    assert give("card.png", bytes(20_000)).status_code == 413
    assert "108 bytes kept." in give("card.png", PNG).text


def test_the_interface(member: httpx.Client, site: str) -> None:
    safe = {"X-CSRFToken": token(member)}
    book = {"title": "Emma", "pages": 474}
    assert member.post("/api/books", json=book).status_code == 400  # no token
    made = member.post("/api/books", json=book, headers=safe)
    assert made.status_code == 201 and made.json()["title"] == "Emma"
    url = made.json()["url"]
    assert member.get(url).json() == made.json()
    assert made.json() in member.get("/api/books").json()
    with httpx.Client(base_url=site, trust_env=False) as stranger:
        theirs = {"X-CSRFToken": token(stranger)}
        answer = stranger.delete(url, headers=theirs)
        assert (answer.status_code, answer.json()) == (401, {"message": "Log in first."})
    assert member.delete(url, headers=safe).status_code == 204
    answer = member.get(url)
    assert answer.status_code == 404 and answer.json()["message"].startswith("There is no book")


def test_the_interface_refuses(member: httpx.Client) -> None:
    safe = {"X-CSRFToken": token(member)}
    answer = member.post("/api/books", json={"pages": 0}, headers=safe)
    assert answer.status_code == 400 and set(answer.json()["message"]) == {"title", "pages"}
    more = {"title": "Emma", "pages": 1, "isbn": "x"}
    assert member.post("/api/books", json=more, headers=safe).status_code == 400
    broken = {**safe, "Content-Type": "application/json"}
    answer = member.post("/api/books", content=b"{", headers=broken)
    assert answer.status_code == 400 and "message" in answer.json()
    answer = member.put("/api/books", headers=safe)
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    assert member.get("/api/nothing").status_code == 404
