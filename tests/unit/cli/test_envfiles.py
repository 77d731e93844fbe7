from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

import pytest

Write = t.Callable[..., Path]


def test_precedence(side: t.Any, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "environment")
    write(".flaskenv", "A=flaskenv\nB=flaskenv\nC=flaskenv\nD=flaskenv\n")
    write(".env", "A=env\nB=env\nC=env\n")
    given = write("given", "A=given\nB=given\nE=ж\nF\n")
    assert side.cli.load_dotenv(given) is True
    found = {name: os.environ.get(name) for name in "ABCDEF"}
    assert found == {
        "A": "environment",
        "B": "given",
        "C": "env",
        "D": "flaskenv",
        "E": "ж",
        "F": None,
    }


def test_looks_upwards_and_stays(side: t.Any, write: Write, tmp_path: Path) -> None:
    write(".env", "UP=1\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    os.chdir(below)
    assert side.cli.load_dotenv() is True
    assert os.environ["UP"] == "1"
    assert Path.cwd() == below


def test_without_defaults(side: t.Any, write: Write) -> None:
    write(".env", "NOT_READ=1\n")
    assert side.cli.load_dotenv(load_defaults=False) is False
    assert side.cli.load_dotenv("missing", load_defaults=False) is False
    assert "NOT_READ" not in os.environ


def test_an_empty_file_is_nothing(side: t.Any, write: Write) -> None:
    assert side.cli.load_dotenv(write("empty", ""), load_defaults=False) is False


@pytest.mark.parametrize(("file", "argument"), [(".env", None), (".flaskenv", None), ("", "x")])
def test_without_dotenv_there_is_a_tip(
    both: t.Any,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    argument: str | None,
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)

    if file:
        write(file, "A=1\n")

    texts = []

    for side in both:
        assert side.cli.load_dotenv(argument) is False
        texts.append(capsys.readouterr().err)

    assert texts[0] == texts[1] != ""


def test_without_dotenv_and_files_it_is_silent(
    side: t.Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    assert side.cli.load_dotenv() is False
    assert capsys.readouterr() == ("", "")
