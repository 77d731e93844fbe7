"""Werkzeug's package is loaded as far as it is used, and is complete for whoever asks."""

from __future__ import annotations

import subprocess
import sys

import pytest


def python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_a_served_application_never_uses_is_not_loaded() -> None:
    program = "import sys, erlen; print(*sorted({'ssl', 'http.server', 'socketserver',"
    program += " 'werkzeug.serving', 'werkzeug.test'} & set(sys.modules)))"
    assert python(program) == ""


@pytest.mark.parametrize(
    "use",
    [
        "import werkzeug; werkzeug.run_simple",
        "import werkzeug; werkzeug.Request; werkzeug.Response; werkzeug.Client",
        "from werkzeug import Client, Request, Response, run_simple",
        "from werkzeug import *; Client",
        "from werkzeug import http, serving, test; http.parse_date, serving.run_simple",
        "import werkzeug.exceptions; werkzeug.exceptions.NotFound",
        "import werkzeug.serving; werkzeug.serving.run_simple",
        "import importlib, werkzeug; importlib.reload(werkzeug).Client",
        "import werkzeug; werkzeug.__path__, werkzeug.__file__, werkzeug.__spec__",
    ],
)
def test_everything_is_there(use: str) -> None:
    assert python(f"import erlen; {use}; print('fine')") == "fine"


def test_what_is_not_there_is_an_attribute_error() -> None:
    program = """
import erlen, werkzeug
for name in ("nothing", "__nothing__"):
    try:
        getattr(werkzeug, name)
    except AttributeError as error:
        print(error)
print(hasattr(werkzeug, "__wrapped__"))
try:
    from werkzeug import nothing
except ImportError as error:
    print("ImportError")
"""
    assert python(program).splitlines() == [
        "module 'werkzeug' has no attribute 'nothing'",
        "module 'werkzeug' has no attribute '__nothing__'",
        "False",
        "ImportError",
    ]


def test_the_same_classes_as_without() -> None:
    program = """
import erlen, werkzeug
from werkzeug.wrappers import Request
from werkzeug.test import Client
print(werkzeug.Request is Request, werkzeug.Client is Client)
"""
    assert python(program) == "True True"


def test_one_that_is_there_already_is_left_alone() -> None:
    program = "import werkzeug; before = werkzeug.Client; import erlen, werkzeug as again;"
    assert python(f"{program} print(again.Client is before, again is werkzeug)") == "True True"


def test_used_by_many_threads_at_once() -> None:
    program = """
import erlen, werkzeug
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    print(len(set(pool.map(lambda _: werkzeug.Client, range(64)))))
"""
    assert python(program) == "1"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    state = "gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()"
    program = f"""
import gc
if not {enabled}:
    gc.disable()
before = {state}
import erlen
assert ({state}) == before
"""
    python(program)


def test_frozen_objects_stay_frozen() -> None:
    python(
        "import gc; gc.freeze(); n = gc.get_freeze_count(); import erlen\n"
        "assert 0 < gc.get_freeze_count() <= n"
    )
