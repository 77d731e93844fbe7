"""Stands Erlen behind ``import flask``: for this process, its children, any program.

In a program of one's own, before anything imports Flask::

    import erlen
    erlen.install_as_flask()

For a program that is not to be touched::

    python -m erlen.flask_alias PROGRAM [ARGUMENT]...
    python -m erlen.flask_alias -m MODULE [ARGUMENT]...

Where both packages have a module of the same name, ``flask.helpers`` *is*
``erlen.helpers``, so that replacing a name in one replaces it in the other.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import typing as t
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from importlib.metadata import Distribution

#: The release of Flask whose behaviour Erlen has, and which it gives as its own behind the alias.
FLASK_VERSION = "3.1.3"

_SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_flask_site")

# `flask.X` is the very module `erlen.X`.
_SAME = (
    "__main__ app blueprints cli config ctx debughelpers globals helpers json json.provider"
    " json.tag logging scaffold sessions signals templating testing typing views wrappers"
).split()

# `flask.X` has no single counterpart: its names are looked up in these modules, in this order.
_GATHERED = {
    "sansio": (),
    "sansio.app": (
        *("appbase", "app", "scaffold", "helpers", "config", "ctx", "globals"),
        *("json.provider", "logging", "templating", "wrappers"),
    ),
    "sansio.blueprints": ("blueprints", "scaffold"),
    "sansio.scaffold": ("scaffold", "helpers", "templating"),
}

# Names that Erlen calls otherwise.
_RENAMED = {
    "Flask": "app:Erlen",
    "app.Flask": "app:Erlen",
    "blueprints.SansioBlueprint": "blueprints:Blueprint",
    "debughelpers.App": "appbase:App",
    "sansio.app.App": "appbase:App",
    "sansio.blueprints.Blueprint": "blueprints:Blueprint",
}

_TOP = (
    "json Blueprint Config after_this_request copy_current_request_context has_app_context"
    " has_request_context current_app g request session abort flash get_flashed_messages"
    " get_template_attribute make_response redirect send_file send_from_directory"
    " stream_with_context url_for jsonify appcontext_popped appcontext_pushed"
    " appcontext_tearing_down before_render_template got_request_exception message_flashed"
    " request_finished request_started request_tearing_down template_rendered render_template"
    " render_template_string stream_template stream_template_string Request Response"
).split()


class FlaskAlreadyImportedError(RuntimeError):
    """Real Flask is in the process, so that Erlen can't take its place any more."""


def install_as_flask(*, children: bool = False) -> None:
    """Stand Erlen behind ``import flask`` and every ``flask.*`` module.

    Nothing is imported until somebody asks for it. ``importlib.metadata`` answers
    for Flask, too, whether or not Flask is installed. Calling it again does no harm.

    Args:
        children: Also in Python processes that this one starts from now on, through
            ``PYTHONPATH``; those started with ``-E`` or ``-I`` are left alone.

    Raises:
        FlaskAlreadyImportedError: Real Flask has been imported before.
    """
    if finder not in sys.meta_path:
        there = sys.modules.get("flask")
        if there is not None:
            raise FlaskAlreadyImportedError(_too_late(there))
        sys.meta_path.insert(0, finder)
    if children:
        _pass_on(os.environ)


def _pass_on(environ: t.MutableMapping[str, str]) -> None:
    environ["ERLEN_AS_FLASK"] = "1"
    path = environ.get("PYTHONPATH", "")
    if _SITE not in path.split(os.pathsep):
        environ["PYTHONPATH"] = _SITE + os.pathsep + path if path else _SITE


def _too_late(flask: ModuleType) -> str:
    users = sorted(_users_of_flask())
    seen = f" It is in use by: {', '.join(users)}." if users else ""
    return (
        f"Flask was imported from {getattr(flask, '__file__', None)!r} before Erlen could take its"
        f" place.{seen} Call 'erlen.install_as_flask()' before the first import of flask and of"
        " any extension that imports it, or leave the program as it is and start it with"
        " 'python -m erlen.flask_alias PROGRAM'."
    )


