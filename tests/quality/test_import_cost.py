"""What ``import erlen`` brings along, and what it must leave for those who need it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable

import pytest

Python = Callable[..., str]

# Each is only needed by applications that use it, and costs milliseconds. (Not here, because
# Werkzeug's routing itself needs them: hmac and inspect.)
NOT_AT_IMPORT = [
    "asyncio",
    "concurrent.futures",
    "ctypes",
    "importlib.metadata",
    "msgspec",
    "multiprocessing",
    "sqlite3",
    "ssl",
    "tomllib",
    "unittest",
    "werkzeug.debug",
    "werkzeug.serving",
    "werkzeug.test",
    "code",
    "dotenv",
]

LIST = "import sys, json; import {0}; print(json.dumps(sorted(sys.modules)))"
TIME = "import time; began = time.process_time(); import {0}; print(time.process_time() - began)"


@pytest.fixture(scope="module")
def brought(python: Python) -> set[str]:
    return set(json.loads(python(LIST.format("erlen"))))


@pytest.mark.parametrize("name", NOT_AT_IMPORT)
def test_left_for_later(brought: set[str], name: str) -> None:
    assert name not in brought


def test_fewer_modules_than_flask(brought: set[str], python: Python) -> None:
    assert len(brought) < len(json.loads(python(LIST.format("flask"))))


@pytest.mark.timed
def test_at_most_seventy_percent_of_the_time_of_flask(python: Python) -> None:
    python("import erlen, flask")  # leaves the byte code
    ratios = []
    for _ in range(21):
        # Side by side: what disturbs one disturbs the other.
        ours = float(python(TIME.format("erlen")))
        ratios.append(ours / float(python(TIME.format("flask"))))
    assert statistics.median(ratios) <= 0.7
