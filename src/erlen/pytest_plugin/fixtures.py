"""The fixtures; what they need is imported when a test asks for one."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

import pytest

if t.TYPE_CHECKING:
    from ..app import Erlen
    from ..testing import AsyncErlenClient, ErlenClient, ErlenCliRunner
    from ..testing.live import LiveServer


@pytest.fixture
def app(request: pytest.FixtureRequest) -> Iterator[Erlen]:
    """The application under test, found by ``erlen_app``; ``TESTING`` is on meanwhile."""
    from .finding import find_app

    found = find_app(request.config)
    before = found.config.get("TESTING")
    found.config["TESTING"] = True
    yield found
    found.config["TESTING"] = before


@pytest.fixture
def client(app: Erlen) -> ErlenClient:
    """A test client of ``app``."""
    return app.test_client()


@pytest.fixture
def async_client(app: Erlen) -> AsyncErlenClient:
    """A test client of ``app`` for coroutines."""
    return app.async_client()


@pytest.fixture
def cli_runner(app: Erlen) -> ErlenCliRunner:
    """A runner of the commands of ``app``."""
    return app.test_cli_runner()


@pytest.fixture
def runner(app: Erlen) -> ErlenCliRunner:
    """As ``cli_runner``, by the name that Flask's documentation has for it."""
    return app.test_cli_runner()


@pytest.fixture
def live_server(app: Erlen) -> Iterator[LiveServer]:
    """``app`` on a real server, in a thread, on a free port: see ``live_server.url``."""
    from ..testing.live import LiveServer

    with LiveServer(app) as server:
        yield server


@pytest.fixture
def erlen_database(app: Erlen) -> t.Any:
    """What ``db_session`` gets sessions from; override it to return your ``sessionmaker``.

    By default, the Flask-SQLAlchemy of ``app``.
    """
    found = app.extensions.get("sqlalchemy")
    if found is None:
        pytest.fail(
            "The fixture 'db_session' does not know your sessions: the application has no"
            " Flask-SQLAlchemy. Define a fixture 'erlen_database' in conftest.py that returns"
            " your sessionmaker or scoped_session.",
            pytrace=False,
        )
    return found


@pytest.fixture
def db_session(request: pytest.FixtureRequest, erlen_database: t.Any) -> Iterator[t.Any]:
    """A session on a database that is rolled back behind the test, commits included."""
    from ..testing.database import is_extension, rolled_back

    of_app = is_extension(erlen_database)
    app: Erlen | None = request.getfixturevalue("app") if of_app else None
    with rolled_back(erlen_database, app=app) as session:
        yield session
