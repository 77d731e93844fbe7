"""The library that was written for Flask, page by page."""

import base64
import html
import io
import re

import pytest
from flask import session, template_rendered, url_for
from flask_login import FlaskLoginClient, user_logged_in
from lending import books, create_app
from lending.extensions import db
from lending.models import Book, Loan, User

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def app(tmp_path):
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/b.db"})
    with app.app_context():
        db.create_all()
        for name in ("ann", "bob"):
            user = User(name=name, is_admin=name == "ann")
            user.set_password(f"{name}'s secret")
            db.session.add(user)
        db.session.add_all(Book(title=title) for title in ("Emma", "Dune", "Ulysses", " Ivanhoe "))
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app):
    return app.test_client()


def token(client, page="/auth/login"):
    return re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get(page).text)[1]


def enter(client, name, query="", **more):
    fields = {"name": name, "password": f"{name}'s secret", "csrf_token": token(client), **more}
    return client.post(f"/auth/login{query}", data=fields)


def basic(name):
    word = base64.b64encode(f"{name}:{name}'s secret".encode()).decode()
    return {"Authorization": f"Basic {word}"}


def numbers(app):
    with app.app_context():
        return {book.title: book.id for book in db.session.scalars(db.select(Book))}


def test_the_start_page(client):
    page = client.get("/")
    assert "ERL LIBRARY" in page.text
    assert "Welcome, dear reader" in page.text
    assert "*** 1" in page.text
    assert "1 pages, no greeting, outside" in page.text
    assert page.headers["X-Lending"] == "index"
    assert "*** 2" in client.get("/").text


def test_templates_and_their_context(app, client):
    seen = {}

    def note(sender, template, context, **extra):
        seen[sender, template.name] = context

    with template_rendered.connected_to(note, app):
        client.get("/")
    ((key, context),) = seen.items()
    assert key == (app, "index.html")
    assert context.keys() >= {"current_user", "g", "library", "pages", "request"}


def test_registering(app, client):
    page = client.get("/auth/register")
    assert "<title>Register – Erl Library</title>" in page.text
    assert "stranger" in page.text
    fields = {"name": "cid", "password": "cid's secret", "again": "x", "csrf_token": token(client)}
    assert "The two passwords differ." in client.post("/auth/register", data=fields).text
    fields["again"] = fields["password"]
    taken = client.post("/auth/register", data={**fields, "name": "ann"})
    assert "This name is taken." in taken.text
    done = client.post("/auth/register", data=fields, follow_redirects=True)
    assert done.request.path == "/auth/login"
    assert '<p class="flash success">Welcome, cid!</p>' in done.text
    assert "Welcome, cid!" not in client.get("/auth/login").text
    assert enter(client, "cid").status_code == 302


def test_a_form_without_its_token(client):
    refused = client.post("/auth/login", data={"name": "ann", "password": "ann's secret"})
    assert refused.status_code == 400
    assert "Forged?" in refused.text
    assert "The CSRF token is missing." in refused.text


def test_logging_in_and_out(app, client):
    told = []
    with user_logged_in.connected_to(lambda sender, user: told.append(user.name), app):
        wrong = enter(client, "ann", password="no")
        assert (wrong.status_code, told) == (401, [])
        assert "Name or password is wrong." in wrong.text
        assert enter(client, "ann").headers["Location"] == "/books/"
    assert told == ["ann"]
    assert '<b id="who">ann</b>' in client.get("/books/").text
    left = {"csrf_token": token(client, "/books/")}
    assert "You have left." in client.post("/auth/logout", data=left, follow_redirects=True).text
    assert '<b id="who">' not in client.get("/books/").text


def test_staying(app, client):
    enter(client, "bob", remember="y")
    assert client.get_cookie("remember_token") is not None
    client.delete_cookie("session")
    assert '<b id="who">bob</b>' in client.get("/books/").text
    cookie = client.get_cookie("session")
    assert cookie.http_only


def test_a_page_for_members_only(client):
    asked = client.get("/admin/")
    assert asked.headers["Location"] == "/auth/login?next=%2Fadmin%2F"
    page = client.get(asked.headers["Location"])
    assert '<p class="flash warning">Please log in to access this page.</p>' in page.text
    back = enter(client, "ann", query="?next=%2Fadmin%2F")
    assert back.headers["Location"] == "/admin/"
    assert "The desk" in client.get("/admin/").text
    away = enter(client, "ann", query="?next=http://else.where/")
    assert (away.status_code, "That leads elsewhere." in away.text) == (400, True)


def test_what_only_librarians_see(app, client):
    enter(client, "bob")
    for path in ("/admin/", "/admin/shelf/add", "/admin/members/", "/admin/members/bob/"):
        refused = client.get(path)
        assert refused.status_code == 403, path
        assert refused.text == "You are no librarian, bob (admin)."
    assert client.get("/admin/static/desk.css").status_code == 403
    ann = app.test_client()
    enter(ann, "ann")
    assert 'href="/admin/static/desk.css"' in ann.get("/admin/").text
    assert ann.get("/admin/static/desk.css").text == "h1 { color: red }\n"
    assert "5 pages, no greeting, admin" in ann.get("/admin/").text


