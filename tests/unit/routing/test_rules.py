"""Rules that compile their builders late, and maps that say when they change."""

from __future__ import annotations

import typing as t

import pytest
import werkzeug.routing as wz

from erlen.routing import Rule, WatchedMap, watched
from erlen.routing.rules import watch
from erlen.state import epoch


class TestRule:
    def test_is_werkzeugs(self) -> None:
        rule = Rule("/a/<x>", endpoint="e")
        assert isinstance(rule, wz.Rule)
        assert "HEAD" in (Rule("/", methods=["GET"]).methods or ())

    def test_builds_as_werkzeugs(self) -> None:
        mine, its = Rule("/a/<x>", endpoint="e"), wz.Rule("/a/<x>", endpoint="e")
        WatchedMap([mine]), wz.Map([its])
        for _ in range(2):
            assert mine.build({"x": "é", "self": 1}) == its.build({"x": "é", "self": 1})
            assert mine.build({"x": "a", "y": 1}, False) == its.build({"x": "a", "y": 1}, False)

    @pytest.mark.parametrize(
        ("string", "options"),
        [
            ("/<a>/<a>", {}),
            ("/<None>", {}),
            ("/<True>/x", {}),
            ("/<any(a, b):x>", {"defaults": {"x": "c"}}),
            ("/<nope:x>", {}),
            ("/<x", {}),
        ],
    )
    def test_refuses_on_adding_what_werkzeug_refuses(
        self, string: str, options: dict[str, t.Any]
    ) -> None:
        with pytest.raises(Exception) as theirs:  # noqa: PT011
            wz.Map([wz.Rule(string, endpoint="e", **options)])
        with pytest.raises(type(theirs.value)):
            WatchedMap([Rule(string, endpoint="e", **options)])

    def test_equality_is_symmetric_with_the_base(self) -> None:
        mine, its = Rule("/a", endpoint="e"), wz.Rule("/a", endpoint="e")
        WatchedMap([mine]), wz.Map([its])
        assert mine == its
        assert its == mine

    def test_binding_again_is_a_change(self) -> None:
        rule = Rule("/a", endpoint="e")
        url_map = WatchedMap([rule])
        before, version = epoch.value, url_map.version
        rule.refresh()
        assert epoch.value > before
        assert url_map.version > version


def _set(name: str, value: t.Any) -> t.Callable[[wz.Map], None]:
    return lambda url_map: setattr(url_map, name, value)


CHANGES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "add": lambda m: m.add(Rule("/b", endpoint="b")),
    "add a factory": lambda m: m.add(wz.Submount("/s", [Rule("/b", endpoint="b")])),
    "strict_slashes": _set("strict_slashes", False),
    "merge_slashes": _set("merge_slashes", False),
    "host_matching": _set("host_matching", True),
    "default_subdomain": _set("default_subdomain", "www"),
    "redirect_defaults": _set("redirect_defaults", False),
    "sort_parameters": _set("sort_parameters", True),
    "sort_key": _set("sort_key", len),
    "converters": _set("converters", {}),
    "converters item": lambda m: m.converters.__setitem__("x", wz.BaseConverter),
    "converters update": lambda m: m.converters.update(x=wz.BaseConverter),
    "converters or": lambda m: m.converters.__ior__({"x": wz.BaseConverter}),
    "converters setdefault": lambda m: m.converters.setdefault("x", wz.BaseConverter),
    "converters pop": lambda m: m.converters.pop("any"),
    "converters popitem": lambda m: m.converters.popitem(),
    "converters del": lambda m: m.converters.__delitem__("any"),
    "converters clear": lambda m: m.converters.clear(),
}


class OwnMap(wz.Map):
    """A user's map class."""


class TestMap:
    @pytest.mark.parametrize("map_class", [wz.Map, OwnMap])
    @pytest.mark.parametrize("change", CHANGES)
    def test_changes_bump_the_epoch(self, change: str, map_class: type[wz.Map]) -> None:
        url_map = watched(map_class)([Rule("/a", endpoint="a")])
        before = epoch.value
        CHANGES[change](url_map)
        assert epoch.value > before

    def test_use_does_not(self) -> None:
        url_map = WatchedMap([Rule("/a/<x>", endpoint="a")])
        before = epoch.value
        adapter = url_map.bind("h")
        adapter.match("/a/1")
        adapter.build("a", {"x": 1})
        list(url_map.iter_rules())
        assert epoch.value == before

    def test_a_failed_factory_counts(self) -> None:
        url_map = WatchedMap()
        before = epoch.value
        with pytest.raises(LookupError):
            url_map.add(wz.Submount("/s", [Rule("/b", endpoint="b"), Rule("/<nope:x>")]))
        assert epoch.value > before
        assert len(list(url_map.iter_rules())) == 1

    @pytest.mark.parametrize("map_class", [wz.Map, OwnMap])
    @pytest.mark.parametrize("change", CHANGES)
    def test_one_made_elsewhere_is_watched_from_then_on(
        self, change: str, map_class: type[wz.Map]
    ) -> None:
        url_map = map_class([wz.Rule("/a", endpoint="a")])
        assert watch(url_map) is url_map
        assert isinstance(url_map, map_class)
        assert watch(url_map) is url_map
        before = epoch.value
        CHANGES[change](url_map)
        assert epoch.value > before

    def test_keeps_the_users_class(self) -> None:
        cls = watched(OwnMap)
        assert issubclass(cls, OwnMap)
        assert cls.__name__ == "OwnMap"
        assert watched(cls) is cls
        assert watched(wz.Map) is WatchedMap
        assert isinstance(WatchedMap(), wz.Map)
