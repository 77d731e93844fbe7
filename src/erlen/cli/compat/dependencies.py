"""What a project says that it needs: requirements files and ``pyproject.toml``."""

from __future__ import annotations

import re
import typing as t

from .extensions import EXTENSIONS, normalized
from .finding import Finding

_name = re.compile(r"""^\s*["']?([A-Za-z0-9][A-Za-z0-9._-]*)""").match
_quoted = re.compile(r"""["']([A-Za-z0-9][A-Za-z0-9._-]*)[^"']*["']|^\s*([A-Za-z0-9._-]+)\s*=""")


def check_requirements(path: str, text: str) -> list[Finding]:
    """Find extensions that cannot work.

    Args:
        path: The file; ``pyproject.toml`` has its requirements in quotes, or as keys.
        text: What is in it.
    """
    found = []
    in_toml = path.endswith(".toml")
    for number, line in enumerate(text.splitlines(), 1):
        for name, column in _names_in_toml(line) if in_toml else _names_in(line):
            told = EXTENSIONS.get(normalized(name))
            if told is not None:
                found.append(Finding(path, number, column, "extension", name, *told))
    return found


def _names_in(line: str) -> t.Iterator[tuple[str, int]]:
    match = _name(line)
    if match is not None:
        yield match[1], match.start(1) + 1


def _names_in_toml(line: str) -> t.Iterator[tuple[str, int]]:
    if line.lstrip().startswith("#"):
        return
    for match in _quoted.finditer(line):
        group = 1 if match[1] is not None else 2
        yield match[group], match.start(group) + 1
