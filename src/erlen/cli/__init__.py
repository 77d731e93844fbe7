"""The command line: ``erlen run``, ``shell``, ``routes``, and the user's commands.

Has the names of ``flask.cli`` (Flask 3.1). Importing it costs click and little
else: Werkzeug's server and what a single command needs come when it runs.
"""

from __future__ import annotations

import typing as t

import click
from click.core import ParameterSource

from ..globals import current_app
from ..helpers import get_debug_flag, get_load_dotenv
from .discover import (
    NoAppException,
    _called_with_wrong_args,
    find_app_by_string,
    find_best_app,
    locate_app,
    prepare_import,
)
from .envfiles import load_dotenv
from .group import AppGroup, ErlenGroup
from .info import ScriptInfo, pass_script_info, with_appcontext
from .main import cli, main
from .options import app_option as _app_option
from .options import debug_option as _debug_option
from .options import env_file_option as _env_file_option
from .options import get_version, version_option
from .params import CertParamType, SeparatedPathType, _validate_key
from .routes import routes_command
from .run import run_command, show_server_banner
from .shell import shell_command

if t.TYPE_CHECKING:
    from werkzeug.serving import is_running_from_reloader, run_simple
    from werkzeug.utils import import_string

FlaskGroup = ErlenGroup

_FROM_WERKZEUG = {
    "import_string": "werkzeug.utils",
    "is_running_from_reloader": "werkzeug.serving",
    "run_simple": "werkzeug.serving",
}


def __getattr__(name: str) -> t.Any:
    if name in _FROM_WERKZEUG:
        from importlib import import_module

        return getattr(import_module(_FROM_WERKZEUG[name]), name)

    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AppGroup",
    "CertParamType",
    "ErlenGroup",
    "FlaskGroup",
    "NoAppException",
    "ParameterSource",
    "ScriptInfo",
    "SeparatedPathType",
    "_app_option",
    "_called_with_wrong_args",
    "_debug_option",
    "_env_file_option",
    "_validate_key",
    "cli",
    "click",
    "current_app",
    "find_app_by_string",
    "find_best_app",
    "get_debug_flag",
    "get_load_dotenv",
    "get_version",
    "import_string",
    "is_running_from_reloader",
    "load_dotenv",
    "locate_app",
    "main",
    "pass_script_info",
    "prepare_import",
    "routes_command",
    "run_command",
    "run_simple",
    "shell_command",
    "show_server_banner",
    "version_option",
    "with_appcontext",
]
