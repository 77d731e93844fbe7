"""Settings of an application, and the ways to fill them; ``flask.config``."""

from __future__ import annotations

import errno
import functools
import os
import typing as t
from datetime import timedelta

from .watch import WatchedDict

T = t.TypeVar("T")
F = t.TypeVar("F", bound=t.Callable[..., t.Any])
Path = t.Union[str, "os.PathLike[str]"]


class Configured(t.Protocol):
    """An object that owns a `Config`."""

    @property
    def config(self) -> Config: ...


class ConfigAttribute(t.Generic[T]):
    """An attribute of the application that lives in its config.

    Args:
        name: the key in ``app.config``.
        get_converter: applied to the value at each read; default: none.
    """

    def __init__(self, name: str, get_converter: t.Callable[[t.Any], T] | None = None) -> None:
        self.__name__ = name
        self.get_converter = get_converter

    @t.overload
    def __get__(self, obj: None, owner: t.Any = None) -> ConfigAttribute[T]: ...

    @t.overload
    def __get__(self, obj: Configured, owner: t.Any = None) -> T: ...

    def __get__(self, obj: Configured | None, owner: t.Any = None) -> T | ConfigAttribute[T]:
        if obj is None:
            return self
        value = obj.config[self.__name__]
        if self.get_converter is not None:
            value = self.get_converter(value)
        return t.cast(T, value)

    def __set__(self, obj: Configured, value: t.Any) -> None:
        obj.config[self.__name__] = value


