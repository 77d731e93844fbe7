"""Erlen behind ``import flask``; each test in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = str(Path(__file__).resolve().parents[2] / "src")
INSTALL = "import erlen.flask_alias; erlen.flask_alias.install_as_flask()\n"

# Stands for an interpreter in which Flask is not installed.
NO_FLASK = """\
import sys, importlib.machinery, importlib.metadata
find = importlib.machinery.PathFinder.find_spec
def hide(name, path=None, target=None):
    return None if name.partition(".")[0] == "flask" else find(name, path, target)
importlib.machinery.PathFinder.find_spec = staticmethod(hide)
found = importlib.metadata.MetadataPathFinder.find_distributions
def hide_metadata(context=importlib.metadata.DistributionFinder.Context()):
    return [d for d in found(context) if d.metadata["Name"].lower() != "flask"]
importlib.metadata.MetadataPathFinder.find_distributions = staticmethod(hide_metadata)
"""


def run(*arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": SRC, **environ}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=60
    )


def python(code: str, **options: str) -> str:
    done = run("-c", code, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_flask_is_erlen() -> None:
    code = INSTALL + "import flask, erlen; print(flask.Flask is erlen.Erlen, flask.g is erlen.g)"
    assert python(code) == "True True"


def test_modules_are_the_same_objects() -> None:
    code = INSTALL + (
        "import flask.helpers, flask.json.provider, erlen.helpers, erlen.json.provider\n"
        "print(flask.helpers is erlen.helpers, flask.json.provider is erlen.json.provider)\n"
        "print(flask.helpers.__name__, flask.helpers.__spec__.name)\n"
    )
    assert python(code) == "True True\nerlen.helpers erlen.helpers"


MODULES = (
    "app blueprints cli config ctx debughelpers globals helpers json json.provider json.tag"
    " logging sessions signals templating testing typing views wrappers sansio.app"
    " sansio.blueprints sansio.scaffold"
).split()

# How Flask does a thing inside: Erlen does it elsewhere or not at all.
INSIDE = {
    "app": {"_sentinel"},
    "blueprints": {"_sentinel"},
    "cli": {"_env_file_callback", "_path_is_ancestor", "_set_app", "_set_debug"},
    "debughelpers": {"_dump_loader_info"},
    "sansio.scaffold": {"_find_package_path"},
}


@pytest.mark.parametrize("name", MODULES)
def test_every_name_of_flasks_module(name: str) -> None:
    listing = (
        "import importlib, sys\n"
        f"names = vars(importlib.import_module('flask.{name}'))\n"
        "print(*[name for name in names if not name.startswith('__')])\n"
    )
    theirs = python(listing).split()
    code = INSTALL + (
        f"import importlib; module = importlib.import_module('flask.{name}')\n"
        f"print(*[name for name in {theirs!r} if not hasattr(module, name)])\n"
    )
    assert set(python(code).split()) == INSIDE.get(name, set())


def test_names_from_other_libraries_are_the_same_objects() -> None:
    code = INSTALL + (
        "import flask.app, flask.wrappers, flask.config, flask.helpers\n"
        "import json, werkzeug.routing, werkzeug.wrappers, erlen.json\n"
        "assert flask.app.Rule is werkzeug.routing.Rule\n"
        "assert flask.wrappers.RequestBase is werkzeug.wrappers.Request\n"
        "assert (flask.wrappers.json, flask.config.json) == (erlen.json, json)\n"
        "print(flask.helpers._split_blueprint_path('a.b.c'))\n"
        "flask.app.no_such_name\n"
    )
    done = run("-c", code)
    assert done.stdout.strip() == "['a.b.c', 'a.b', 'a']"
    assert "AttributeError: module 'flask.app' has no attribute 'no_such_name'" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "from flask.app import Flask",
        "from flask.sansio.app import App",
        "from flask.sansio.blueprints import Blueprint, BlueprintSetupState",
        "from flask.sansio.scaffold import Scaffold, _endpoint_from_view_func, setupmethod",
        "from flask.wrappers import Request, Response",
        "from flask.globals import app_ctx, request_ctx",
        "from flask.debughelpers import FormDataRoutingRedirect",
        "from flask.cli import AppGroup, with_appcontext, click",
        "from flask.views import MethodView, http_method_funcs",
        "from flask.signals import Namespace, got_request_exception",
        "from flask.testing import EnvironBuilder, FlaskClient",
        "from flask import *; Flask, url_for, json",
        "import flask; flask.cli.AppGroup; flask.views.View; flask.testing.FlaskClient",
        "import flask.sansio; flask.sansio.app.App if hasattr(flask.sansio, 'app') else None",
        "import flask; assert not hasattr(flask, 'Markup') and not hasattr(flask, 'escape')",
        "import flask; assert flask.__name__ == 'flask' and flask.__file__",
        "import importlib.util; assert importlib.util.find_spec('flask.nothing') is None",
        "import importlib.util; assert importlib.util.find_spec('flask').origin",
        "import unittest.mock as m\nwith m.patch('flask.helpers.url_for') as p:\n"
        "    import erlen.helpers; assert erlen.helpers.url_for is p",
    ],
)
def test_imports_of_extensions(line: str) -> None:
    python(INSTALL + line)


@pytest.mark.parametrize("before", ["", NO_FLASK], ids=["Flask installed", "without Flask"])
def test_version(before: str) -> None:
    code = (
        before + INSTALL + "import importlib.metadata as m, flask, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "print(m.version('flask'), m.version('Flask'), flask.__version__)"
    )
    assert python(code) == "3.1.3 3.1.3 3.1.3"


def test_version_warns() -> None:
    done = run("-W", "error", "-c", INSTALL + "import flask; flask.__version__")
    assert "DeprecationWarning" in done.stderr


def test_without_flask_an_application_runs() -> None:
    code = (
        NO_FLASK + INSTALL + "from flask import Flask\napp = Flask('x')\n"
        "app.get('/')(lambda: 'hi')\nprint(app.test_client().get('/').text)"
    )
    assert python(code) == "hi"


def test_twice_does_no_harm() -> None:
    python(
        INSTALL
        + "import flask\n"
        + INSTALL
        + "assert len([f for f in sys.meta_path if f is erlen.flask_alias.finder]) == 1".replace(
            "sys", "__import__('sys')"
        )
    )


def test_too_late_says_what_to_do() -> None:
    done = run("-c", "import flask\n" + INSTALL)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "FlaskAlreadyImportedError: Flask was imported from" in last
    assert "before the first import of flask" in last
    assert "python -m erlen.flask_alias PROGRAM" in last


def test_too_late_names_who_has_it(tmp_path: Path) -> None:
    (tmp_path / "some_extension.py").write_text("from flask import Flask\n")
    done = run("-c", "import some_extension\n" + INSTALL, PYTHONPATH=f"{SRC}:{tmp_path}")
    assert "in use by: some_extension" in done.stderr


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys, erlen.flask_alias; erlen.flask_alias.install_as_flask()\n"
        "print(sorted(n for n in sys.modules if n.partition('.')[0] == 'flask'))"
    )
    assert python(code) == "[]"


CHILD = "import flask; print(flask.Flask.__module__)"


def test_children_only_on_request() -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    assert python(INSTALL + code) == "flask.app"
    assert python(INSTALL.replace("()", "(children=True)") + code) == "erlen.app"


def test_a_child_that_never_asks_does_not_load_erlen() -> None:
    child = "import sys; print('erlen' in sys.modules)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert python(INSTALL.replace("()", "(children=True)") + code) == "False"


def test_a_child_gets_the_version_from_metadata() -> None:
    child = "import importlib.metadata as m; print(m.version('flask')); import flask; flask.g"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    out = python(INSTALL.replace("()", "(children=True)") + code)
    assert out.splitlines()[0] == "3.1.3"


def test_an_interpreter_without_erlen_says_so(tmp_path: Path) -> None:
    other = Path(sys.base_prefix) / "bin" / "python3"
    env = {"PATH": os.defpath, "ERLEN_AS_FLASK": "1"}
    env["PYTHONPATH"] = str(Path(SRC) / "erlen" / "_flask_site")
    code = "import importlib.util; importlib.util.find_spec('flask')"
    done = subprocess.run(
        [other, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert "Flask stays Flask" in done.stderr and done.returncode == 0


def test_another_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('mine')\n")
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    code = INSTALL.replace("()", "(children=True)") + code
    assert python(code, PYTHONPATH=f"{tmp_path}:{SRC}") == "mine\nmine\nerlen.app"


def alias(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return run("-m", "erlen.flask_alias", *arguments, cwd=cwd)


def test_a_script(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("value = 7\n")
    (tmp_path / "program.py").write_text(
        "import sys, flask, beside\nprint(__name__, flask.Flask.__module__, sys.argv[1:])\n"
    )
    assert alias("program.py", "-x", "y", cwd=tmp_path).stdout == "__main__ erlen.app ['-x', 'y']\n"


def test_a_module(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys, flask\nprint(flask.Flask.__module__)\n")
    assert alias("-m", "program", cwd=tmp_path).stdout == "erlen.app\n"


def test_the_children_of_a_program(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    )
    assert alias("program.py", cwd=tmp_path).stdout == "erlen.app\n"


def test_a_program_of_another_kind(tmp_path: Path) -> None:
    script = tmp_path / "start"
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{CHILD}'\n")
    script.chmod(0o755)
    assert alias("./start", cwd=tmp_path).stdout == "erlen.app\n"


APP = "from flask import Flask\napp = Flask(__name__)\n@app.get('/x')\ndef x(): return 'x'\n"


@pytest.mark.parametrize("words", [["-m", "flask"], ["flask"]])
def test_the_flask_command(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "app.py").write_text(APP + "print(Flask.__module__)\n")
    done = alias(*words, "routes", cwd=tmp_path)
    assert "/x" in done.stdout, done.stderr
    assert done.stdout.startswith("erlen.app\n")


def test_usage_and_mistakes(tmp_path: Path) -> None:
    assert alias().returncode == 2
    assert "usage:" in alias("--help").stdout
    assert "no such option: --what" in alias("--what").stderr
    assert "no such file or command: nowhere.py" in alias("nowhere.py", cwd=tmp_path).stderr
