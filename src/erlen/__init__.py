"""Erlen: Flask's interface on a request path that is planned at set-up time."""

from __future__ import annotations

import sys
import typing as t

from .lighter import Uncollected, put_off_werkzeug

put_off_werkzeug()

with Uncollected():
    from . import json as json
    from .app import Erlen as Erlen
    from .blueprints import Blueprint as Blueprint
    from .config import Config as Config
    from .ctx import after_this_request as after_this_request
    from .ctx import copy_current_request_context as copy_current_request_context
    from .ctx import has_app_context as has_app_context
    from .ctx import has_request_context as has_request_context
    from .current import after_this_websocket as after_this_websocket
    from .current import copy_current_websocket_context as copy_current_websocket_context
    from .current import has_websocket_context as has_websocket_context
    from .globals import blocking_websocket as blocking_websocket
    from .globals import current_app as current_app
    from .globals import g as g
    from .globals import request as request
    from .globals import session as session
    from .globals import websocket as websocket
    from .helpers import abort as abort
    from .helpers import flash as flash
    from .helpers import get_flashed_messages as get_flashed_messages
    from .helpers import get_template_attribute as get_template_attribute
    from .helpers import make_response as make_response
    from .helpers import redirect as redirect
    from .helpers import send_file as send_file
    from .helpers import send_from_directory as send_from_directory
    from .helpers import stream_with_context as stream_with_context
    from .helpers import url_for as url_for
    from .http.request import Request as Request
    from .http.response import Response as Response
    from .json import jsonify as jsonify
    from .marks import inline as inline
    from .marks import stream_body as stream_body
    from .signals import appcontext_popped as appcontext_popped
    from .signals import appcontext_pushed as appcontext_pushed
    from .signals import appcontext_tearing_down as appcontext_tearing_down
    from .signals import before_render_template as before_render_template
    from .signals import got_request_exception as got_request_exception
    from .signals import message_flashed as message_flashed
    from .signals import request_finished as request_finished
    from .signals import request_started as request_started
    from .signals import request_tearing_down as request_tearing_down
    from .signals import template_rendered as template_rendered

if t.TYPE_CHECKING:
    from .http.websocket import Websocket as Websocket
    from .http.websocket import WebsocketDisconnect as WebsocketDisconnect
    from .templating import render_template as render_template
    from .templating import render_template_string as render_template_string
    from .templating import stream_template as stream_template
    from .templating import stream_template_string as stream_template_string

__version__ = "0.1.0"

#: The application's class under the name that Flask's users know.
Flask = Erlen


def install_as_flask(*, children: bool = False) -> None:
    """Stand Erlen behind ``import flask``; see :mod:`erlen.flask_alias`.

    Args:
        children: Also in Python processes that this one starts from now on.

    Raises:
        FlaskAlreadyImportedError: Real Flask has been imported before.
    """
    from .flask_alias import install_as_flask as install

    install(children=children)


_LATE = {
    "render_template": "templating",
    "render_template_string": "templating",
    "stream_template": "templating",
    "stream_template_string": "templating",
    "Websocket": "http.websocket",
    "WebsocketDisconnect": "http.websocket",
}
_SUBMODULES = {"cli", "logging", "templating", "testing", "typing", "views", "wrappers"}


def __getattr__(name: str) -> t.Any:
    # What an application may do without: Jinja, websockets, and submodules that
    # Flask has as attributes.
    import importlib

    if name in _LATE:
        value = getattr(importlib.import_module(f".{_LATE[name]}", __name__), name)
        vars(sys.modules[__name__])[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
