"""Every test that docs/howto/security.md names for a claim exists, and every claim names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "howto" / "security.md").read_text()
NAMED = re.findall(r"`((?:tests|examples)/[\w/]+\.py)::(\w+)`", PAGE)
ROWS = sorted(set(re.findall(r"\b[A-Z]{2}-\d\d\b", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_named_tests_exist(file: str, name: str) -> None:
    assert re.search(rf"^ *(?:async )?def {name}\(", (ROOT / file).read_text(), re.M)


@pytest.mark.parametrize("row", ROWS)
def test_named_rows_exist(row: str) -> None:
    """The table of bad input has the row, and a case in the tests has its id."""
    table = (ROOT / "docs" / "reference" / "bad-input.md").read_text()
    assert f"\n| {row} |" in table
    cases = "".join(path.read_text() for path in (ROOT / "tests" / "bad_inputs").glob("test_*.py"))
    assert f'("{row}' in cases


def test_every_claim_names_a_test() -> None:
    table = [line for line in PAGE.splitlines() if line.startswith("| ")]
    claims = [line.split("|")[4] for line in table[1:]]
    assert len(claims) > 12
    for claim in claims:
        assert "::test_" in claim or re.search(r"\b[A-Z]{2}-\d\d\b", claim), claim
