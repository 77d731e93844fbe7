"""Names that a module of Flask has only because it imports them from somewhere else.

``from flask.app import Rule`` or ``flask.wrappers.json`` work on Flask, so programs use them.
Erlen's modules import less or later; behind the alias, what they lack is found here.
This module is imported when a name is missing, and never otherwise.
"""

from __future__ import annotations

import typing as t
from functools import cache
from importlib import import_module

_TYPE_VARIABLES = (
    "T_after_request T_before_request T_error_handler T_teardown T_template_context_processor"
    " T_url_defaults T_url_value_preprocessor"
)
_OF_TEMPLATES = "T_template_filter T_template_global T_template_test"

# Names of Flask that a module imports from another one: where, and from which of Erlen's.
_BORROWED = {
    "app": {
        **{"appbase": "App", "templating": "Environment", "ctx": "AppContext RequestContext"},
        "globals": "_cv_app _cv_request current_app g request request_ctx session",
        "helpers": "get_debug_flag send_from_directory",
        "sessions": "SecureCookieSessionInterface SessionInterface",
        "signals": "appcontext_tearing_down got_request_exception request_finished"
        " request_started request_tearing_down",
    },
    "blueprints": {"cli": "AppGroup", "globals": "current_app", "helpers": "send_from_directory"},
    "ctx": {"signals": "appcontext_popped appcontext_pushed"},
    "debughelpers": {"globals": "request_ctx", "blueprints": "Blueprint"},
    "helpers": {"globals": "request request_ctx session current_app"},
    "json": {"globals": "current_app"},
    "logging": {"globals": "request"},
    "templating": {"globals": "current_app request", "helpers": "stream_with_context"},
    "testing": {"sessions": "SessionMixin"},
    "wrappers": {"globals": "current_app"},
}

# What each module of Flask has from other libraries, besides what the module of Erlen has.
_HAS = {
    "": "annotations t",
    "app": f"cabc sys weakref timedelta iscoroutinefunction chain TracebackType _url_quote click"
    " Headers ImmutableDict BadRequestKeyError HTTPException InternalServerError BuildError Map"
    " RequestRedirect RoutingException Rule is_running_from_reloader BaseResponse get_host cli ft"
    " _make_timedelta T_shell_context_processor T_teardown"
    f" {_OF_TEMPLATES}",
    "blueprints": "timedelta",
    "cli": "ast cabc importlib inspect os platform re sys traceback update_wrapper itemgetter"
    " ModuleType F",
    "config": "stdlib_json types import_string",
    "ctx": "update_wrapper TracebackType ft _cv_app _cv_request F",
    "debughelpers": "BaseLoader",
    "globals": "ContextVar _no_app_msg _no_req_msg",
    "helpers": "importlib sys datetime cache update_wrapper werkzeug _wz_abort _wz_redirect"
    " BaseResponse _cv_app _cv_request _prepare_send_file_kwargs _split_blueprint_path",
    "json.provider": "dataclasses decimal uuid http_date",
    "json.tag": "UUID",
    "sessions": "c MutableMapping datetime timezone CallbackDict",
    "templating": "Template _cv_app _cv_request",
    "testing": "importlib contextmanager ExitStack copy TracebackType urlsplit werkzeug Client"
    " BaseRequest _werkzeug_version",
    "views": "ft F",
    "wrappers": "t BadRequest HTTPException RequestBase ResponseBase json _split_blueprint_path",
    "sansio.app": "chain BadRequest BadRequestKeyError BuildError cached_property _wz_redirect ft"
    f" _split_blueprint_path T_shell_context_processor T_teardown {_OF_TEMPLATES}",
    "sansio.blueprints": f"defaultdict ft {_TYPE_VARIABLES} {_OF_TEMPLATES}",
    "sansio.scaffold": "importlib pathlib sys defaultdict FileSystemLoader default_exceptions"
    f" HTTPException cached_property ft {_TYPE_VARIABLES} T_route",
}

