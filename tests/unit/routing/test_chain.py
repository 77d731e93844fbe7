"""The bit-parallel matcher takes what the regular expression would have taken."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.routing import Map, Rule

from erlen.routing.chain import parse

KINDS = [
    "",
    "path:",
    "int:",
    "int(signed=True):",
    "float:",
    "float(signed=True):",
    "string(length=2):",
    "string(minlength=2):",
    "string(minlength=2, maxlength=4):",
    "string(minlength=0):",
    "any('a', '-', 'a/1', '|', '', '(b)'):",
    "uuid:",
]


@st.composite
def contents(draw: st.DrawFn, kinds: list[str], slashes: bool) -> str:
    """Draw the pattern of a part with several converters."""
    rule = ""
    between = ["", "", "-", "1", ".", "a|", "/"] if slashes else ["", "-", "1", "."]
    for index in range(draw(st.integers(1, 4))):
        rule += draw(st.sampled_from(between))
        rule += f"<{draw(st.sampled_from(kinds))}v{index}>"
    rule = "/<path:first>/" + rule if slashes else "/" + rule
    rule += draw(st.sampled_from(["", "-", "/", "/x", "/x/"]))
    bound = Rule(rule)
    bound.bind(Map(merge_slashes=False))
    return next(part.content for part in bound._parts if not part.static)


texts = st.text(alphabet="a1-./|\n٣", max_size=24)


def _by_regex(pattern: str, text: str) -> tuple[list[str], bool] | None:
    found = re.compile(pattern).match(text)
    if found is None:
        return None
    slash = pattern.endswith(r"(/?)\Z") and found.groups()[-1] == "/"
    return [value for name, value in found.groupdict().items()], slash


@settings(max_examples=200, deadline=None)
@given(
    content=contents(KINDS, slashes=True)
    | contents(["path:"], slashes=True)
    | contents(KINDS[:1] + KINDS[2:], slashes=False),
    asked=st.lists(texts, min_size=5, max_size=20),
)
def test_chain_is_the_regular_expression(content: str, asked: list[str]) -> None:
    chain = parse(content)
    assert chain is not None, content
    for text in asked:
        assert chain.match(text) == _by_regex(content, text), (content, text)


@pytest.mark.parametrize(
    ("rule", "steep"),
    [
        ("/<path:a>", False),
        ("/<path:a>/", False),
        ("/<path:a>/edit/<int:b>", False),
        ("/<path:a>/<b>/<float:c>/", False),
        ("/<path:a>/<int:b>/<path:c>", True),
        ("/<path:a>-<b>", True),
        ("/<a>-<b>", True),
        ("/<a>.<any(json, xml):b>", False),
        ("/<float:a>", False),
        ("/<int:a>-<path:b>", True),
    ],
)
def test_only_steep_parts_leave_the_regular_expression(rule: str, steep: bool) -> None:
    bound = Rule(rule)
    bound.bind(Map())
    content = next(part.content for part in bound._parts if not part.static)
    chain = parse(content)
    assert chain is not None
    assert chain.steep is steep


def test_an_unknown_pattern_is_left_alone() -> None:
    assert parse(r"(?P<__werkzeug_0>[a-z]+)\Z") is None
    assert parse(r"(?P<__werkzeug_0>[^/]+") is None
    assert parse(r"(?P<__werkzeug_0>[^/]{1,5000})\Z") is None