def _users_of_flask() -> set[str]:
    """Top-level packages which hold something that comes from Flask."""
    found = set()
    for name, module in list(sys.modules.items()):
        root = name.partition(".")[0]
        if root in ("flask", "erlen") or root in found:
            continue
        for value in list(vars(module).values()) if isinstance(module, ModuleType) else ():
            home = value.__name__ if isinstance(value, ModuleType) else type(value).__module__
            if isinstance(value, type) or callable(value):
                home = getattr(value, "__module__", None) or home
            if isinstance(home, str) and home.partition(".")[0] == "flask":
                found.add(root)
                break
    return found


class FlaskFinder:
    """Answers the import system, and ``importlib.metadata``, for Flask."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Say how to load ``flask`` or ``flask.*``; None for every other module."""
        root, _, name = fullname.partition(".")
        if root != "flask":
            return None
        if not name:
            spec = _spec(fullname, _TopLoader(), package=True)
            spec.origin = os.path.join(os.path.dirname(_SITE), "__init__.py")
            return spec
        if name in _GATHERED:
            return _spec(fullname, _GatheringLoader(), package=name == "sansio")
        if name in _SAME:
            own = importlib.util.find_spec(f"erlen.{name}")
            if own is not None:
                package = own.submodule_search_locations is not None
                spec = _spec(fullname, _SameLoader(f"erlen.{name}"), package=package)
                spec.origin = own.origin
                return spec
        return None

    def find_distributions(self, context: t.Any = None) -> Iterable[Distribution]:
        """Give the metadata of Flask, whether or not it is installed."""
        name = getattr(context, "name", None)
        if name is None or name.lower() == "flask":
            return (_flask_distribution(),)
        return ()

    def invalidate_caches(self) -> None:
        """Do nothing: nothing is cached."""


finder = FlaskFinder()


def _spec(name: str, loader: t.Any, *, package: bool) -> ModuleSpec:
    # The loaders below don't inherit from `importlib.abc.Loader`: that would import a dozen
    # modules in every child process that asks for Flask's version.
    return ModuleSpec(name, loader, is_package=package)


class _SameLoader:
    """Gives a module of Erlen under the name that it has in Flask."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.target)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written its own spec on the module: give back the real
        # one, by which `importlib.reload` and `pickle` know it.
        module.__spec__ = self.spec
        own = self.target.removeprefix("erlen.")
        for qualified, place in _RENAMED.items():
            home, _, name = qualified.rpartition(".")
            if home == own and not hasattr(module, name):
                setattr(module, name, _fetch(place))
        asked = getattr(module, "__getattr__", None)
        module.__getattr__ = _elsewhere(own, asked)  # type: ignore[method-assign]

    def get_code(self, fullname: str) -> CodeType | None:
        """Let ``python -m flask`` run Erlen's command line."""
        spec = importlib.util.find_spec(self.target)
        loader: t.Any = spec.loader if spec else None
        return t.cast("CodeType", loader.get_code(self.target)) if loader else None


class _TopLoader:
    """Makes the module ``flask``."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        erlen = importlib.import_module("erlen")
        for name in _TOP:
            setattr(module, name, getattr(erlen, name))
        for name, place in _RENAMED.items():
            if "." not in name:
                setattr(module, name, _fetch(place))
        # No folder: what this module does not know must not be found beside Erlen's files.
        module.__path__ = []
        module.__file__ = erlen.__file__
        module.__doc__ = erlen.__doc__
        module.__getattr__ = _top_getattr  # type: ignore[method-assign]


def _top_getattr(name: str) -> object:
    if name == "__version__":
        import warnings

        warnings.warn(
            "The '__version__' attribute is deprecated and will be removed in Flask 3.2."
            " Use feature detection or 'importlib.metadata.version(\"flask\")' instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return FLASK_VERSION
    if (name in _SAME and name != "__main__") or name == "sansio":
        return importlib.import_module(f"flask.{name}")
    return _borrow("", name)


class _GatheringLoader:
    """Makes a module of Flask whose names live in several modules of Erlen."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__.removeprefix("flask.")
        if name == "sansio":
            module.__path__ = []
        for qualified, place in _RENAMED.items():
            if qualified.rpartition(".")[0] == name:
                setattr(module, qualified.rpartition(".")[2], _fetch(place))
        module.__getattr__ = _gather(module, _GATHERED[name])  # type: ignore[method-assign]


