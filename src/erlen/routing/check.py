"""Finding rules that no request will ever reach, for ``erlen routes --check``.

Each rule is asked for itself: paths that fit it are made up and matched against
the whole map. A rule that answers none of its own paths is reported, with the
rule that answers instead.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from itertools import islice

from werkzeug.routing import AnyConverter, BaseConverter, Map, Rule
from werkzeug.routing.converters import NumberConverter

from .nodes import STANDARD_METHODS
from .search import NeedsSlash, Search
from .table import RouteTable, compile_table

_AUTOMATIC = frozenset({"HEAD", "OPTIONS"})

# Values that hardly stand in a rule as they are, for converters of all sorts.
_VALUES = (
    *("q7x-zv", "Zqv9", "zq", "xq", "z", "zqv", "zqxv", "zq.xv"),
    *("739", "84", "7", "6215", "91753", "402817", "3.25", "61.5", "-7", "-3.5"),
    *("0b8f5c1e-7a42-4d39-9c60-2f1e8d7a6b53", "2031-11-29", "0b8f5c1e7a42", "zq,xv"),
)
_VARIANTS = 3


@dataclass(frozen=True, eq=False)
class Conflict:
    """A rule that is not reached by some or all of its methods.

    Attributes:
        kind: "duplicate" (another rule has the same pattern), "shadowed" (another
            rule takes all its paths first) or "unreachable" (no path leads there).
        rule: the rule that is not reached.
        other: the rule that answers instead, None if there is none.
        methods: the methods it is not reached by, sorted.
        source: where the rule was registered, "file:line", or empty.
        other_source: where the other one was.
    """

    kind: str
    rule: Rule
    other: Rule | None
    methods: tuple[str, ...]
    source: str = ""
    other_source: str = ""

    def __str__(self) -> str:
        text = f"{self.kind}: {_named(self.rule, self.source)} is never reached"
        text += f" by {', '.join(self.methods)}"
        if self.other is not None:
            text += f"; {_named(self.other, self.other_source)} answers first"
        return text


def _named(rule: Rule, source: str) -> str:
    return f"{rule.rule} -> {rule.endpoint}" + (f" ({source})" if source else "")


def find_conflicts(url_map: Map, sources: t.Mapping[int, str] | None = None) -> list[Conflict]:
    """Find the rules of a map that are duplicate, shadowed or unreachable.

    Args:
        url_map: a Werkzeug map.
        sources: ``id(rule)`` to "file:line" of its registration (rules can't be
            keys: they are not hashable); default none.

    Returns:
        The conflicts in the order of the rules. A rule with a converter that none
        of the made-up values fits is passed over.
    """
    table = compile_table(url_map)
    found: list[Conflict] = []
    for rule in url_map._rules:
        if not rule.build_only:
            found += _conflicts_of(table, rule, sources or {})
    return found


def _conflicts_of(table: RouteTable, rule: Rule, sources: t.Mapping[int, str]) -> list[Conflict]:
    paths = _own_paths(rule)
    lost: dict[int, tuple[Rule | None, list[str]]] = {}
    for method in _methods(rule):
        winners = [_winner(table, rule, method, domain, path) for domain, path in paths]
        if winners and all(winner is not rule for winner in winners):
            first = winners[0]
            lost.setdefault(id(first), (first, []))[1].append(method)
    return [
        Conflict(
            _kind(rule, other),
            rule,
            other,
            tuple(methods),
            sources.get(id(rule), ""),
            sources.get(id(other), ""),
        )
        for other, methods in lost.values()
    ]


def _kind(rule: Rule, other: Rule | None) -> str:
    if other is None:
        return "unreachable"
    return "duplicate" if rule._parts == other._parts else "shadowed"


def _methods(rule: Rule) -> list[str]:
    methods = set(STANDARD_METHODS) if rule.methods is None else rule.methods
    return sorted(methods - _AUTOMATIC or methods)


def _winner(table: RouteTable, rule: Rule, method: str, domain: str, path: str) -> Rule | None:
    search = Search(method, rule.websocket)
    # Leading slashes are one before anything is matched.
    parts = [domain, "", *path.lstrip("/").split("/")]
    try:
        hit = search.run(table.root, parts, 0, [])
    except NeedsSlash:
        return None
    return None if hit is None else hit[0]


def _own_paths(rule: Rule) -> list[tuple[str, str]]:
    """Make up pairs of a domain and a path that fit the rule; none if that fails."""
    values: dict[str, list[str]] = {}
    for name, converter in rule._converters.items():
        values[name] = fitting = _fitting(converter)
        if not fitting:
            return []
    pairs = []
    for variant in range(_VARIANTS):
        text = "".join(
            values[data][variant % len(values[data])] if is_dynamic else data
            for is_dynamic, data in rule._trace
        )
        domain, _, path = text.partition("|")
        pairs.append((domain, path))
    return pairs


def _fitting(converter: BaseConverter) -> list[str]:
    """Give values that the converter takes."""
    pattern = re.compile(converter.regex)
    candidates = list(_VALUES)
    if not converter.part_isolating:
        candidates.insert(0, "7z/q-v/x9")
    if isinstance(converter, AnyConverter):
        candidates = sorted(converter.items)
    elif isinstance(converter, NumberConverter):
        for bound in (converter.min, converter.max):
            if bound is not None:
                candidates += [str(bound), str(bound + 1), str(bound - 1)]
        digits = converter.fixed_digits
        candidates += [value.zfill(digits) for value in candidates if value.isdecimal()]
    # string(length=...) keeps its bounds in the pattern only.
    candidates += [("qzxv7" * 13)[:length] for length in range(1, 65)]
    fitting = (v for v in candidates if pattern.fullmatch(v) and _takes(converter, v))
    return list(islice(fitting, _VARIANTS))


def _takes(converter: BaseConverter, value: str) -> bool:
    try:
        converter.to_python(value)
    except Exception:
        return False
    return True
