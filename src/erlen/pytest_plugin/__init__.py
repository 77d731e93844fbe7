"""The pytest plugin: fixtures for an application and its clients, servers and databases.

pytest loads it wherever Erlen is installed. It imports nothing of an application, and
no fixture does anything before a test asks for it. Where the project or another plugin
(pytest-flask, pytest-django) has a fixture of the same name, theirs is used.
"""

from __future__ import annotations

import types

import pytest

#: In the order in which the documentation has them.
NAMES = (
    *("app", "client", "async_client", "cli_runner", "runner", "live_server"),
    *("erlen_database", "db_session"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare where the application is."""
    group = parser.getgroup("erlen")
    group.addoption(
        "--erlen-app",
        metavar="IMPORT",
        help="the application of the fixture 'app': module, module:name or module:factory()",
    )
    parser.addini("erlen_app", "the application of the fixture 'app', as for --erlen-app")
    parser.addini(
        "erlen_as_flask",
        "let Erlen stand behind 'import flask' while the tests run",
        type="bool",
        default=False,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Take Flask's name before a conftest imports it, if the project says so."""
    if not early_config.getini("erlen_as_flask"):
        return
    from ..flask_alias import FlaskAlreadyImportedError, install_as_flask

    try:
        install_as_flask()
    except FlaskAlreadyImportedError as error:
        raise pytest.UsageError(
            "erlen_as_flask: Flask itself was imported before, perhaps by another plugin"
            f" (pytest-flask? then: -p no:flask). {error}"
        ) from None


def pytest_configure(config: pytest.Config) -> None:
    """Offer the fixtures that no other plugin has."""
    from . import fixtures

    taken = set()
    for plugin in config.pluginmanager.get_plugins():
        if not _is_conftest(plugin):
            taken |= {name for name in NAMES if _is_fixture(getattr(plugin, name, None))}
    offered = types.ModuleType("erlen.pytest_plugin.offered")
    for name in NAMES:
        if name not in taken:
            setattr(offered, name, getattr(fixtures, name))
    config.pluginmanager.register(offered, "erlen-fixtures")


def _is_conftest(plugin: object) -> bool:
    # What a conftest has outranks a plugin's by itself, in its own folder and only there.
    return str(getattr(plugin, "__file__", "")).endswith("conftest.py")


def _is_fixture(found: object) -> bool:
    # The name of pytest 8.4's class, and the mark that earlier versions leave.
    kind = type(found).__name__
    return kind == "FixtureFunctionDefinition" or hasattr(found, "_pytestfixturefunction")
