"""What is known about names that are not there any more, and what to use instead.

Facts from the change logs of Flask and Werkzeug. An entry only speaks where the name is
really missing, so one that comes back is never reported.
"""

from __future__ import annotations

STACKS = (
    "Flask 3.0 removed the context stacks.",
    "Keep data on 'flask.g'; ask 'flask.has_request_context()', or use 'flask.globals.app_ctx'"
    " and 'flask.globals.request_ctx'.",
)
MARKUPSAFE = "Flask 3.0 removed it.", "Import it from 'markupsafe'."
ENCODERS = (
    "Flask 2.3 removed it.",
    "Derive from 'flask.json.provider.DefaultJSONProvider', and make it the application's"
    " 'json_provider_class'.",
)
HTMLSAFE = (
    "Flask 2.3 removed it.",
    "Use 'jinja2.utils.htmlsafe_json_dumps', or the filter 'tojson'.",
)
SAFE_JOIN = "Flask 2.1 removed it.", "Use 'werkzeug.utils.safe_join'."
SIGNALS = "Flask 3.0 removed it: signals are always available.", "Leave the question out."
LOCKED = "Flask 3.0 removed it.", "Use 'werkzeug.utils.cached_property'."
FIRST = (
    "Flask 2.3 removed it.",
    "Do what it did where the application is made, inside 'with app.app_context():'.",
)
COMPAT = "Flask 2.0 removed it with Python 2.", "Use what Python 3 has."
GLOBALS = "Flask 2.2 removed it.", "Use 'flask.globals.app_ctx' or 'flask.globals.request_ctx'."

#: Names and modules of Flask: what became of them, and what to do.
FLASK: dict[str, tuple[str, str]] = {
    "flask._app_ctx_stack": STACKS,
    "flask._request_ctx_stack": STACKS,
    "flask.globals._app_ctx_stack": STACKS,
    "flask.globals._request_ctx_stack": STACKS,
    "flask.Markup": MARKUPSAFE,
    "flask.escape": MARKUPSAFE,
    "flask.json.JSONEncoder": ENCODERS,
    "flask.json.JSONDecoder": ENCODERS,
    "flask.json.htmlsafe_dumps": HTMLSAFE,
    "flask.json.htmlsafe_dump": HTMLSAFE,
    "flask.json.tojson_filter": ("Flask has removed it.", "Use Jinja's filter 'tojson'."),
    "flask.json_available": ("Flask has removed it: JSON is always available.", ""),
    "flask.safe_join": SAFE_JOIN,
    "flask.helpers.safe_join": SAFE_JOIN,
    "flask.helpers.total_seconds": ("Flask 2.1 removed it.", "Use 'timedelta.total_seconds()'."),
    "flask.helpers.locked_cached_property": LOCKED,
    "flask.helpers._endpoint_from_view_func": (
        "Flask has moved it.",
        "Import it from 'flask.sansio.scaffold'.",
    ),
    "flask.helpers.get_env": ("Flask 2.3 removed it.", "Ask 'app.debug'."),
    "flask.helpers._PackageBoundObject": (
        "Flask 2.0 replaced it.",
        "Use 'flask.sansio.scaffold.Scaffold'.",
    ),
    "flask.signals_available": SIGNALS,
    "flask.signals.signals_available": SIGNALS,
    "flask._compat": COMPAT,
    "flask.ext": (
        "Flask 1.0 removed it.",
        "Import the extension by its own name, 'flask_NAME'.",
    ),
    "flask.exthook": ("Flask has removed it.", "Import extensions by their own names."),
    "flask.module": ("Flask has removed modules.", "Use blueprints."),
    "flask.Module": ("Flask has removed modules.", "Use blueprints."),
    "flask.globals._lookup_app_object": GLOBALS,
    "flask.globals._lookup_req_object": GLOBALS,
    "flask.globals._app_ctx_err_msg": GLOBALS,
    "flask.globals._request_ctx_err_msg": GLOBALS,
    "flask.cli.DispatchingApp": ("Flask 2.2 removed it.", "The reloader needs no middleware."),
    "flask.wrappers.JSONMixin": ("Flask 2.0 removed it.", "'flask.Request' has its methods."),
    "flask.testing.make_test_environ_builder": (
        "Flask 2.0 removed it.",
        "Use 'flask.testing.EnvironBuilder'.",
    ),
    "flask.views.MethodViewType": (
        "Flask 2.2 removed it.",
        "'MethodView.__init_subclass__' does what the metaclass did.",
    ),
}

#: Names that Flask 3.1 keeps for itself and Erlen does without; a test compares the two.
LACKING = frozenset(
    {
        "flask.app._sentinel",
        "flask.blueprints._sentinel",
        "flask.cli._env_file_callback",
        "flask.cli._path_is_ancestor",
        "flask.cli._set_app",
        "flask.cli._set_debug",
        "flask.debughelpers._dump_loader_info",
    }
)

_CONFIG = "Flask 2.3 removed it: assigning it has no effect.", "Set the key {key} in 'app.config'."


def _key(name: str) -> tuple[str, str]:
    return _CONFIG[0], _CONFIG[1].format(key=repr(name))


_ENCODER = ENCODERS[0] + " Assigning it has no effect.", ENCODERS[1]
_SESSION = "Flask has removed it.", "Use 'app.session_interface'."
_CHARSET = "Werkzeug 3.0 removed it: text is UTF-8.", ""

