"""`scripts/_again.py` gives a second chance to few tests, of real processes only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from running import ROOT

REAL, UNIT = "tests/servers/test_real.py", "tests/unit/test_unit.py"
SECOND = """
from pathlib import Path

def test_second(): # Passes when it has been run before.
    mark = Path(__file__).with_suffix(".mark")
    known = mark.exists()
    mark.touch()
    assert known

def test_never(): assert False
def test_always(): pass
"""


@pytest.mark.parametrize(
    ("tests", "status", "said"),
    [
        ([f"{REAL}::test_second", f"{REAL}::test_always"], 0, "passed"),
        ([f"{REAL}::test_second", f"{REAL}::test_never"], 1, "failed"),
        ([f"{UNIT}::test_second"], 1, ""),
        ([f"{REAL}::test_second", f"{UNIT}::test_second"], 1, ""),
        ([f"{REAL}::test_always"], 1, ""),
    ],
)
def test_it(tmp_path: Path, tests: list[str], status: int, said: str) -> None:
    for name in (REAL, UNIT):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(SECOND)
    (tmp_path / "pytest.ini").touch()
    first = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--cache-clear", *tests], cwd=tmp_path
    )
    again = subprocess.run(
        [sys.executable, ROOT / "scripts/_again.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert again.returncode == status
    if said:
        names = [test for test in sorted(tests) if not test.endswith("always")]
        assert "\n  ".join(["again, alone:", said, *names]) in again.stdout
    else:
        assert again.stdout == ""
    assert first.returncode == (1 if "test_always" not in tests[0] else 0)


def test_many_are_not_run_again(tmp_path: Path) -> None:
    cache = tmp_path / ".pytest_cache/v/cache"
    cache.mkdir(parents=True)
    names = [f'"{REAL}::test_{number}": true' for number in range(4)]
    (cache / "lastfailed").write_text("{" + ", ".join(names) + "}")
    again = subprocess.run(
        [sys.executable, ROOT / "scripts/_again.py"], cwd=tmp_path, capture_output=True
    )
    assert (again.returncode, again.stdout) == (1, b"")
