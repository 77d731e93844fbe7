"""Configuration files out of the documentation, so that what it shows is what is tested."""

from __future__ import annotations

import re

from running import ROOT

_BLOCK = re.compile(r"<!-- file: (\S+) -->\n+```\w+\n(.*?)^```$", re.M | re.S)


def files_of(page: str) -> dict[str, str]:
    """The marked files of a page, by name.

    Args:
        page: Its path below ``docs``.
    """
    text = (ROOT / "docs" / page).read_text()
    return {match[1]: match[2] for match in _BLOCK.finditer(text)}


def changed(text: str, **changes: tuple[str, str]) -> str:
    """A configuration with other addresses and paths in it.

    Args:
        text: The configuration.
        changes: What to put in whose place; each must be there.
    """
    for what, (old, new) in changes.items():
        assert old in text, f"The page does not have {old!r} any more ({what})."
        text = text.replace(old, new)
    return text