def _gather(module: ModuleType, sources: tuple[str, ...]) -> Callable[[str], object]:
    def look_up(name: str) -> object:
        for source in () if name.startswith("__") else sources:
            found = getattr(importlib.import_module(f"erlen.{source}"), name, module)
            if found is not module:
                setattr(module, name, found)
                return found
        return _borrow(module.__name__.removeprefix("flask."), name)

    return look_up


def _elsewhere(module: str, first: Callable[[str], object] | None) -> Callable[[str], object]:
    """What a module answers for a name that it lacks, after its own answer."""

    def look_up(name: str) -> object:
        if first is not None:
            try:
                return first(name)
            except AttributeError:
                pass
        return _borrow(module, name)

    return look_up


def _borrow(module: str, name: str) -> object:
    if name.startswith("__"):  # the import system asks for many
        raise AttributeError(f"module 'flask.{module}' has no attribute {name!r}")
    from .flask_names import look_up

    return look_up(module, name)


def _fetch(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"erlen.{module}"), name)


def _flask_distribution() -> Distribution:
    from importlib.metadata import Distribution

    class FlaskDistribution(Distribution):
        """What the package index would say about Flask."""

        def read_text(self, filename: str) -> str | None:
            if filename == "METADATA":
                return f"Metadata-Version: 2.1\nName: Flask\nVersion: {FLASK_VERSION}\n"
            if filename == "entry_points.txt":
                return "[console_scripts]\nflask = flask.cli:main\n"
            return None

        def locate_file(self, path: t.Any) -> t.Any:
            from pathlib import Path

            return Path(__file__).parent.parent / path

    return FlaskDistribution()


_USAGE = """\
usage: python -m erlen.flask_alias PROGRAM [ARGUMENT]...
       python -m erlen.flask_alias -m MODULE [ARGUMENT]...

Runs a program that was written for Flask on Erlen, together with the Python
processes that it starts. PROGRAM is a Python file or the name of a command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a program with Erlen behind ``import flask``; see the top of this module.

    Args:
        arguments: What follows the name of this program; ``sys.argv[1:]`` by default.

    Raises:
        SystemExit: Usage was asked for or got wrong, or the program ended that way.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_USAGE)
        raise SystemExit(0 if words else 2)
    if words[0] == "-m" and len(words) > 1:
        install_as_flask(children=True)
        _run_module(words[1:])
    elif words[0].startswith("-"):
        raise SystemExit(f"{_USAGE}\n\nno such option: {words[0]}")
    else:
        install_as_flask(children=True)
        _run_program(words)


def _run_module(words: list[str]) -> None:
    import runpy

    sys.argv[:] = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _run_program(words: list[str]) -> None:
    import shutil

    program = words[0]
    if program == "flask":
        _run_module(words)  # Flask itself need not be installed
        return
    # Commands of this interpreter first: one of another might not find Erlen.
    places = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    path = program if os.path.isfile(program) else shutil.which(program, path=places)
    if path is None:
        raise SystemExit(f"no such file or command: {program}")
    if not _is_python(path):
        # A program of another kind, like uWSGI or a shell script: its Python children
        # find Erlen through the environment.
        os.execv(path, [program, *words[1:]])
    import runpy

    sys.argv[:] = [path, *words[1:]]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    runpy.run_path(path, run_name="__main__")


def _is_python(path: str) -> bool:
    if path.endswith((".py", ".pyc", ".pyz")):
        return True
    with open(path, "rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


if __name__ == "__main__":
    # This copy of the module is called `__main__`; the alias belongs to the other one.
    from erlen.flask_alias import main as run

    run()
