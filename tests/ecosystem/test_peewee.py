"""playhouse.flask_utils: FlaskDB, pages of objects, 404 for what is not there."""

import peewee
import pytest
from flask import Flask, render_template_string
from jinja2 import DictLoader
from playhouse.flask_utils import FlaskDB, PaginatedQuery, get_object_or_404, object_list


@pytest.fixture(params=["url", "dict", "object", "deferred"])
def database(request, tmp_path):
    app = Flask(__name__)
    app.testing = True
    path = str(tmp_path / "p.db")
    if request.param == "url":
        app.config["DATABASE"] = f"sqlite:///{path}"
        db = FlaskDB(app)
    elif request.param == "dict":
        app.config["DATABASE"] = {"name": path, "engine": "peewee.SqliteDatabase"}
        db = FlaskDB(app)
    elif request.param == "object":
        db = FlaskDB(app, peewee.SqliteDatabase(path))
    else:
        app.config["DATABASE_URL"] = f"sqlite:///{path}"
        db = FlaskDB()
    return app, db


@pytest.fixture
def application(database):
    app, db = database

    class Note(db.Model):
        text = peewee.CharField()

    if db._app is None:
        db.init_app(app)
    with db.database:
        db.database.create_tables([Note])
        for number in range(25):
            Note.create(text=f"note {number}")
    app.jinja_loader = DictLoader(
        {
            "list.html": "{{ page }}/{{ pagination.get_page_count() }}:"
            "{% for note in notes %}{{ note.text }};{% endfor %}"
            "{{ pagination.get_page_range(page, pagination.get_page_count()) }}{{ title }}"
        }
    )

    @app.get("/notes")
    def notes():
        query = Note.select().order_by(Note.id)
        return object_list("list.html", query, "notes", paginate_by=10, title="T")

    @app.get("/note/<int:number>")
    def note(number):
        return get_object_or_404(Note, Note.id == number).text

    @app.get("/first")
    def first():
        found = get_object_or_404(Note.select().order_by(Note.id), Note.text.contains("note"))
        return render_template_string("{{ note.text }}", note=found)

    @app.get("/open")
    def opened():
        return str(db.database.is_closed())

    @app.get("/fail")
    def fail():
        raise RuntimeError("boom")

    return app, db, Note


def test_connection_follows_the_request(application):
    app, db, _ = application
    assert db.database.is_closed()
    assert app.test_client().get("/open").text == "False"
    assert db.database.is_closed()


def test_connection_closed_after_an_error(application):
    app, db, _ = application
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert app.test_client().get("/fail").status_code == 500
    assert db.database.is_closed()


def test_pages(application):
    client = application[0].test_client()
    assert client.get("/notes").text.startswith("1/3:note 0;note 1;")
    third = client.get("/notes?page=3").text
    assert third.startswith("3/3:note 20;") and third.endswith("[1, 2, 3]T")
    assert client.get("/notes?page=4").status_code == 404
    assert client.get("/notes?page=x").text.startswith("1/3")


def test_object_or_404(application):
    client = application[0].test_client()
    assert client.get("/note/1").text == "note 0"
    assert client.get("/note/99").status_code == 404
    assert client.get("/first").text == "note 0"


def test_paginated_query_with_page(application):
    app, db, note = application
    with app.test_request_context("/?p=2"), db.database:
        pages = PaginatedQuery(note, 10, page_var="p")
        assert pages.get_page() == 2
        assert len(list(pages.get_object_list())) == 10
        assert PaginatedQuery(note, 10, page=3).get_page() == 3


def test_excluded_routes(application):
    app, db, _ = application
    db._excluded_routes = ("opened",)
    assert app.test_client().get("/open").text == "True"


def test_request_context_opens_by_preprocess(application):
    app, db, _ = application
    with app.test_request_context("/"):
        assert db.database.is_closed()
        app.preprocess_request()
        assert not db.database.is_closed()
    assert db.database.is_closed()


def test_missing_configuration():
    with pytest.raises(ValueError, match="DATABASE"):
        FlaskDB(Flask(__name__))
