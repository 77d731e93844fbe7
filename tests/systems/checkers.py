"""The programs that judge generated files: in an environment of their own, `.venv-checks`.

`scripts/test` makes it from `requirements/checks.txt` and `requirements/checks/`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from running import ROOT

FOLDER = ROOT / ".venv-checks"


def missing(what: str, how: str) -> None:
    """Skip the test; where nothing may be left out, fail it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is missing; {how}")


def checker(name: str) -> Path:
    """The path of a checker that is installed by pip; skips the test if it is missing."""
    path = FOLDER / "bin" / name
    if not path.exists():
        missing(name, "scripts/test installs it into .venv-checks")
    return path


def modules() -> Path:
    """The folder of the checkers that are installed by npm; skips the test if they are missing."""
    for program, how in (
        ("node", "scripts/test brings it along"),
        ("java", "on Debian: apt-get install default-jre-headless"),
    ):
        if shutil.which(program) is None:
            missing(program, how)
    folder = FOLDER / "node"
    if not (folder / "node_modules").exists():
        missing("npm-groovy-lint", "scripts/test installs it into .venv-checks/node")
    return folder


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a checker; gives its output, whatever it found."""
    words = list(map(str, command))
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=180)


def passes(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a checker that has to find nothing; gives its output."""
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, f"{command[0]}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def schema(name: str, *paths: str | Path) -> list[str | Path]:
    """The command that judges files by one of the schemas that check-jsonschema has."""
    options = ["--builtin-schema", f"vendor.{name}"]
    if name == "gitlab-ci":
        # Its `!reference` is no YAML of every reader.
        options += ["--data-transform", "gitlab-ci"]
    return [checker("check-jsonschema"), *options, *paths]
