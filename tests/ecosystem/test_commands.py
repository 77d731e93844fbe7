"""Commands that extensions bring along: as plugins that are installed, and with an application."""

import json
import re
import sqlite3

import pytest
from served import command_line, run

APP = """\
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.models import fsqla_v3
from flask_session import Session
from flask_smorest import Api, Blueprint
from flask_sqlalchemy import SQLAlchemy

app = Flask("shop", instance_path=r"{folder}")
app.config.update(
    SECRET_KEY="k",
    SECURITY_PASSWORD_SALT="1",
    SECURITY_EMAIL_VALIDATOR_ARGS={{"check_deliverability": False}},
    SECURITY_PASSWORD_HASH="plaintext",
    SECURITY_PASSWORD_SINGLE_HASH=["plaintext"],
    SQLALCHEMY_DATABASE_URI="sqlite:///shop.db",
    API_TITLE="Shop",
    API_VERSION="1",
    OPENAPI_VERSION="3.0.2",
    RATELIMIT_STORAGE_URI="memory://",
    SESSION_TYPE="sqlalchemy",
)
db = SQLAlchemy(app)
app.config["SESSION_SQLALCHEMY"] = db
Session(app)
Limiter(get_remote_address, app=app, default_limits=["5/minute"])
fsqla_v3.FsModels.set_db_info(db)


class Role(db.Model, fsqla_v3.FsRoleMixin):
    pass


class User(db.Model, fsqla_v3.FsUserMixin):
    pass


class WebAuthn(db.Model, fsqla_v3.FsWebAuthnMixin):
    pass


security = Security(app, SQLAlchemyUserDatastore(db, User, Role))
things = Blueprint("things", "things", url_prefix="/things")


@things.get("/<int:number>")
def thing(number):
    return str(number)


Api(app).register_blueprint(things)
with app.app_context():
    db.create_all()
"""


@pytest.fixture(params=[True, False], ids=["own", "flask"])
def line(request, tmp_path):
    """Runs a command in a project that uses the extensions; gives what it printed."""
    (tmp_path / "app.py").write_text(APP.format(folder=tmp_path), encoding="utf-8")

    def line(*words, fails=False, text=None):
        done = run(command_line(*words, own=request.param), tmp_path, text, COLUMNS="120")
        assert (done.returncode != 0) == fails, f"{done.stdout}\n{done.stderr}"
        return done.stderr if fails else done.stdout

    return line


def test_all_of_them_are_listed(line):
    listed = line("--help")
    for name in ("limiter", "openapi", "roles", "users", "session_cleanup", "routes"):
        assert re.search(rf"^  {name}\b", listed, re.M), name


def test_flask_limiter(line):
    shown = line("limiter", "limits", "--path", "/things/1")
    assert "5 per 1 minute" in shown
    assert "memory" in line("limiter", "config").lower()


def test_flask_smorest(line, tmp_path):
    document = json.loads(line("openapi", "print"))
    assert "/things/{number}" in document["paths"]
    line("openapi", "write", "api.json")
    assert json.loads((tmp_path / "api.json").read_text()) == document


def rows(path, query):
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


def test_flask_security(line, tmp_path):
    there = tmp_path / "shop.db"
    line("roles", "create", "clerk", "--description", "sells")
    assert rows(there, "select name, description from role") == [("clerk", "sells")]
    line("users", "create", "ann@example.com", "--password", "long enough 1", "--active")
    line("roles", "add", "ann@example.com", "clerk")
    assert rows(there, "select count(*) from roles_users") == [(1,)]
    assert "No such" in line("roles", "nothing", fails=True)
    line("users", "deactivate", "ann@example.com")
    assert rows(there, "select active from user") == [(0,)]


def test_flask_session(line):
    line("session_cleanup")
