"""User code is typed: mypy --strict and pyright accept one folder and refuse every marked line.

In ``tests/typing/bad`` each line that ends in ``# refused`` must be an error for both, one that
ends in ``# refused: mypy`` for mypy only; no other line may be one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

TYPING = Path(__file__).resolve().parents[1] / "typing"

Places = set[tuple[str, int]]


def mypy(folder: str, root: Path) -> dict[tuple[str, int], str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty"]
    command += ["--hide-error-context", f"tests/typing/{folder}"]
    out = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert out.returncode in (0, 1), out.stdout + out.stderr
    lines = re.findall(r"^(.+?):(\d+): error: (.+)$", out.stdout, re.M)
    # The package itself is checked elsewhere.
    own = [entry for entry in lines if entry[0].startswith("tests")]
    return {(Path(path).name, int(line)): text for path, line, text in own}


def pyright(folder: str, root: Path) -> dict[tuple[str, int], str]:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    out = subprocess.run(
        [*command, f"tests/typing/{folder}"], cwd=root, capture_output=True, text=True
    )
    if not out.stdout.startswith("{"):
        pytest.fail(f"pyright did not run: it needs Node.js\n{out.stdout}{out.stderr}")
    return {
        (Path(entry["file"]).name, entry["range"]["start"]["line"] + 1): entry["message"]
        for entry in json.loads(out.stdout)["generalDiagnostics"]
        if entry["severity"] == "error"
    }


def marked(tool: str) -> Places:
    found = set()
    for path in (TYPING / "bad").glob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.search(r"# refused(?:: (\w+))?$", line)
            if match and match[1] in (None, tool):
                found.add((path.name, number))
    return found


@pytest.mark.parametrize("check", [mypy, pyright])
def test_good_code_is_accepted(check, root: Path) -> None:
    assert list((TYPING / "ok").glob("*.py"))
    assert check("ok", root) == {}


@pytest.mark.parametrize("check", [mypy, pyright])
def test_bad_code_is_refused(check, root: Path) -> None:
    errors = check("bad", root)
    expected = marked(check.__name__)
    assert expected
    assert expected - set(errors) == set(), "accepted, but should be refused"
    assert {place: errors[place] for place in set(errors) - expected} == {}
