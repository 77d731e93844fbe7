"""From what the project's settings say to an application object."""

from __future__ import annotations

import os
import re
import typing as t

import pytest

if t.TYPE_CHECKING:
    from ..app import Erlen

_HELP = (
    'Say where it is, in pytest\'s settings (erlen_app = "package:create_app()"), by --erlen-app'
    " or in the environment (ERLEN_APP or FLASK_APP), or define a fixture 'app' in conftest.py."
)
_PLACES = ("wsgi.py", "app.py")

#: Names that modules can be imported by, of the paths that settings say.
_MODULES = pytest.StashKey[dict[str, str]]()


def find_app(config: pytest.Config) -> Erlen:
    """Find the application that the project's settings mean; fail the test if there is none.

    A factory is called each time, so that a test has an application of its own.

    Args:
        config: pytest's configuration.
    """
    from ..cli.discover import NoAppException

    place, origin = _said(config)
    try:
        return _load(config, place)
    except NoAppException as error:
        reason = f"{origin}: {error.format_message()}"
        pytest.fail(
            f"The fixture 'app' found no application. {reason}\n{_HELP}\n"
            f"(Paths and modules are looked for in {config.rootpath}.)",
            pytrace=False,
        )


def _said(config: pytest.Config) -> tuple[str | None, str]:
    option = config.getoption("--erlen-app")
    if option:
        return option, f"--erlen-app {option}"
    setting = config.getini("erlen_app")
    if setting:
        return setting, f"erlen_app = {setting!r}"
    for name in ("ERLEN_APP", "FLASK_APP"):
        if os.environ.get(name):
            return os.environ[name], f"{name}={os.environ[name]}"
    return None, f"Nothing says where it is, and there is no {' or '.join(_PLACES)}"


def _load(config: pytest.Config, place: str | None) -> Erlen:
    from ..cli.discover import NoAppException, locate_app

    if place is None:
        for name in _PLACES:
            if (config.rootpath / name).exists():
                return locate_app(_module(config, name), None)
        raise NoAppException("")
    # The colon of a Windows drive ("C:\\app.py") does not end the path.
    path, _, name = re.sub(r":(?![\\/])", "\0", place, count=1).partition("\0")
    return locate_app(_module(config, path), name or None)


def _module(config: pytest.Config, path: str) -> str:
    """The name that a module has; its folder is put on ``sys.path`` once."""
    from ..cli.discover import prepare_import

    known = config.stash.setdefault(_MODULES, {})
    if path not in known:
        known[path] = prepare_import(str(config.rootpath / path))
    return known[path]
