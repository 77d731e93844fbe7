"""Projects as `erlen new` makes them, for tests."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from erlen.scaffolding import Choices, ScaffoldError
from running import ROOT


def all_choices() -> list[Choices]:
    """Every project that there can be."""
    found = []
    databases, sessions = ("none", "sqlite", "postgresql"), ("cookie", "redis")
    both = (False, True)
    for values in itertools.product(databases, sessions, both, both, ("pages", "api")):
        try:
            found.append(Choices(*values).check())
        except ScaffoldError:
            continue
    return found


#: So few that each can be served, so many that each pair of choices is among them.
PAIRWISE = [
    Choices("none", "cookie", False, False, "pages"),
    Choices("none", "redis", False, True, "api"),
    Choices("sqlite", "cookie", True, True, "api"),
    Choices("sqlite", "redis", False, False, "pages"),
    Choices("postgresql", "redis", True, True, "pages"),
    Choices("postgresql", "cookie", False, True, "pages"),
    Choices("postgresql", "redis", True, False, "api"),
]


def options_of(choices: Choices) -> list[str]:
    """The choices as options of the command."""
    options = ["--database", choices.database, "--sessions", choices.sessions, f"--{choices.kind}"]
    return options + ["--login"] * choices.login + ["--tasks"] * choices.tasks


def name_of(choices: Choices) -> str:
    """The choices as a name of a test."""
    also = ["login"] * choices.login + ["tasks"] * choices.tasks
    return "-".join([choices.database, choices.sessions, *also, choices.kind])


def pairs_of(choices: Choices) -> set[tuple[t.Any, ...]]:
    """The pairs of choices in one project."""
    return set(itertools.combinations(zip(choices._fields, choices, strict=True), 2))


def run(
    folder: Path, *command: str | Path, ok: bool = True, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python module or a program in a folder, as whoever works there would.

    Args:
        folder: Where.
        command: ``-m``, the module and its arguments, or a program's path and its arguments.
        ok: Whether it has to end well.
        env: More for its environment.
    """
    words = [sys.executable, *command] if command[0] == "-m" else list(command)
    # The pytest around must not be the one inside.
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TEST_"))}
    environ |= {"PYTHONPATH": str(ROOT / "src"), **env}
    done = subprocess.run(
        list(map(str, words)), cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    if ok:
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def make(folder: Path, choices: Choices, name: str = "my-shop") -> Path:
    """Make a project by the command; gives its folder."""
    run(folder, "-m", "erlen", "new", name, *options_of(choices))
    return folder / name
