"""Texts to files, without losing what is there."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .names import ScaffoldError


def write_new(folder: Path, texts: t.Mapping[str, str]) -> None:
    """Write a project into a folder that is not there yet, or empty.

    Args:
        folder: Of the project.
        texts: File, relative to it, to text.

    Raises:
        ScaffoldError: The folder has something in it, or can't be written.
    """
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ScaffoldError(f"{folder} is there already, and is not a folder.")
        if folder.is_dir() and any(folder.iterdir()):
            raise ScaffoldError(
                f"{folder} is there already, and is not empty. Nothing was written; choose"
                " another name, or another folder with '--in'."
            )
        for name, text in texts.items():
            _write(folder / name, text, "x")
    except OSError as error:
        raise ScaffoldError(f"{folder} can't be written: {error}") from None


def write_over(folder: Path, texts: t.Mapping[str, str], force: bool) -> dict[str, str]:
    """Write files into a project that is there.

    Args:
        folder: Of the project.
        texts: File, relative to it, to text.
        force: Whether files that are there, with another text, are replaced.

    Returns:
        File to what became of it: ``written``, ``replaced``, ``same`` or ``kept``.

    Raises:
        ScaffoldError: One of them can't be written.
    """
    done = {}
    for name, text in texts.items():
        try:
            done[name] = _write_over(folder / name, text, force)
        except OSError as error:
            raise ScaffoldError(f"{folder / name} can't be written: {error}") from None
    return done


def _write_over(path: Path, text: str, force: bool) -> str:
    if not path.exists():
        _write(path, text, "x")
        return "written"
    if path.is_file() and path.read_bytes() == text.encode():
        return "same"
    if not force:
        return "kept"
    _write(path, text, "w")
    return "replaced"


def _write(path: Path, text: str, mode: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode, encoding="utf-8", newline="\n") as file:
        file.write(text)