def test_blueprints_inside_blueprints(app, client):
    enter(client, "ann")
    everybody = client.get("/admin/members/")
    assert everybody.json == {"names": ["ann", "bob"], "own": "/admin/members/ann/"}
    assert "Cache-Control" not in everybody.headers
    one = client.get("/admin/members/bob/")
    assert one.json == {"name": "bob", "loans": []}
    assert one.headers["Cache-Control"] == "no-store"
    assert one.headers["X-Lending"] == "admin.members.member.show"
    assert client.get("/admin/members/nobody/").status_code == 404
    assert app.extensions["lending"][-2][0] == "in a member"
    with app.test_request_context():
        assert url_for("admin.members.member.show", name="a b") == "/admin/members/a%20b/"


def test_the_shelf_of_a_librarian(app, client):
    enter(client, "ann")
    page = "/admin/shelf/add"
    fields = {"title": "New", "csrf_token": token(client, page)}
    bad = client.post(page, data={**fields, "cover": (io.BytesIO(PNG), "a.exe")})
    assert "Only PNG." in bad.text
    large = client.post(page, data={**fields, "cover": (io.BytesIO(PNG * 200), "a.png")})
    assert "between 0 and 16384 bytes" in html.unescape(large.text)
    huge = client.post(page, data={**fields, "cover": (io.BytesIO(PNG * 900), "a.png")})
    assert (huge.status_code, "413 Request Entity Too Large" in huge.text) == (413, True)
    done = client.post(page, data={**fields, "cover": (io.BytesIO(PNG), "ä.png")})
    number = numbers(app)["New"]
    assert done.headers["Location"] == f"/books/{number}"
    shown = client.get(f"/books/{number}/cover.png")
    assert (shown.data, shown.mimetype) == (PNG, "image/png")
    assert shown.cache_control.max_age == 60
    assert client.get("/books/1/cover.png").status_code == 404
    removed = client.post(f"{page[:-4]}/{number}/remove", data=fields)
    assert removed.headers["Location"] == "/books/"
    assert "New" not in numbers(app)
    again = client.post(f"{page[:-4]}/{number}/remove", data=fields)
    assert (again.status_code, again.text) == (404, "404: not on the shelf")


def test_pages_of_books(client):
    first = client.get("/books/").text
    assert re.findall(r'/books/\d+">(\w+)<', first) == ["Dune", "Emma", "Ivanhoe"]
    more = html.unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    assert more == "/books/?page=2"
    second = client.get(more).text
    assert re.findall(r'/books/\d+">(\w+)<', second) == ["Ulysses"]
    assert 'rel="next"' not in second
    assert client.get("/books/?page=9").status_code == 404
    assert "Emma" in client.get("/books/?word=mm").text
    assert "Nothing with “&lt;b&gt;”." in client.get("/books/?word=<b>").text
    assert client.get("/books").headers["Location"].endswith("/books/")


def test_lending(app, client):
    book = numbers(app)["Emma"]
    asked = client.post(f"/books/{book}/lend", data={"csrf_token": token(client)})
    assert asked.headers["Location"].startswith("/auth/login?next=")
    enter(client, "bob")
    told = []

    def note(sender, book, user):
        told.append((sender is app, book.title, user.name))

    fields = {"csrf_token": token(client, f"/books/{book}")}
    with books.lent.connected_to(note):
        done = client.post(f"/books/{book}/lend", data=fields, follow_redirects=True)
    assert told == [(True, "Emma", "bob")]
    assert "“Emma” is yours." in done.text
    assert "bob has it until 20" in done.text
    again = client.post(f"/books/{book}/lend", data=fields)
    assert (again.status_code, "Somebody has it already." in again.text) == (409, True)
    ann = app.test_client()
    enter(ann, "ann")
    theirs = {"csrf_token": token(ann, "/books/")}
    assert ann.post(f"/books/{book}/return", data=theirs).status_code == 403
    assert ann.get("/admin/members/bob/").json["loans"] == ["Emma"]
    back = client.post(f"/books/{book}/return", data=fields, follow_redirects=True)
    assert "Thank you." in back.text
    with app.app_context():
        assert [loan.ended is None for loan in db.session.scalars(db.select(Loan))] == [False]


def test_a_book_that_is_not_there(client):
    for path in ("/books/99", "/books/99/cover.png"):
        page = client.get(path)
        assert page.status_code == 404
        assert "No such book." in page.text
    assert client.get("/books/x").status_code == 404
    assert client.post("/books/all.csv").status_code == 405


def test_a_stream_reads_the_database(client, app):
    got = client.get("/books/all.csv")
    assert got.mimetype == "text/csv"
    lines = got.text.split("\r\n")
    assert lines[0] == "id,title,lent"
    assert lines[1:-1] == [
        f"{n},{title},0" for title, n in sorted(numbers(app).items(), key=lambda i: i[1])
    ]


