"""The code that the tutorial shows is the code of this application."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
PAGES = HERE.parents[1] / "docs" / "tutorial"
SHOWN = re.compile(
    r"^<!-- (?:shown|not run: part of the application): (\S+) -->\n```\w+\n(.*?)^```$", re.M | re.S
)

if not PAGES.is_dir():
    pytest.skip("the tutorial is not here, only the application", allow_module_level=True)


@pytest.mark.parametrize("page", sorted(PAGES.glob("[1-9]*.md")), ids=lambda page: page.stem)
def test_what_is_shown_is_real(page: Path) -> None:
    shown = SHOWN.findall(page.read_text())
    assert shown
    for name, code in shown:
        real = (HERE / name).read_text()
        for part in code.split("\n\n\n"):
            assert part.strip("\n") in real, f"{page.name} shows something else than {name}"
