"""``erlen compat``: each kind of finding, its place, and what is left alone."""

from __future__ import annotations

import errno
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import typing as t
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner, Result

import erlen
from erlen.cli.compat import examine, sources
from erlen.cli.compat.finding import KINDS, Finding
from erlen.cli.compat.known import ATTRIBUTES, FLASK, LACKING, PARAMETERS, SETTINGS
from erlen.cli.compat.provided import find, has, is_module, object_has
from erlen.cli.compat.werkzeugs import RELIABLE
from erlen.cli.main import cli

FINE = '''\
"""An application as Flask 3.1 documents it."""
import os
from flask import (
    Blueprint, Flask, abort, current_app, g, jsonify, redirect, render_template, request,
    send_file, session, url_for,
)
from flask.cli import with_appcontext
from flask.globals import app_ctx, request_ctx
from flask.json.provider import DefaultJSONProvider
from flask.sansio.scaffold import _endpoint_from_view_func
from flask.views import MethodView
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy
from werkzeug.routing import Rule
import flask.signals
import werkzeug.security

try:
    from flask import _app_ctx_stack
except ImportError:
    _app_ctx_stack = None
    HAS_STACKS = False


class Provider(DefaultJSONProvider):
    sort_keys = False


class Application(Flask):
    json_provider_class = Provider

    def full_dispatch_request(self):
        return super().full_dispatch_request()


app = Application(__name__)
app.config["JSON_SORT"] = True
app.config.update(SECRET_KEY="a", SESSION_COOKIE_NAME="b")
app.login_manager = object()
bp = Blueprint("bp", __name__)


@app.before_request
def before():
    g.user = session.get("user")
    current_app.my_own.attribute += 1
    if request.is_json and request.is_secure:
        flask.signals.request_started.send(app)
    app_ctx.sqlalchemy = request_ctx._session


def ask(app, request, env):
    """The parameter is no request of Flask's."""
    if HAS_STACKS:
        app.env = _app_ctx_stack.top
    if not hasattr(app, "json_encoder"):
        app.json_encoder = None
    return request.is_xhr, env.charset, os.environ


def send():
    return send_file("a", download_name="b", max_age=3)
'''


def project(tmp_path: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = tmp_path / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path


def found(tmp_path: Path, code: str) -> list[Finding]:
    return examine([str(project(tmp_path, app_py=code))])[0]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compat", *map(str, arguments)])


# -- the command ---------------------------------------------------------------------------


def test_nothing_needs_attention(tmp_path: Path) -> None:
    project(tmp_path, app_py=FINE, package__module_py="import flask\n", empty_py="")
    (tmp_path / "requirements.txt").write_text("flask>=3.1\nflask-login==0.6.3\n")
    result = run(tmp_path)
    assert result.output == "Nothing needs attention (4 files read).\n"
    assert result.exit_code == 0
    assert json.loads(run(tmp_path, "--format", "json").output) == {
        "files": 4,
        "findings": [],
        "kinds": {},
    }


def test_something_does(tmp_path: Path) -> None:
    path = project(tmp_path, app_py="import os\n\nfrom flask import Flask, Markup\n") / "app.py"
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{path}:3:26: removed: flask.Markup: Flask 3.0 removed it. Import it from 'markupsafe'.",
        "1 thing needs attention (1 file read).",
    ]
    shown = run("--format=json", path)
    assert shown.exit_code == 1
    document = json.loads(shown.output)
    assert document["findings"] == [
        {
            "path": str(path),
            "line": 3,
            "column": 26,
            "kind": "removed",
            "name": "flask.Markup",
            "why": "Flask 3.0 removed it.",
            "fix": "Import it from 'markupsafe'.",
        }
    ]
    assert document["kinds"] == {"removed": KINDS["removed"]}