#: Attributes of objects, by kind of object.
ATTRIBUTES: dict[str, dict[str, tuple[str, str]]] = {
    "app": {
        "before_first_request": FIRST,
        "before_first_request_funcs": FIRST,
        "try_trigger_before_first_request_functions": FIRST,
        "got_first_request": ("Flask 3.0 removed it.", ""),
        "env": ("Flask 2.3 removed it.", "Ask 'app.debug'."),
        "json_encoder": _ENCODER,
        "json_decoder": _ENCODER,
        "session_cookie_name": _key("SESSION_COOKIE_NAME"),
        "send_file_max_age_default": _key("SEND_FILE_MAX_AGE_DEFAULT"),
        "propagate_exceptions": _key("PROPAGATE_EXCEPTIONS"),
        "templates_auto_reload": _key("TEMPLATES_AUTO_RELOAD"),
        "use_x_sendfile": _key("USE_X_SENDFILE"),
        "preserve_context_on_exception": ("Flask 2.2 removed it.", ""),
        "open_session": _SESSION,
        "save_session": _SESSION,
        "make_null_session": _SESSION,
        "init_jinja_globals": ("Flask 1.0 removed it.", "Override 'create_jinja_environment'."),
        "request_globals_class": ("Flask 1.0 renamed it.", "Use 'app_ctx_globals_class'."),
        "static_path": ("Flask 1.0 removed it.", "Use 'static_url_path'."),
        "error_handlers": ("Flask 1.0 removed it.", "Use 'error_handler_spec'."),
        "logger_name": ("Flask 1.0 removed it.", "The logger is named like the application."),
        "register_module": ("Flask has removed modules.", "Use blueprints."),
    },
    "blueprint": {
        "before_app_first_request": FIRST,
        "json_encoder": _ENCODER,
        "json_decoder": _ENCODER,
        "warn_on_modifications": ("Flask 2.3 removed it: late changes are errors.", ""),
        "_merge_blueprint_funcs": (
            "Flask keeps it for itself, and Erlen has no counterpart.",
            "Register the blueprint.",
        ),
    },
    "request": {
        "is_xhr": (
            "Werkzeug 1.0 removed it.",
            "Compare the header X-Requested-With with 'XMLHttpRequest'.",
        ),
        "module": ("Flask 1.0 removed it.", "Use 'request.blueprint'."),
        "charset": _CHARSET,
        "encoding_errors": _CHARSET,
        "url_charset": _CHARSET,
    },
    "response": {"charset": _CHARSET},
    "context": {
        "_cv_tokens": (
            "Flask keeps it for itself; Erlen's contexts count in another way.",
            "Use 'push()' and 'pop()', or 'with ctx:'.",
        ),
        "preserved": ("Flask 2.2 removed it.", ""),
        "_implicit_app_ctx_stack": ("Flask 2.2 removed it.", ""),
        "_preserved_exc": ("Flask 2.2 removed it.", ""),
    },
    "config": {
        "from_json": ("Flask 2.1 removed it.", "Use 'config.from_file(name, load=json.load)'."),
    },
}

_PROVIDER = "Flask 2.3 removed it: it has no effect.", "Set 'app.json.{name}'."


def _setting(name: str) -> tuple[str, str]:
    return _PROVIDER[0], _PROVIDER[1].format(name=name)


#: Settings that have no effect any more.
SETTINGS: dict[str, tuple[str, str]] = {
    "ENV": ("Flask 2.3 removed it: it has no effect.", "Set 'DEBUG'."),
    "JSON_AS_ASCII": _setting("ensure_ascii"),
    "JSON_SORT_KEYS": _setting("sort_keys"),
    "JSONIFY_MIMETYPE": _setting("mimetype"),
    "JSONIFY_PRETTYPRINT_REGULAR": _setting("compact"),
    "PRESERVE_CONTEXT_ON_EXCEPTION": ("Flask 2.2 removed it: it has no effect.", ""),
    "LOGGER_NAME": ("Flask 1.0 removed it: it has no effect.", ""),
    "LOGGER_HANDLER_POLICY": ("Flask 1.0 removed it: it has no effect.", ""),
}

_RENAMED = "Flask 2.2 removed this parameter."

#: Keyword arguments of functions.
PARAMETERS: dict[str, dict[str, tuple[str, str]]] = {
    "send_file": {
        "attachment_filename": (_RENAMED, "It is called 'download_name'."),
        "cache_timeout": (_RENAMED, "It is called 'max_age'."),
        "add_etags": (_RENAMED, "It is called 'etag'."),
        "filename_or_fp": (_RENAMED, "It is called 'path_or_file'."),
    },
    "send_from_directory": {
        "filename": (_RENAMED, "It is called 'path'."),
        "attachment_filename": (_RENAMED, "It is called 'download_name'."),
        "cache_timeout": (_RENAMED, "It is called 'max_age'."),
        "add_etags": (_RENAMED, "It is called 'etag'."),
    },
}

_ONE_CLASS = (
    "Both are one class in Erlen, as in Flask's next release: every context is an instance of it."
)

#: Names that are there, but not quite as in Flask 3.1.
DIFFERENT: dict[str, tuple[str, str]] = {
    "isinstance AppContext": (_ONE_CLASS, "Ask 'ctx.has_request'."),
    "isinstance RequestContext": (_ONE_CLASS, "Ask 'ctx.has_request'."),
    "flask.globals._cv_request": (
        "It is the same variable as '_cv_app': an application context alone sets it, too.",
        "Ask 'flask.has_request_context()'.",
    ),
}

DEPRECATED: dict[str, tuple[str, str]] = {
    "flask.__version__": (
        "Flask 3.2 removes it.",
        "Use 'importlib.metadata.version(\"flask\")'.",
    ),
}
