"""Matching one dynamic part of a rule, in time linear in its length.

Werkzeug gives every dynamic part of a rule as a regular expression. The common
ones are answered without it; the ones that take more than linear time, because
several converters share a text, are handed to :mod:`erlen.routing.chain`.
"""

from __future__ import annotations

import re
import typing as t

from .chain import Chain, parse

#: What a test gives: the values of the converters in order, or None.
Groups = t.Sequence[str]
Test = t.Callable[[str], "Groups | None"]

_STR = r"(?P<__werkzeug_0>[^/]{1,})\Z"
_INT = r"(?P<__werkzeug_0>\d+)\Z"
_PATH = r"(?P<__werkzeug_0>[^/].*?)\Z"

_GROUP_PREFIX = "__werkzeug_"

#: Kinds of part that the matcher's inner loop tests by itself, and any other.
STR = 1
INT = 2
PATH = 3
OTHER = 4

_KINDS = {_STR: STR, _INT: INT, _PATH: PATH}


def kind_of(content: str) -> int:
    """Give the kind of part that a regular expression stands for."""
    return _KINDS.get(content, OTHER)


def make_test(content: str) -> Test:
    """Make the function that tests a text against a part's regular expression.

    Args:
        content: the regular expression of a Werkzeug ``RulePart``.

    Returns:
        A function from the text to the converters' values, None if it differs.

    Raises:
        re.error: a custom converter's regular expression is malformed.
    """
    if content == _STR:
        return _test_str
    if content == _INT:
        return _test_int
    if content == _PATH:
        return _test_path
    return _regex_test(content)


def make_suffix_test(content: str) -> t.Callable[[str], tuple[Groups, bool] | None]:
    """Make the test of a part that ends in an optional slash.

    Args:
        content: the regular expression of a suffixed Werkzeug ``RulePart``.

    Returns:
        A function from the text to the values and whether the slash was there.
    """
    pattern, chain, short = _compile(content)
    last = pattern.groups
    order = _group_order(pattern)

    def test(text: str) -> tuple[Groups, bool] | None:
        if chain is not None and len(text) > short:
            return chain.match(text)
        found = pattern.match(text)
        if found is None:
            return None
        return [found[index] for index in order], found[last] == "/"

    return test


def _test_str(text: str) -> Groups | None:
    return (text,) if text else None


def _test_int(text: str) -> Groups | None:
    # str.isdecimal is what \d means in a pattern on str: category Nd.
    return (text,) if text.isdecimal() else None


def _test_path(text: str) -> Groups | None:
    # The dot of the converter's pattern stops at a newline after the first
    # character.
    if not text or text[0] == "/" or text.find("\n", 1) > 0:
        return None
    return (text,)


def _regex_test(content: str) -> Test:
    pattern, chain, short = _compile(content)
    order = _group_order(pattern)
    match = pattern.match

    def test(text: str) -> Groups | None:
        if chain is not None and len(text) > short:
            together = chain.match(text)
            return None if together is None else together[0]
        found = match(text)
        return None if found is None else [found[index] for index in order]

    return test


def _compile(content: str) -> tuple[re.Pattern[str], Chain | None, int]:
    """Compile a part's pattern, what takes over from it, and beyond what length."""
    pattern = re.compile(content)
    chain = parse(content)
    if chain is None or not chain.steep:
        return pattern, None, 0
    # Up to here the regular expression is faster, however it goes about it.
    return pattern, chain, 48 if pattern.groups <= 3 else 24


def _group_order(pattern: re.Pattern[str]) -> list[int]:
    """Give the numbers of the converters' groups, in the order of the rule."""
    prefix = len(_GROUP_PREFIX)
    names = [name for name in pattern.groupindex if name.startswith(_GROUP_PREFIX)]
    names.sort(key=lambda name: int(name[prefix:]))
    return [pattern.groupindex[name] for name in names]
