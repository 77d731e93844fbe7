"""Files are written, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from erlen.scaffolding import Choices, ScaffoldError, write_new, write_over
from erlen.scaffolding.choices import read_choices


def test_new(tmp_path: Path) -> None:
    write_new(tmp_path / "a", {"b/c.txt": "d\n"})
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"d\n"
    (tmp_path / "empty").mkdir()
    write_new(tmp_path / "empty", {"c.txt": "d\n"})
    assert (tmp_path / "empty" / "c.txt").exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").write_text("mine")
    with pytest.raises(ScaffoldError, match="not empty"):
        write_new(tmp_path / "a", {"other": ""})
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine"]
    (tmp_path / "file").write_text("")
    with pytest.raises(ScaffoldError, match="not a folder"):
        write_new(tmp_path / "file", {"other": ""})
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ScaffoldError, match="not a folder"):
        write_new(tmp_path / "link", {"other": ""})


def test_over(tmp_path: Path) -> None:
    texts = {"a": "1", "b": "2", "c": "3"}
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("mine")
    assert write_over(tmp_path, texts, False) == {"a": "same", "b": "kept", "c": "written"}
    assert (tmp_path / "b").read_text() == "mine"
    assert write_over(tmp_path, texts, True) == {"a": "same", "b": "replaced", "c": "same"}
    assert (tmp_path / "b").read_text() == "2"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ScaffoldError, match=r"a can't be written"):
        write_over(tmp_path, {"a": "1"}, True)
    (tmp_path / "file").write_text("")
    with pytest.raises(ScaffoldError, match="can't be written"):
        write_new(tmp_path / "file" / "below", {"b": ""})


def test_choices_are_read_back(tmp_path: Path) -> None:
    assert read_choices(tmp_path) is None
    path = tmp_path / "pyproject.toml"
    path.write_text('[tool.erlen]\ndatabase = "sqlite"\nlogin = true\n')
    assert read_choices(tmp_path) == Choices("sqlite", login=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tool.erlen]\ndatabase = "oracle"\n', "'oracle'; it can be 'none', 'sqlite'"),
        ("[tool.erlen]\ncolour = 1\n", "no setting 'colour'"),
        ("[tool]\nerlen = 3\n", "not a table"),
        ("[tool\n", "can't be read"),
    ],
)
def test_choices_that_there_are_not(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ScaffoldError, match=said):
        read_choices(tmp_path)
