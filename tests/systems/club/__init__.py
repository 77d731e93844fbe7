"""A book club: forms by Flask-WTF, an interface by Flask-RESTful, members by Flask-Login."""
# ruff: noqa: E402 - what imports Flask comes after the alias

from __future__ import annotations

import erlen

erlen.install_as_flask()

from flask_wtf.csrf import CSRFProtect

from club.books import api
from club.members import login_manager, members
from erlen import Erlen


def create_app() -> Erlen:
    """The application; its secret key and more come from `CLUB_...` in the environment."""
    app = Erlen(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    app.config.from_prefixed_env("CLUB")
    CSRFProtect(app)
    login_manager.init_app(app)
    app.register_blueprint(members)
    app.register_blueprint(api, url_prefix="/api")
    return app
