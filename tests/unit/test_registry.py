"""The declared tables: Flask's types, with every change noticed."""

from __future__ import annotations

import copy
import typing as t
from collections import defaultdict

import pytest

from erlen.registry import COMPILED, HandlerTable, HookTable, watched
from erlen.state import epoch
from erlen.watch import WatchedDict, WatchedList


def bumps(change: t.Callable[[], t.Any]) -> bool:
    before = epoch.value
    change()
    return epoch.value > before


@pytest.mark.parametrize("kind", [HookTable, HandlerTable])
class TestTables:
    def test_every_mutator_is_watched(self, kind: type) -> None:
        """A method that a future Python adds, or that was forgotten, shows here."""
        harmless = set("copy fromkeys get items keys values default_factory".split())
        reading = "__contains__ __getitem__ __iter__ __len__ __or__ __ror__ __reversed__"
        reading += " __class_getitem__ __copy__ __reduce__ __missing__ __repr__ __init__"
        others = set(dir(defaultdict)) - set(dir(object)) - harmless - set(reading.split())
        defined = {name for base in kind.__mro__[:2] for name in vars(base)}
        assert others <= defined

    def test_is_a_defaultdict(self, kind: type) -> None:
        table = kind()
        assert isinstance(table, defaultdict)
        assert len(table["new"]) == 0
        assert list(table) == ["new"]

    @pytest.mark.parametrize(
        "change",
        [
            lambda table: table["x"],
            lambda table: table.__setitem__("x", ()),
            lambda table: table.update(x=()),
            lambda table: table.update({"x": ()}),
            lambda table: table.__ior__({"x": ()}),
            lambda table: table.setdefault("x", ()),
            lambda table: table.setdefault("x"),
            lambda table: table.pop("old"),
            lambda table: table.popitem(),
            lambda table: table.clear(),
            lambda table: table.__delitem__("old"),
        ],
    )
    def test_changes_bump(self, kind: type, change: t.Callable[[t.Any], t.Any]) -> None:
        table = kind({"old": ()})
        assert bumps(lambda: change(table))
        for value in table.values():
            assert isinstance(value, (WatchedList, defaultdict))

    @pytest.mark.parametrize(
        "clone", [copy.copy, copy.deepcopy, lambda table: table.copy(), lambda table: table | {}]
    )
    def test_copies(self, kind: type, clone: t.Callable[[t.Any], t.Any]) -> None:
        table = kind({"old": ()})
        other = clone(table)
        assert other == table
        assert other is not table
        other["new"]  # noqa: B018
        assert "new" not in table


def test_lists_become_watched() -> None:
    plain = [1]
    table = HookTable({None: plain})
    assert table == {None: [1]}
    assert bumps(lambda: table[None].append(2))
    kept = table[None]
    table[None] = kept
    assert table[None] is kept
    table.setdefault("x", [3])
    assert bumps(lambda: table["x"].remove(3))


def test_handlers_become_watched_on_every_level() -> None:
    table = HandlerTable({None: {404: {KeyError: 1}}})
    assert table == {None: {404: {KeyError: 1}}}
    assert bumps(lambda: table[None][404].update({ValueError: 2}))
    table["a"] = {500: {KeyError: 1}}
    assert bumps(lambda: table["a"][500].pop(KeyError))
    assert bumps(lambda: table["a"].__setitem__(400, {}))
    assert bumps(lambda: table["a"][400].__setitem__(KeyError, 1))
    assert isinstance(table["b"][None], WatchedDict)


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_what_is_assigned_is_watched(name: str) -> None:
    other = object()
    assert watched("other", other) is other
    assert watched(name, None) is None
    if name in ("config", "json", "subdomain_matching", "url_map"):
        assert watched(name, other) is other
        return
    found = watched(name, [] if name.startswith(("teardown_app", "url_build")) else {})
    assert isinstance(found, (HookTable, HandlerTable, WatchedDict, WatchedList))
    assert watched(name, found) is found