@pytest.mark.parametrize("arguments", [[], ["nowhere"], [".", "--format", "xml"], [".", "--what"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_nothing_of_the_project_is_run(tmp_path: Path) -> None:
    project(tmp_path, app_py="import flask\nraise SystemExit('it was run')\n")
    (tmp_path / "flask.py").write_text("raise SystemExit('it was imported')\n")
    (tmp_path / ".env").write_text("FLASK_APP=app\n")
    source = Path(erlen.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "erlen", "compat", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Nothing needs attention (2 files read).\n"


def test_the_command_line_stays_light() -> None:
    program = (
        "import sys, erlen.cli\n"
        "print([name for name in sys.modules if name.startswith('erlen.cli.compat.')])"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(erlen.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


# -- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"def f(:\n", 1, "is not valid Python: "),
        (b"x = 1\nprint 'a'\n", 2, "is not valid Python: Missing parentheses"),
        (b"# -*- coding: utf-8 -*-\nx = '\xff'\n", 2, "is not"),
        (b"x = '\xff'\n", 1, "is not"),
        (b"# coding: no-such\n", 1, "is not"),
        (b"x = 1\0\n", 1, "is not valid Python"),
        (b"(" * 5000 + b")" * 5000, 1, "is "),
        (b"x = " + b"-" * 100_000 + b"1\n", 1, "is "),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, line: int, said: str) -> None:
    path = project(tmp_path, broken_py=content, fine_py="from flask import escape\n") / "broken.py"
    findings, count = examine([str(tmp_path)])
    assert count == 2
    assert [one.name for one in findings] == ["broken.py", "flask.escape"]
    first = findings[0]
    assert (first.path, first.kind) == (str(path), "unread")
    assert first.why.startswith(said)
    assert first.line in (line, 1) and first.column >= 1
    assert run(tmp_path).exit_code == 1


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project(tmp_path, app_py="import flask\n") / "app.py"

    def refuse(*args: object) -> t.NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    # The mode of the file would not hinder root.
    monkeypatch.setattr(sources, "open", refuse, raising=False)
    assert examine([str(path)])[0][0].why == "cannot be opened: Permission denied."


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    (one,) = examine([str(tmp_path)])[0]
    assert (one.kind, one.why) == ("unread", "cannot be opened: No such file or directory.")


def test_encodings_that_a_file_names(tmp_path: Path) -> None:
    code = "# coding: latin-1\nname = 'é'; from flask import Markup\n".encode("latin-1")
    (one,) = examine([str(project(tmp_path, app_py=code))])[0]
    assert (one.line, one.column) == (2, 31)
    bom = b"\xef\xbb\xbffrom flask import Markup\n"
    (one,) = examine([str(project(tmp_path, app_py=bom))])[0]
    assert (one.line, one.column) == (1, 19)


def test_columns_are_characters(tmp_path: Path) -> None:
    (one,) = found(tmp_path, "import flask; x = 'ääö', flask.Markup\n")
    assert (one.line, one.column) == (1, 26)


def test_a_deep_expression_is_read(tmp_path: Path) -> None:
    code = "import flask\nx = " + " + ".join(["1"] * 3000) + "\nflask.Markup\n"
    findings, _ = examine([str(project(tmp_path, app_py=code))])
    assert [one.kind for one in findings] in (["removed"], ["unread"])


def test_which_files_are_read(tmp_path: Path) -> None:
    bad = "from flask import Markup\n"
    project(tmp_path, a_py=bad, folder__b_py=bad, venv__lib__c_py=bad, node_modules__d_py=bad)
    project(tmp_path, **{".hidden__e_py": bad, "notes.txt": bad, "site-packages__f_py": bad})
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "again").symlink_to(tmp_path / "folder")
    findings, count = examine([str(tmp_path), str(tmp_path / "a.py")])
    assert count == 2
    assert [Path(one.path).name for one in findings] == ["a.py", "b.py"]
    # What is named is read, whatever it is called.
    script = project(tmp_path, script=bad) / "script"
    assert len(examine([str(script)])[0]) == 1


# -- one of each kind ------------------------------------------------------------------------------

KIND_OF: list[tuple[str, str, str]] = [
    # Names of modules.
    ("from flask import _request_ctx_stack", "removed", "flask._request_ctx_stack"),
    ("from flask import escape as e", "removed", "flask.escape"),
    ("import flask\nflask.safe_join('a')", "removed", "flask.safe_join"),
    ("import flask as f\nf.json.JSONEncoder", "removed", "flask.json.JSONEncoder"),
    ("from flask import json\njson.JSONDecoder", "removed", "flask.json.JSONDecoder"),
    ("from flask.json import htmlsafe_dumps", "removed", "flask.json.htmlsafe_dumps"),
    ("from flask.ext.login import LoginManager", "removed", "flask.ext"),
    ("import flask.ext", "removed", "flask.ext"),
    ("from flask._compat import text_type", "removed", "flask._compat"),
    (
        "from flask.helpers import _endpoint_from_view_func",
        "removed",
        "flask.helpers._endpoint_from_view_func",
    ),
    ("from erlen import Markup", "removed", "erlen.Markup"),
    ("from flask import nothing", "missing", "flask.nothing"),
    ("import flask.nowhere.at_all", "missing", "flask.nowhere"),
    ("from flask.nowhere import thing", "missing", "flask.nowhere"),
    ("from erlen.views import Nothing", "missing", "erlen.views.Nothing"),
    ("from flask.cli import _set_app", "lacking", "flask.cli._set_app"),
    ("from flask.globals import _cv_request", "different", "flask.globals._cv_request"),
    ("import flask\nprint(flask.__version__)", "deprecated", "flask.__version__"),
    # In texts.
    ("import mock\nmock.patch('flask.helpers.safe_join')", "removed", "flask.helpers.safe_join"),
    (
        "import importlib\nimportlib.import_module('flask._compat')",
        "removed",
        "flask._compat",
    ),
    # Applications.
    ("from flask import Flask\na = Flask('a')\na.env", "removed", "app.env"),
    ("import flask\na = flask.Flask('a')\na.json_encoder = 1", "removed", "app.json_encoder"),
    ("from flask import current_app as c\nc.session_cookie_name", "removed", ""),
    (
        "from flask import Flask\na: Flask = make()\n@a.before_first_request\ndef f(): pass",
        "removed",
        "app.before_first_request",
    ),
    ("import flask\ndef init_app(app):\n    app.env", "removed", "app.env"),
    ("import flask\nclass E:\n    def f(self):\n        self.app.env", "removed", "app.env"),
    ("from flask import Flask\ndef f(x: Flask):\n    x.env", "removed", "app.env"),
    ("from flask import Flask\ndef f(x: 'Flask'):\n    x.env", "removed", "app.env"),
    (
        "from flask import Flask\nclass A(Flask):\n    json_encoder = 1",
        "removed",
        "app.json_encoder",
    ),
    (
        "from flask import Flask\nclass A(Flask):\n    def f(self):\n        self.open_session",
        "removed",
        "app.open_session",
    ),
    (
        "from flask import Flask\nclass A(Flask): pass\nx = A('x')\nx.env",
        "removed",
        "app.env",
    ),
    (
        "from flask import current_app\na = current_app._get_current_object()\na.env",
        "removed",
        "app.env",
    ),
    # Other objects.
    ("from flask import request\nrequest.is_xhr", "removed", "request.is_xhr"),
    ("import flask\nflask.request.charset", "removed", "request.charset"),
    ("from flask import make_response\nmake_response('a').charset", "removed", "response.charset"),
    ("from flask import Blueprint\nb = Blueprint('b', 'b')\nb.json_encoder = 1", "removed", ""),
    (
        "from flask import Blueprint\nb = Blueprint('b', 'b')\nb._merge_blueprint_funcs",
        "lacking",
        "blueprint._merge_blueprint_funcs",
    ),
    ("from flask.globals import app_ctx\napp_ctx._cv_tokens", "lacking", "context._cv_tokens"),
    (
        "from flask import Flask\nwith Flask('a').app_context() as c:\n    c.preserved",
        "removed",
        "context.preserved",
    ),
    (
        "from flask.ctx import AppContext\ndef f(x): return isinstance(x, AppContext)",
        "different",
        "isinstance(..., AppContext)",
    ),
    # Settings and parameters.
    (
        "from flask import Flask\napp = Flask('a')\napp.config['JSON_SORT_KEYS'] = 1",
        "removed",
        "config['JSON_SORT_KEYS']",
    ),
    ("import flask\nflask.current_app.config.update(ENV=1)", "removed", "config['ENV']"),
    ("import flask\nflask.current_app.config.from_json('a')", "removed", "config.from_json"),
    (
        "from flask import send_file\nsend_file('a', attachment_filename='b')",
        "removed",
        "flask.send_file(attachment_filename=)",
    ),
    # Werkzeug.
    ("from werkzeug.urls import url_quote", "removed", "werkzeug.urls.url_quote"),
    ("from werkzeug import secure_filename", "removed", "werkzeug.secure_filename"),
    ("from werkzeug.contrib.cache import SimpleCache", "removed", "werkzeug.contrib"),
    ("import werkzeug\nwerkzeug.cached_property", "removed", "werkzeug.cached_property"),
    ("from werkzeug._internal import _wsgi_decoding_dance", "private", ""),
    ("import werkzeug._internal", "private", "werkzeug._internal"),
    ("from werkzeug.test import _RedirectClient", "removed", "werkzeug.test._RedirectClient"),
    # Extensions.
    ("from flask_script import Manager", "extension", "flask_script"),
    ("import flask_restplus.fields", "extension", "flask_restplus"),
]


@pytest.mark.parametrize(("code", "kind", "name"), KIND_OF, ids=[code for code, _, _ in KIND_OF])
def test_each_kind(tmp_path: Path, code: str, kind: str, name: str) -> None:
    (one,) = found(tmp_path, code)
    assert one.kind == kind
    assert name in ("", one.name)
    assert one.why.endswith(".") and one.fix.endswith((".", ""))
    assert one.line == code.count("\n") + 1 or "\n@" in code
    assert kind in KINDS


def test_every_kind_is_tried() -> None:
    assert {kind for _, kind, _ in KIND_OF} == set(KINDS) - {"unread"}


@pytest.mark.parametrize(
    "code",
    [
        # Guarded by whoever wrote it.
        "try:\n    from flask import Markup\nexcept ImportError:\n    Markup = None",
        "try:\n    import a\nexcept (KeyError, ImportError):\n    from flask import Markup",
        "try:\n    from flask import Markup\nexcept:\n    pass",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    from flask import escape",
        "import sys\nif sys.version_info < (3, 5):\n    from flask import Markup",
        "import flask\nflask_version = 1\nif flask_version < 2:\n    flask.Markup",
        "import flask\nif hasattr(flask, 'Markup'):\n    flask.Markup",
        "import flask\nif hasattr(flask, 'globals'):\n    pass\nelse:\n    flask._app_ctx_stack",
        "import flask\ndef f(app):\n    if not hasattr(app, 'env'):\n        return\n    app.env",
        "import flask\ntry:\n    import x\n    NEW = True\nexcept ImportError:\n    NEW = False\n"
        "if not NEW:\n    flask._app_ctx_stack",
        "from importlib.metadata import version\nold = int(version('flask')[0]) < 2\n"
        "if old:\n    from flask import Markup",
        "import typing as t\nif t.TYPE_CHECKING:\n    from flask import Nothing",
        # Other things of the same names.
        "from .flask import Markup",
        "from markupsafe import Markup\nMarkup.nothing",
        "import flask\ndef f(request):\n    return request.is_xhr",
        "import flask\nf = lambda request: request.is_xhr",
        "from flask import request\ndef f():\n    request = make()\n    return request.is_xhr",
        "from flask import request\nfor request in []:\n    pass\ndef f(request): request.is_xhr",
        "def f(app):\n    app.env",
        "from flask import g, session, current_app\ng.env, session.charset, current_app.mine",
        "import flask\nflask.current_app.config['MINE'] = flask.current_app.config['ENV']",
        "import flask\nx.config['ENV'] = 1",
        "from flask import Flask\nclass A(Flask):\n    mine = 1\n    def f(self): self.mine",
        "import werkzeug\nwerkzeug.Request._mine",
        "from werkzeug._internal import _log",
        "from werkzeug._reloader import run_with_reloader",
        "from flask import *",
        "import mock\nmock.patch('flask.helpers.send_file')\nmock.patch('my.flask.Markup')",
        "import mock\nmock.patch(f'flask.{x}')\nmock.patch()\nprint('flask.Markup')",
        "import flask_uploads, flask_login",
        "from flask.ctx import AppContext, RequestContext\n"
        "def f(x): return isinstance(x, (AppContext, RequestContext)) or isinstance(x, str)",
    ],
)
def test_what_is_left_alone(tmp_path: Path, code: str) -> None:
    assert found(tmp_path, code) == []


def test_a_guard_covers_no_more_than_it_says(tmp_path: Path) -> None:
    code = (
        "import flask\n"
        "try:\n    from flask import a\nexcept ImportError:\n    a = None\n"
        "else:\n    flask.no_b\nfinally:\n    flask.no_c\n"
        "try:\n    flask.no_d\nexcept KeyError:\n    flask.no_e\n"
        "if flask.no_f:\n    flask.no_g\n"
        "def outer(app=flask.no_h):\n    @flask.no_i\n"
        "    class Inner(flask.no_j):\n        x = flask.no_k\n"
    )
    assert [one.name[-1] for one in found(tmp_path, code)] == list("bcdefghijk")


@pytest.mark.parametrize(
    ("name", "line", "column"),
    [
        ("Flask-Script", "Flask-Script==2.0.6", 1),
        ("flask_babelex", "  flask_babelex ; python_version > '3'", 3),
        ("Flask.Cache", "Flask.Cache[redis]>=1", 1),
    ],
)
def test_requirements(tmp_path: Path, name: str, line: str, column: int) -> None:
    text = f"# flask-script\nflask-login\n{line}\n-r other.txt\nflask-jwt-extended\n"
    project(tmp_path, **{"requirements-dev.txt": text})
    (one,) = examine([str(tmp_path)])[0]
    assert (one.kind, one.name, one.line, one.column) == ("extension", name, 3, column)


def test_pyproject(tmp_path: Path) -> None:
    text = (
        '[project]\ndependencies = ["flask>=3", "Flask-Script", "flask-cors"]\n'
        '# "flask-jwt"\n[tool.poetry.dependencies]\nflask-jwt = "^1"\nflask-login = "*"\n'
    )
    project(tmp_path, **{"pyproject.toml": text})
    found = examine([str(tmp_path)])[0]
    assert [(one.name, one.line, one.column) for one in found] == [
        ("Flask-Script", 2, 30),
        ("flask-jwt", 5, 1),
    ]


def test_requirements_that_are_no_text(tmp_path: Path) -> None:
    project(tmp_path, **{"requirements.txt": b"flask\xff"})
    (one,) = examine([str(tmp_path)])[0]
    assert (one.kind, one.why) == ("unread", "is not UTF-8 (byte 5).")


# -- the tables, against what there really is ------------------------------------------------------


def _modules_of_flask() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(flask.__path__, "flask.")]
    return ["flask", *(name for name in names if name != "flask.__main__")]


@pytest.mark.parametrize("module", _modules_of_flask())
def test_every_name_of_flask_is_known(module: str) -> None:
    """What the alias gives is what Flask 3.1.3 has, but for the names that are said to lack."""
    assert is_module(module)
    names = [name for name in vars(importlib.import_module(module)) if name[:2] != "__"]
    assert len(names) > 3 or module == "flask.sansio"
    lacking = {f"{module}.{name}" for name in names if not has(module, name)}
    assert lacking == {name for name in LACKING if name.rpartition(".")[0] == module}


def test_what_was_removed_is_not_there() -> None:
    for full in FLASK:
        module, _, name = full.rpartition(".")
        assert not is_module(module) or not has(module, name), full
        assert not hasattr(_imported(module), name), full


def _imported(module: str) -> t.Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def test_attributes_are_flasks_or_were() -> None:
    """Of an entry, Flask 3.1.3 has the attribute exactly if it says that Erlen lacks it."""
    app = flask.Flask("compat", static_folder=None)
    there: dict[str, t.Any] = {
        "app": app,
        "blueprint": flask.Blueprint("compat", "compat"),
        "request": flask.Request({}),
        "response": flask.Response(),
        "context": app.app_context(),
        "config": app.config,
    }
    for kind, names in ATTRIBUTES.items():
        for name, (why, _) in names.items():
            lacking = "Erlen" in why
            assert hasattr(there[kind], name) is lacking or object_has(kind, name), (kind, name)


def test_settings_and_parameters_are_gone() -> None:
    import inspect

    assert not SETTINGS.keys() & flask.Flask.default_config.keys()
    for function, names in PARAMETERS.items():
        for fw in (flask, erlen):
            assert not names.keys() & inspect.signature(getattr(fw, function)).parameters.keys()


def test_reliable_names_are_there() -> None:
    for full in RELIABLE:
        module, _, name = full.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_looking_does_not_stand_erlen_behind_flask() -> None:
    before = set(sys.modules)
    assert find("flask.json.provider", "JSONProvider") is erlen.json.provider.JSONProvider
    assert not any(name.startswith("flask.") for name in set(sys.modules) - before)
    assert sys.modules["flask"] is flask