# Where the others come from that are called otherwise there, or have no module by that name.
_FROM = {
    "t": "typing:",
    "c": "collections.abc:",
    "cabc": "collections.abc:",
    "ft": "erlen.typing:",
    "cli": "erlen.cli:",
    "json": "erlen.json:",
    "stdlib_json": "json:",
    "annotations": "__future__:annotations",
    "timedelta": "datetime:timedelta",
    "datetime": "datetime:datetime",
    "timezone": "datetime:timezone",
    "iscoroutinefunction": "inspect:iscoroutinefunction",
    "chain": "itertools:chain",
    "TracebackType": "types:TracebackType",
    "ModuleType": "types:ModuleType",
    "_url_quote": "urllib.parse:quote",
    "urlsplit": "urllib.parse:urlsplit",
    "update_wrapper": "functools:update_wrapper",
    "cache": "functools:cache",
    "itemgetter": "operator:itemgetter",
    "defaultdict": "collections:defaultdict",
    "MutableMapping": "collections.abc:MutableMapping",
    "ContextVar": "contextvars:ContextVar",
    "contextmanager": "contextlib:contextmanager",
    "ExitStack": "contextlib:ExitStack",
    "copy": "copy:copy",
    "UUID": "uuid:UUID",
    "BaseLoader": "jinja2:BaseLoader",
    "FileSystemLoader": "jinja2:FileSystemLoader",
    "Template": "jinja2:Template",
    "Headers": "werkzeug.datastructures:Headers",
    "ImmutableDict": "werkzeug.datastructures:ImmutableDict",
    "CallbackDict": "werkzeug.datastructures:CallbackDict",
    "BadRequest": "werkzeug.exceptions:BadRequest",
    "BadRequestKeyError": "werkzeug.exceptions:BadRequestKeyError",
    "HTTPException": "werkzeug.exceptions:HTTPException",
    "InternalServerError": "werkzeug.exceptions:InternalServerError",
    "default_exceptions": "werkzeug.exceptions:default_exceptions",
    "_wz_abort": "werkzeug.exceptions:abort",
    "http_date": "werkzeug.http:http_date",
    "BuildError": "werkzeug.routing:BuildError",
    "Map": "werkzeug.routing:Map",
    "RequestRedirect": "werkzeug.routing:RequestRedirect",
    "RoutingException": "werkzeug.routing:RoutingException",
    "Rule": "werkzeug.routing:Rule",
    "is_running_from_reloader": "werkzeug.serving:is_running_from_reloader",
    "Client": "werkzeug.test:Client",
    "cached_property": "werkzeug.utils:cached_property",
    "import_string": "werkzeug.utils:import_string",
    "_wz_redirect": "werkzeug.utils:redirect",
    "BaseRequest": "werkzeug.wrappers:Request",
    "BaseResponse": "werkzeug.wrappers:Response",
    "RequestBase": "werkzeug.wrappers:Request",
    "ResponseBase": "werkzeug.wrappers:Response",
    "get_host": "werkzeug.wsgi:get_host",
    "_cv_app": "erlen.globals:_cv_app",
    "_cv_request": "erlen.globals:_cv_request",
    "_make_timedelta": "erlen.appbase:_make_timedelta",
    "_prepare_send_file_kwargs": "erlen.helpers:_file_options",
}


@cache
def look_up(module: str, name: str) -> object:
    """Find a name that a module of Flask imports from somewhere else.

    Args:
        module: Name of the module below ``flask``, like ``"app"`` or ``"sansio.app"``.
        name: The name that is missing there.

    Returns:
        What the name stands for in Flask 3.1.

    Raises:
        AttributeError: Flask's module has no such name, either.
    """
    for source, names in _BORROWED.get(module, {}).items():
        if name in names.split():
            return getattr(import_module(f"erlen.{source}"), name)
    wanted = "stdlib_json" if (module, name) == ("config", "json") else name
    if wanted not in _HAS.get(module, "").split():
        place = f"flask.{module}".rstrip(".")
        raise AttributeError(f"module {place!r} has no attribute {name!r}")
    if wanted in _OWN:
        return _OWN[wanted]()
    if wanted == "F" or wanted.startswith("T_"):
        return t.TypeVar(wanted, bound=t.Callable[..., t.Any])
    source, _, attribute = _FROM.get(wanted, f"{wanted}:").partition(":")
    found = import_module(source)
    return getattr(found, attribute) if attribute else found


def _split_blueprint_path(name: str) -> list[str]:
    """The name of a blueprint and of those around it, innermost first."""
    names = [name]
    while "." in name:
        name = name.rpartition(".")[0]
        names.append(name)
    return names


def _version_of_werkzeug() -> str:
    from .testing import _get_werkzeug_version

    return _get_werkzeug_version()


_OWN: dict[str, t.Callable[[], object]] = {
    "_split_blueprint_path": lambda: _split_blueprint_path,
    "_werkzeug_version": _version_of_werkzeug,
    "_no_app_msg": lambda: "Working outside of application context.",
    "_no_req_msg": lambda: "Working outside of request context.",
}
