"""Matching one dynamic part of a rule, in time linear in its length.

Werkzeug gives every dynamic part of a rule as a regular expression. The common
ones are answered without it; the ones with several ``path`` converters are
rewritten so that they no longer backtrack over each other.
"""

from __future__ import annotations

import re
import typing as t

#: What a test gives: the values of the converters in order, or None.
Groups = t.Sequence[str]
Test = t.Callable[[str], "Groups | None"]

_STR = r"(?P<__werkzeug_0>[^/]{1,})\Z"
_INT = r"(?P<__werkzeug_0>\d+)\Z"
_PATH = r"(?P<__werkzeug_0>[^/].*?)\Z"

_GROUP_PREFIX = "__werkzeug_"
_SUFFIX = r"(?<!/)(/?)\Z"
_path_group = re.compile(r"(\(\?P<__werkzeug_\d+>\[\^/\]\.\*\?\))")

#: Kinds of part that the matcher's inner loop tests by itself.
STR = 1
INT = 2


def kind_of(content: str) -> int:
    """Give the kind of part a regular expression stands for, 0 if it has none."""
    if content == _STR:
        return STR
    if content == _INT:
        return INT
    return 0


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
    pattern = re.compile(linear(content))
    last = pattern.groups
    order = _group_order(pattern)

    def test(text: str) -> tuple[Groups, bool] | None:
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
    pattern = re.compile(linear(content))
    order = _group_order(pattern)
    match = pattern.match

    def test(text: str) -> Groups | None:
        found = match(text)
        return None if found is None else [found[index] for index in order]

    return test


def _group_order(pattern: re.Pattern[str]) -> list[int]:
    """Give the numbers of the converters' groups, in the order of the rule."""
    prefix = len(_GROUP_PREFIX)
    names = [name for name in pattern.groupindex if name.startswith(_GROUP_PREFIX)]
    names.sort(key=lambda name: int(name[prefix:]))
    return [pattern.groupindex[name] for name in names]


def linear(content: str) -> str:
    """Rewrite a pattern of ``path`` converters and fixed text to run in linear time.

    A lazy ``path`` group followed by fixed text has only one useful end: the
    first place where the text stands and the next group can begin. Whatever a
    later end allows, the next group can reach from the first one by being
    longer. So each group is closed atomically there, and nothing is retried.

    Args:
        content: the regular expression of a dynamic part.

    Returns:
        An equivalent pattern, or *content* itself where the rewriting would not
        be exact: another converter in the part, or a newline in the fixed text.
    """
    pieces = _path_group.split(content)
    texts = pieces[::2]
    if len(texts) < 3 or "\n" in content or any(_GROUP_PREFIX in text for text in texts):
        return content
    parts = [texts[0]]
    for group, text in zip(pieces[1:-2:2], texts[1:-1]):
        parts.append(f"(?>{group}{text}(?=[^/]))")
    parts += pieces[-2:]
    return "".join(parts)
