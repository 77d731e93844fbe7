"""Watched containers bump the epoch at every change, and behave as ever."""

from __future__ import annotations

import abc
import typing as t

import pytest

from erlen.state import epoch
from erlen.watch import Watched, WatchedDict, WatchedList


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("__setitem__", ("b", 2)),
        ("__delitem__", ("a",)),
        ("__ior__", ({"b": 2},)),
        ("clear", ()),
        ("pop", ("a",)),
        ("pop", ("x", None)),
        ("popitem", ()),
        ("setdefault", ("b", 2)),
        ("update", ({"b": 2},)),
        ("update", ([("b", 2), 5],)),
    ],
)
def test_dict(name: str, args: tuple[t.Any, ...]) -> None:
    watched, plain = WatchedDict({"a": 1}), {"a": 1}
    before = epoch.value
    results = []
    for target in (watched, plain):
        try:
            results.append(getattr(target, name)(*args))
        except TypeError as error:
            results.append(str(error))
    assert results[0] == results[1]
    assert watched == plain
    assert epoch.value > before


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("__setitem__", (0, 5)),
        ("__delitem__", (0,)),
        ("__iadd__", ([5],)),
        ("__imul__", (2,)),
        ("append", (5,)),
        ("clear", ()),
        ("extend", ([5],)),
        ("insert", (0, 5)),
        ("pop", ()),
        ("remove", (2,)),
        ("reverse", ()),
        ("sort", ()),
    ],
)
def test_list(name: str, args: tuple[t.Any, ...]) -> None:
    watched, plain = WatchedList([3, 2, 1]), [3, 2, 1]
    before = epoch.value
    assert getattr(watched, name)(*args) == getattr(plain, name)(*args)
    assert watched == plain
    assert epoch.value > before


@pytest.mark.parametrize("kind", [dict, list])
def test_every_mutator_is_watched(kind: type) -> None:
    """A method that a future Python adds, or that was forgotten, shows here."""
    harmless = set("copy count fromkeys get index items keys values".split())
    object_methods = set(dir(object)) | {"__contains__", "__getitem__", "__iter__", "__len__"}
    operators = {"__add__", "__mul__", "__rmul__", "__or__", "__ror__", "__reversed__"}
    watched = WatchedDict if kind is dict else WatchedList
    others = set(dir(kind)) - harmless - object_methods - operators - {"__class_getitem__"}
    assert others <= set(vars(watched))


class TestWatched:
    class Settings(Watched):
        known = 1

    def test_known_attributes_bump(self) -> None:
        settings = self.Settings()
        before = epoch.value
        settings.known = 2
        assert epoch.value == before + 1
        settings.known = 2
        assert epoch.value == before + 1
        del settings.known
        assert epoch.value == before + 2

    def test_others_do_not(self) -> None:
        settings = self.Settings()
        before = epoch.value
        settings.calls = 1  # type: ignore[attr-defined]
        assert epoch.value == before

    def test_attributes_of_the_class_bump(self) -> None:
        class Sub(self.Settings, abc.ABC):  # type: ignore[name-defined, misc]
            pass

        before = epoch.value
        Sub.known = 3
        assert epoch.value > before
        before = epoch.value
        del Sub.known
        assert epoch.value > before
