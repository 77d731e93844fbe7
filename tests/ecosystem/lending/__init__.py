"""A library that lends books, written for Flask and its usual extensions.

`create_app` is the factory; the pages are blueprints, some inside others.
"""

import os
from datetime import timedelta

from flask import Flask, g, render_template, request, session

from . import admin, api, auth, books, commands, errors
from .extensions import csrf, db, login_manager, migrate
from .models import User


class Settings:
    """What holds everywhere; a file and the environment come after it."""

    SECRET_KEY = "only for tests"
    SQLALCHEMY_DATABASE_URI = "sqlite:///lending.db"
    PERMANENT_SESSION_LIFETIME = timedelta(days=7)
    MAX_CONTENT_LENGTH = 64 * 1024
    WTF_CSRF_CHECK_DEFAULT = False
    LENDING_DAYS = 14


def create_app(settings=None):
    """Make the application.

    Args:
        settings: Outranks the class, the file ``settings.py`` in the instance folder and the
            environment variables ``LENDING_…``.
    """
    app = Flask(
        __name__,
        instance_path=os.environ.get("LENDING_INSTANCE"),
        instance_relative_config=True,
    )
    app.config.from_object(Settings)
    app.config.from_pyfile("settings.py", silent=True)
    app.config.from_prefixed_env("LENDING")
    app.config.from_mapping(settings or {})
    db.init_app(app)
    migrate.init_app(app, db)
    login_manager.init_app(app)
    csrf.init_app(app)
    for blueprint in (auth.bp, books.bp, admin.bp, api.bp):
        app.register_blueprint(blueprint)
    commands.add_to(app)
    errors.add_to(app)
    add_hooks(app)
    app.add_url_rule("/", "index", index)
    return app


def index():
    return render_template("index.html")


def add_hooks(app):
    @app.before_request
    def count():
        session.setdefault("pages", 0)
        if request.endpoint != "static":
            session["pages"] += 1

    @app.before_request
    def check_token():
        # Programs have no form to take it from; where nothing matched, nothing happens.
        if request.endpoint and "api" not in request.blueprints:
            csrf.protect()

    @app.after_request
    def mark(response):
        response.headers["X-Lending"] = request.endpoint or "nowhere"
        return response

    @app.teardown_request
    def leave(error):
        app.extensions.setdefault("lending", []).append((g.get("greeting"), type(error)))

    @app.context_processor
    def words():
        return {"library": "Erl Library", "pages": session.get("pages")}

    @app.template_filter("shout")
    def shout(text):
        return str(text).upper()

    @app.template_test("long")
    def long(text):
        return len(text) > 10

    @app.template_global()
    def stars(number):
        return "*" * number

    @app.shell_context_processor
    def names():
        return {"db": db, "User": User}
