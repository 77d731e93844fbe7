"""Rules that no request reaches are found, and no others."""

from __future__ import annotations

import pytest
from werkzeug.routing import BaseConverter

from erlen.routing import Rule, WatchedMap
from erlen.routing.check import find_conflicts


def conflicts(*rules: Rule) -> list[tuple[str, str, str | None, tuple[str, ...]]]:
    return [
        (c.kind, c.rule.endpoint, c.other and c.other.endpoint, c.methods)
        for c in find_conflicts(WatchedMap(rules))
    ]


def get(string: str, endpoint: str, **options: object) -> Rule:
    return Rule(string, endpoint=endpoint, methods=["GET", "OPTIONS"], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rules",
    [
        [get("/a", "a"), get("/a/", "b")],
        [get("/<x>", "a"), get("/a", "b")],
        [get("/<x>", "a"), get("/<int:y>", "b")],
        [get("/<path:x>", "a"), get("/<path:x>/edit", "b"), get("/<y>", "c")],
        [get("/a", "a"), Rule("/a", endpoint="b", methods=["POST"])],
        [get("/a", "a"), get("/a", "b", build_only=True)],
        [get("/a", "a"), Rule("/a", endpoint="b", websocket=True)],
        [get("/all", "a", defaults={"page": 1}), get("/all/<int:page>", "a")],
        [get("/<int(min=5, max=6):x>", "a"), get("/<string(length=3):x>", "b")],
        [get("/", "a"), get("/", "b", subdomain="s"), get("/", "c", subdomain="<x>")],
    ],
)
def test_nothing_to_report(rules: list[Rule]) -> None:
    assert conflicts(*rules) == []


def test_duplicate() -> None:
    assert conflicts(get("/a", "a"), get("/a", "b")) == [("duplicate", "b", "a", ("GET",))]
    assert conflicts(get("/<x>/z", "a"), get("/<y>/z", "b")) == [("duplicate", "b", "a", ("GET",))]


def test_duplicate_for_one_method() -> None:
    both = Rule("/a", endpoint="b", methods=["GET", "POST"])
    assert conflicts(get("/a", "a"), both) == [("duplicate", "b", "a", ("GET",))]


def test_shadowed() -> None:
    assert conflicts(get("/<x>", "a"), get("/<any(k, l):y>", "b")) == [
        ("shadowed", "b", "a", ("GET",))
    ]


def test_unreachable() -> None:
    # All leading slashes of a path count as one.
    assert conflicts(get("//a", "a", merge_slashes=False)) == [("unreachable", "a", None, ("GET",))]


def test_a_converter_that_nothing_fits_is_passed_over() -> None:
    class Odd(BaseConverter):
        regex = "§{7}"

    url_map = WatchedMap(converters={"odd": Odd})
    url_map.add(get("/<odd:x>", "a"))
    url_map.add(get("/<odd:x>", "b"))
    assert find_conflicts(url_map) == []


def test_text_names_both_places() -> None:
    first, second = get("/a", "a"), get("/a", "b")
    sources = {id(first): "app.py:3", id(second): "app.py:7"}
    (conflict,) = find_conflicts(WatchedMap([first, second]), sources)
    assert str(conflict) == (
        "duplicate: /a -> b (app.py:7) is never reached by GET; /a -> a (app.py:3) answers first"
    )
