"""Testing an application: client, command runner, environ builder.

Has the names of ``flask.testing`` (Flask 3.1). What runs commands is loaded
when it is asked for: most tests need no click.
"""

from __future__ import annotations

import typing as t

from .client import ErlenClient, _get_werkzeug_version
from .environ import EnvironBuilder

if t.TYPE_CHECKING:
    from click.testing import CliRunner, Result

    from ..cli import ScriptInfo
    from .asyncclient import AsyncErlenClient
    from .database import rolled_back
    from .live import LiveServer
    from .runner import ErlenCliRunner
    from .runner import ErlenCliRunner as FlaskCliRunner
    from .served import ServedApp
    from .websocket import WebsocketClosed, WebsocketRejected

FlaskClient = ErlenClient

_LATE = {
    "AsyncErlenClient": ("erlen.testing.asyncclient", "AsyncErlenClient"),
    "LiveServer": ("erlen.testing.live", "LiveServer"),
    "ServedApp": ("erlen.testing.served", "ServedApp"),
    "CliRunner": ("click.testing", "CliRunner"),
    "ErlenCliRunner": ("erlen.testing.runner", "ErlenCliRunner"),
    "FlaskCliRunner": ("erlen.testing.runner", "ErlenCliRunner"),
    "Result": ("click.testing", "Result"),
    "ScriptInfo": ("erlen.cli", "ScriptInfo"),
    "WebsocketClosed": ("erlen.testing.websocket", "WebsocketClosed"),
    "WebsocketRejected": ("erlen.testing.websocket", "WebsocketRejected"),
    "rolled_back": ("erlen.testing.database", "rolled_back"),
}


def __getattr__(name: str) -> t.Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    from importlib import import_module

    module, attribute = _LATE[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


__all__ = [
    "AsyncErlenClient",
    "CliRunner",
    "EnvironBuilder",
    "ErlenCliRunner",
    "ErlenClient",
    "FlaskCliRunner",
    "FlaskClient",
    "LiveServer",
    "Result",
    "ScriptInfo",
    "ServedApp",
    "WebsocketClosed",
    "WebsocketRejected",
    "_get_werkzeug_version",
    "rolled_back",
]
