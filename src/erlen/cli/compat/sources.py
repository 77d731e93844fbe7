"""The files of a project, read and parsed; none of them is run."""

from __future__ import annotations

import ast
import os
import typing as t
import warnings

from .finding import Finding

#: Folders in which nobody keeps a project's own code.
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "__pypackages__"}


class Source(t.NamedTuple):
    """A file: its text, its tree if it is Python, or why there is neither."""

    path: str
    tree: ast.Module | None = None
    text: str = ""
    trouble: Finding | None = None


def read_all(paths: t.Iterable[str]) -> t.Iterator[Source]:
    """Read files, and those in folders that matter.

    Args:
        paths: Files, which are read whatever they are called, and folders.
    """
    seen: set[str] = set()
    for path in paths:
        for found in [path] if not os.path.isdir(path) else _files_in(path):
            real = os.path.realpath(found)
            if real not in seen:
                seen.add(real)
                yield read(found)


def _files_in(folder: str) -> t.Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED
            and name[:1] != "."
            and not os.path.exists(os.path.join(here, name, "pyvenv.cfg"))
        )
        for name in sorted(files):
            if name.endswith(".py") or is_requirements(name):
                yield os.path.join(here, name)


def is_requirements(name: str) -> bool:
    """Whether a file of that name lists what a project depends on."""
    return name == "pyproject.toml" or (
        name.endswith((".txt", ".in")) and name.startswith(("requirements", "constraints"))
    )


def read(path: str) -> Source:
    """Read a file; whatever hinders becomes a finding."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        return _unread(path, f"cannot be opened: {error.strerror or error}.")
    if is_requirements(os.path.basename(path)):
        try:
            return Source(path, None, content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            return _unread(path, f"is not UTF-8 (byte {error.start}).")
    return _parsed(path, content)


def _parsed(path: str, content: bytes) -> Source:
    try:
        with warnings.catch_warnings():
            # What Python says about the project's strings is not our affair.
            warnings.simplefilter("ignore")
            # From bytes, so that a coding line in the file counts.
            return Source(path, ast.parse(content, path), _decoded(content))
    except SyntaxError as error:
        if error.msg.startswith("(unicode error)") or "codec" in error.msg:
            return _unread(path, f"is not text in its encoding: {error.msg}.", error)
        # Some of Python's texts end with a question.
        return _unread(path, f"is not valid Python: {error.msg.rstrip('.?')}.", error)
    except UnicodeDecodeError as error:
        return _unread(path, f"is not {error.encoding} (byte {error.start}).")
    except ValueError as error:
        return _unread(path, f"is not valid Python: {error}.")
    except (RecursionError, MemoryError):
        return _unread(path, "is nested too deeply for Python.")


def _decoded(content: bytes) -> str:
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return content.decode(encoding)


def _unread(path: str, why: str, error: SyntaxError | None = None) -> Source:
    line = (error.lineno or 1) if error is not None else 1
    column = (error.offset or 1) if error is not None else 1
    name = os.path.basename(path) or path
    fix = "Mend the file, or leave it out."
    return Source(path, trouble=Finding(path, line, max(column, 1), "unread", name, why, fix))