def test_programs(app, client):
    listed = client.get("/api/v1/books").json
    assert [(book["title"], book["lent"]) for book in listed][0] == ("Emma", False)
    assert listed[0]["url"] == f"http://localhost/api/v1/books/{listed[0]['id']}"
    refused = client.post("/api/v1/books", json={"title": "X"})
    assert (refused.status_code, refused.json["error"]) == (401, "Say who you are.")
    assert refused.headers["WWW-Authenticate"].lower().startswith("basic")
    made = client.post("/api/v1/books", json={"title": "X"}, headers=basic("bob"))
    assert made.status_code == 201
    where = made.headers["Location"]
    assert client.get(where, headers=basic("bob")).json["title"] == "X"
    forbidden = client.delete(where, headers=basic("bob"))
    assert forbidden.json == {"code": 403, "error": "Only librarians."}
    gone = client.delete(where, headers=basic("ann"))
    assert (gone.status_code, gone.data) == (204, b"")
    assert client.get(where, headers=basic("ann")).json["code"] == 404


def test_what_programs_do_wrong(client):
    send = {"headers": basic("bob")}
    for body in (b"{", b""):
        got = client.post("/api/v1/books", data=body, content_type="application/json", **send)
        assert (got.status_code, got.json["code"]) == (400, 400)
    assert client.post("/api/v1/books", data="x", **send).json["code"] == 415
    bad = client.post("/api/v1/books", json={"title": 1}, **send)
    assert (bad.status_code, bad.json) == (422, {"error": "a title is a text"})
    wrong = client.put("/api/v1/books", **send)
    assert wrong.status_code == 405
    assert set(wrong.allow) == {"GET", "HEAD", "OPTIONS", "POST"}
    # Nothing of the blueprint matched: the application's page.
    assert "<h1>404 Not Found</h1>" in client.get("/api/v1/none").text


def test_a_coroutine_function_knows_the_member(client):
    assert client.get("/api/v1/later").json == {"who": None}
    assert client.get("/api/v1/later", headers=basic("bob")).json == {"who": "bob"}


def test_methods_that_nobody_wrote(client):
    assert client.head("/books/").data == b""
    assert set(client.options("/books/1").allow) == {"GET", "HEAD", "OPTIONS"}


def test_errors(app, client):
    assert client.get("/fail/zero").text == "nothing divides /fail/zero"
    with pytest.raises(KeyError):
        client.get("/fail/key")
    app.testing = False
    page = client.get("/fail/os")
    assert page.status_code == 500
    assert "<h1>500 Internal Server Error</h1>" in page.text
    assert "Because of OSError." in page.text
    assert page.headers["X-Lending"] == "fail"
    assert client.get("/none").headers["X-Lending"] == "nowhere"


def test_files(client):
    got = client.get("/static/style.css")
    assert got.text == "body { margin: 0 }\n"
    again = client.get("/static/style.css", headers={"If-None-Match": got.headers["ETag"]})
    assert again.status_code == 304
    assert client.get("/static/../models.py").status_code == 404


def test_a_database_error_does_not_last(app, client):
    with app.test_request_context():
        db.session.add(User(name="ann", password="x"))
        with pytest.raises(Exception, match="UNIQUE"):
            db.session.commit()
    assert client.get("/books/").status_code == 200


def test_a_session_of_the_database_ends_with_the_request(app, client):
    seen = []

    @app.get("/look")
    def look():
        seen.append((db.session(), db.session.scalar(db.select(User)).name))
        return ""

    client.get("/look")
    client.get("/look")
    assert seen[0][0] is not seen[1][0]
    assert [name for _, name in seen] == ["ann", "ann"]


def test_the_test_client_of_the_extension(app):
    app.test_client_class = FlaskLoginClient
    with app.app_context():
        ann = db.session.scalar(db.select(User).filter_by(name="ann"))
        with app.test_client(user=ann) as client:
            assert client.get("/admin/members/").json["own"].endswith("/ann/")
            assert session["_user_id"] == str(ann.id)


def test_a_session_before_a_request(app):
    with app.test_client() as client:
        with client.session_transaction() as kept:
            kept["pages"] = 41
        assert "*** 42" in client.get("/").text
        assert session["pages"] == 42


def test_settings(app, tmp_path, monkeypatch):
    (tmp_path / "settings.py").write_text("LENDING_DAYS = 3\nOWN = 'file'\n")
    monkeypatch.setenv("LENDING_INSTANCE", str(tmp_path))
    monkeypatch.setenv("LENDING_OWN", '["environment"]')
    other = create_app()
    assert (other.config["LENDING_DAYS"], other.config["OWN"]) == (3, ["environment"])
    assert other.config["SECRET_KEY"] == "only for tests"
    assert other.extensions.keys() >= {"sqlalchemy", "migrate", "csrf"}
    assert other.login_manager is app.login_manager
    with other.app_context():
        assert other.make_shell_context().keys() >= {"db", "User", "g", "app"}