def _telling(method: F) -> F:
    """The method, after which the owner of the settings may be told."""

    @functools.wraps(method)
    def call(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        rv = method(self, *args, **kwargs)
        self._tell()
        return rv

    return t.cast(F, call)


class Config(WatchedDict[str, t.Any]):
    """A dictionary of settings that can be filled from files and objects.

    The loading methods take upper-case keys only, so that files and objects may
    hold helpers of their own. Every change bumps the epoch: what was compiled
    from the settings is compiled again.

    Args:
        root_path: folder that relative file names start from.
        defaults: the first content; default: empty.
    """

    #: Who wants to know of which settings, and what it was told last; see :meth:`follow`.
    _follower: tuple[t.Any, tuple[str, ...], str] | None = None
    _told: tuple[t.Any, ...] = ()

    def __init__(self, root_path: Path, defaults: dict[str, t.Any] | None = None) -> None:
        super().__init__(defaults or {})
        self.root_path = root_path

    def follow(self, owner: t.Any, names: tuple[str, ...], method: str) -> None:
        """Call a method as soon as one of some settings changes, for those that do
        something by being set.

        Args:
            owner: Whose method it is; not kept alive. There is one owner.
            names: The settings.
            method: The method's name. What it raises is raised where the setting was made.
        """
        import weakref

        self._follower = (weakref.ref(owner), names, method)
        self._told = tuple(None for _ in names)
        self._tell()

    def _tell(self) -> None:
        if self._follower is None:
            return
        owner, names, method = self._follower
        values = tuple(self.get(name) for name in names)
        if values != self._told:
            self._told = values
            getattr(owner(), method)()

    def __getstate__(self) -> dict[str, t.Any]:
        # A copy, or what is sent to another process, has no application.
        return {"root_path": self.root_path}

    __setitem__ = _telling(WatchedDict.__setitem__)
    __delitem__ = _telling(WatchedDict.__delitem__)
    __ior__ = _telling(WatchedDict.__ior__)
    clear = _telling(WatchedDict.clear)
    pop = _telling(WatchedDict.pop)
    popitem = _telling(WatchedDict.popitem)
    setdefault = _telling(WatchedDict.setdefault)
    update = _telling(WatchedDict.update)

    def from_envvar(self, variable_name: str, silent: bool = False) -> bool:
        """Load the Python file that an environment variable names.

        Args:
            variable_name: the variable that holds the file's path.
            silent: return False, instead of raising, if it is unset or the file
                is missing.

        Returns:
            Whether the file was loaded.

        Raises:
            RuntimeError: the variable is unset or empty.
            OSError: the file can't be read.
        """
        filename = os.environ.get(variable_name)
        if filename:
            return self.from_pyfile(filename, silent=silent)
        if silent:
            return False
        raise RuntimeError(
            f"The environment variable {variable_name!r} is not set"
            " and as such configuration could not be loaded. Set"
            " this variable and make it point to a configuration"
            " file"
        )

    def from_prefixed_env(
        self, prefix: str = "FLASK", *, loads: t.Callable[[str], t.Any] | None = None
    ) -> bool:
        """Load the environment variables that start with ``prefix`` and ``_``.

        ``FLASK_A__B=1`` sets ``config["A"]["B"]``; missing dictionaries on the
        way are made. The variables are taken in sorted order.

        Args:
            prefix: without the underscore.
            loads: turns text into a value; default: ``json.loads``. Whatever it
                refuses stays text.

        Returns:
            True.
        """
        if loads is None:
            import json

            loads = json.loads
        prefix = f"{prefix}_"
        for variable in sorted(os.environ):
            if variable.startswith(prefix):
                key = variable.removeprefix(prefix)
                self._set_nested(key, _loaded(os.environ[variable], loads))
        return True

    def _set_nested(self, key: str, value: t.Any) -> None:
        if "__" not in key:
            self[key] = value
            return
        *parents, last = key.split("__")
        # Dictionaries below the first level are plain: only a touch of the
        # first level is seen by the epoch, so it is set again at the end.
        node: t.Any = self
        for parent in parents:
            if parent not in node:
                node[parent] = {}
            node = node[parent]
        node[last] = value
        self[parents[0]] = self[parents[0]]

    def from_pyfile(self, filename: Path, silent: bool = False) -> bool:
        """Run a Python file and load its upper-case names.

        Args:
            filename: absolute, or relative to ``root_path``.
            silent: return False, instead of raising, if there is no such file.

        Returns:
            Whether the file was loaded.

        Raises:
            OSError: the file can't be read.
        """
        from types import ModuleType

        filename = os.path.join(self.root_path, filename)
        module = ModuleType("config")
        module.__file__ = filename
        try:
            with open(filename, mode="rb") as file:
                exec(compile(file.read(), filename, "exec"), module.__dict__)
        except OSError as error:
            if silent and error.errno in (*_ABSENT, errno.ENOTDIR):
                return False
            _explain(error)
            raise
        self.from_object(module)
        return True

    def from_object(self, obj: object | str) -> None:
        """Load the upper-case attributes of an object, a class or a module.

        Args:
            obj: the object, or its import path as text. Properties are read from
                an instance only: make one first.

        Raises:
            ImportError: the import path leads nowhere.
        """
        if isinstance(obj, str):
            from werkzeug.utils import import_string

            obj = import_string(obj)
        for name in dir(obj):
            if name.isupper():
                self[name] = getattr(obj, name)

    def from_file(
        self,
        filename: Path,
        load: t.Callable[[t.IO[t.Any]], t.Mapping[str, t.Any]],
        silent: bool = False,
        text: bool = True,
    ) -> bool:
        """Load the mapping that ``load`` makes of an open file.

        Args:
            filename: absolute, or relative to ``root_path``.
            load: called with the file, for example ``json.load``, or
                ``tomllib.load`` with ``text=False``.
            silent: return False, instead of raising, if there is no such file.
            text: open in text mode (default) rather than binary.

        Returns:
            Whether the file was loaded.

        Raises:
            OSError: the file can't be read.
        """
        filename = os.path.join(self.root_path, filename)
        try:
            with open(filename, "r" if text else "rb") as file:
                mapping = load(file)
        except OSError as error:
            if silent and error.errno in _ABSENT:
                return False
            _explain(error)
            raise
        return self.from_mapping(mapping)

    def from_toml(self, filename: Path, silent: bool = False) -> bool:
        """Load the upper-case keys at the top of a TOML file.

        Args:
            filename: absolute, or relative to ``root_path``.
            silent: return False, instead of raising, if there is no such file.

        Returns:
            Whether the file was loaded.

        Raises:
            OSError: the file can't be read.
            tomllib.TOMLDecodeError: it isn't TOML.
        """
        import tomllib

        return self.from_file(filename, load=tomllib.load, silent=silent, text=False)

    def from_mapping(self, mapping: t.Mapping[str, t.Any] | None = None, **kwargs: t.Any) -> bool:
        """Load the upper-case keys of a mapping and of the keyword arguments.

        Returns:
            True.
        """
        merged: dict[str, t.Any] = {}
        if mapping is not None:
            merged.update(mapping)
        merged.update(kwargs)
        for key, value in merged.items():
            if key.isupper():
                self[key] = value
        return True

    def get_namespace(
        self, namespace: str, lowercase: bool = True, trim_namespace: bool = True
    ) -> dict[str, t.Any]:
        """The settings whose keys start with a prefix, as a plain dictionary.

        Args:
            namespace: the prefix, for example ``"IMAGE_STORE_"``.
            lowercase: lower the keys (default).
            trim_namespace: cut the prefix off the keys (default).
        """
        found = {}
        for key, value in self.items():
            if key.startswith(namespace):
                if trim_namespace:
                    key = key[len(namespace) :]
                found[key.lower() if lowercase else key] = value
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict.__repr__(self)}>"


