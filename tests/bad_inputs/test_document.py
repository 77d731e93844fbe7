"""docs/reference/bad-input.md has one row for each case, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "reference" / "bad-input.md"
ID = re.compile(r"[A-Z]{2}-\d{2}")


def cases() -> dict[str, bool]:
    """The ids that are registered without a variant, and whether they are left."""
    found: dict[str, bool] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            first = node.args[0]
            if isinstance(first, ast.JoinedStr):
                first = first.values[0]
            if isinstance(first, ast.Constant) and ID.fullmatch(str(first.value)):
                found[first.value] = any(keyword.arg == "left" for keyword in node.keywords)
    return found


def rows() -> dict[str, bool]:
    """The ids of the document, and what its last column says."""
    found = {}
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and ID.fullmatch(cells[0]):
            assert len(cells) == 5 and cells[4] in ("yes", "no"), line
            assert cells[0] not in found, line
            found[cells[0]] = cells[4] == "yes"
    return found


def test_every_case_has_a_row() -> None:
    assert rows() == cases()
