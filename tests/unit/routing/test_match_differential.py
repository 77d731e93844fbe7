"""The compiled matcher answers exactly what Werkzeug's ``MapAdapter.match`` answers."""

from __future__ import annotations

import typing as t

import werkzeug.routing as wz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound

from erlen.routing import RouteTable, compile_table
from unit.routing.routing_maps import (
    METHODS,
    adapters,
    bind,
    describe,
    maps,
    near_paths,
    outcome,
    paths,
    subdomains,
)

checked = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _position(url_map: wz.Map, rule: wz.Rule) -> int:
    """Give the rule's place in its map, the same in both maps."""
    return next(i for i, other in enumerate(url_map._rules) if other is rule)


def answer_theirs(theirs: wz.Map, adapter: wz.MapAdapter, path: str, method: str) -> t.Any:
    def call() -> t.Any:
        rule, args = adapter.match(path, method, return_rule=True)
        return _position(theirs, rule), describe(rule), args

    return outcome(call)


def answer_ours(table: RouteTable, adapter: wz.MapAdapter, path: str, method: str) -> t.Any:
    def call() -> t.Any:
        target, args = table.match_adapter(adapter, path, method)
        return _position(table.url_map, target.rule), describe(target.rule), args

    return outcome(call)


def answer_fast(table: RouteTable, adapter: wz.MapAdapter, path: str, method: str) -> t.Any:
    """Answer as a server does: static, then find, then match."""

    def call() -> t.Any:
        target = table.static.get(path, {}).get(method)
        if target is not None:
            args = dict(target.args or {})
        else:
            found = table.find(path, method)
            if found is None:
                raise NotFound
            if not found:
                found = table.match_adapter(adapter, path, method)
            target, args = found
        return _position(table.url_map, target.rule), describe(target.rule), args

    return outcome(call)


@checked
@given(
    both=maps(),
    data=st.data(),
    arguments=adapters,
    subdomain=subdomains,
)
def test_match_is_werkzeugs(
    both: tuple[wz.Map, wz.Map],
    data: st.DataObject,
    arguments: dict[str, t.Any],
    subdomain: str | None,
) -> None:
    ours, theirs = both
    table = compile_table(ours)
    mine, its = bind(ours, arguments, subdomain), bind(theirs, arguments, subdomain)
    usual = not ours.host_matching and mine.subdomain == ours.default_subdomain
    asked = paths
    if theirs._rules:
        asked = near_paths([rule.rule for rule in theirs._rules]) | paths
    method_names = st.sampled_from([*METHODS, "GET", "ODD"])
    for path, method in data.draw(st.lists(st.tuples(asked, method_names), max_size=12)):
        expected = answer_theirs(theirs, its, path, method)
        assert answer_ours(table, mine, path, method) == expected
        if table.plain and usual and not mine.websocket:
            assert answer_fast(table, mine, path, method) == expected
