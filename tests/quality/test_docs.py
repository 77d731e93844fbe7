"""Every Python block in the documentation runs.

A block of three backticks and ``python`` runs by itself, in a fresh interpreter and an empty
folder. A comment on the line before says otherwise:

    <!-- continues -->          after the blocks before it in the file, up to one without this
    <!-- file: notes/db.py -->  it is not run but written to this file, for the blocks that follow
    <!-- not run: reason -->    it is only compiled
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"(?:<!-- *([^\n]*?) *-->\n+)?^```python\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """One block: where it is, its code, what it needs."""

    place: str
    code: str
    before: str
    files: dict[str, str]
    compiled_only: bool


def blocks_of(name: str, text: str) -> list[Block]:
    found: list[Block] = []
    files: dict[str, str] = {}
    story = ""
    for match in FENCE.finditer(text):
        mark, code = match[1] or "", match[2]
        place = f"{name}:{text.count(chr(10), 0, match.start(2))}"
        if mark.startswith("file:"):
            files = {**files, mark.removeprefix("file:").strip(): code}
            found.append(Block(place, code, "", files, True))
            continue
        if mark != "continues":
            story = ""
        found.append(Block(place, code, story, files, mark.startswith("not run")))
        story += code + "\n"
    return found


def all_blocks() -> list[Block]:
    paths = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    paths += sorted(ROOT.glob("examples/*/README.md"))
    return [
        block
        for path in paths
        if path.exists()
        for block in blocks_of(path.relative_to(ROOT).as_posix(), path.read_text())
    ]


@pytest.mark.parametrize("block", all_blocks(), ids=lambda block: block.place)
def test_block(block: Block, tmp_path: Path) -> None:
    compile(block.code if ">>> " not in block.code else "", block.place, "exec")
    if block.compiled_only:
        return
    for name, text in block.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    # A file, not `-c`: an application finds its folder, and an error its line, through it.
    (tmp_path / "snippet.py").write_text(block.before + "\n" + block.code)
    command = [sys.executable, "snippet.py"]
    if ">>> " in block.code:
        command = [sys.executable, "-m", "doctest", "-o", "ELLIPSIS", "snippet.txt"]
        (tmp_path / "snippet.txt").write_text(block.code)
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{block.place}\n{done.stdout}{done.stderr}"


def test_the_reader_of_blocks() -> None:
    text = (
        "```python\na = 1\n```\n<!-- continues -->\n```python\nb = a\n```\n"
        "<!-- file: x.py -->\n```python\nc = 1\n```\n```console\n$ ls\n```\n"
        "```python\nimport x\n```\n"
    )
    found = blocks_of("page", text)
    assert [block.code for block in found] == ["a = 1\n", "b = a\n", "c = 1\n", "import x\n"]
    assert found[1].before == "a = 1\n\n"
    assert found[3].files == {"x.py": "c = 1\n"} and found[3].before == ""
    assert [block.compiled_only for block in found] == [False, False, True, False]