def _loaded(text: str, loads: t.Callable[[str], t.Any]) -> t.Any:
    try:
        return loads(text)
    except Exception:
        return text


def _explain(error: OSError) -> None:
    error.strerror = f"Unable to load configuration file ({error.strerror})"


# What "no such file" looks like to ``open``.
_ABSENT = (errno.ENOENT, errno.EISDIR)

#: The settings of an application that sets nothing, with Flask 3.1's values.
DEFAULTS: dict[str, t.Any] = {
    "DEBUG": None,
    "TESTING": False,
    "PROPAGATE_EXCEPTIONS": None,
    "SECRET_KEY": None,
    "SECRET_KEY_FALLBACKS": None,
    "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
    "USE_X_SENDFILE": False,
    "TRUSTED_HOSTS": None,
    "TRUSTED_PROXIES": None,
    "TRUSTED_PROXY_HEADERS": ("X-Forwarded-For", "X-Forwarded-Proto"),
    "SERVER_NAME": None,
    "APPLICATION_ROOT": "/",
    "SESSION_COOKIE_NAME": "session",
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_PATH": None,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SECURE": False,
    "SESSION_COOKIE_PARTITIONED": False,
    "SESSION_COOKIE_SAMESITE": None,
    "SESSION_REFRESH_EACH_REQUEST": True,
    "SESSION_STORE": None,
    "SESSION_STORE_TIMEOUT": 1.0,
    "SESSION_STORE_PREFIX": "erlen",
    "SESSION_USER_KEYS": ("_user_id", "user_id"),
    "MAX_CONTENT_LENGTH": None,
    "MAX_FORM_MEMORY_SIZE": 500_000,
    "MAX_FORM_PARTS": 1_000,
    "SEND_FILE_MAX_AGE_DEFAULT": None,
    "TRAP_BAD_REQUEST_ERRORS": None,
    "TRAP_HTTP_EXCEPTIONS": False,
    "EXPLAIN_TEMPLATE_LOADING": False,
    "PREFERRED_URL_SCHEME": "http",
    "TEMPLATES_AUTO_RELOAD": None,
    "MAX_COOKIE_SIZE": 4093,
    "PROVIDE_AUTOMATIC_OPTIONS": True,
    "THREADS": 40,
    "BACKGROUND_TASK_SHUTDOWN_TIMEOUT": 5,
    "DRAIN_DELAY": 0,
    "WEBSOCKET_ALLOWED_ORIGINS": None,
    "WEBSOCKET_MAX_MESSAGE_SIZE": 1_048_576,
    "WEBSOCKET_QUEUE_SIZE": 16,
    "WEBSOCKET_IDLE_TIMEOUT": None,
    "WEBSOCKET_SEND_TIMEOUT": 60,
    "WEBSOCKET_MAX_CONNECTIONS": None,
    "WEBSOCKET_MAX_THREADS": 100,
}
