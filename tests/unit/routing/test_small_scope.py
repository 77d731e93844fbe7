"""Maps of few rules and parts, against Werkzeug, on paths and values that nearly fit.

Where the maps drawn in ``test_match_differential`` are wide, these are dense: the
rules overlap, so that nearly every path has several ways through the nodes.
"""

from __future__ import annotations

import itertools
import random
import typing as t

import pytest
import werkzeug.routing as wz

from erlen.routing import Rule, UrlBuilder, WatchedMap, compile_table
from unit.routing.routing_maps import CONVERTERS, describe, outcome
from unit.routing.test_match_differential import answer_fast, answer_ours, answer_theirs

PARTS = "a a b <{}> <{}> <int:{}> <path:{}> <opt:{}> <even:{}> <rest:{}> <any(a,b):{}>".split()
PARTS += ["<string(length=2):{}>", "", "a<{}>", "<{}>-<int:{}x>", "<int(fixed_digits=2):{}>"]
PIECES = ["a", "b", "1", "12", "", "ab", "a-1"]
PATHS = [
    "/" * lead + "/".join(parts) + end
    for count in range(4)
    for parts in itertools.product(PIECES[: 7 - count], repeat=count)
    for lead, end in ((1, ""), (1, "/"))
]
PATHS += ["", "a", "//a", "//a/b", "///", "/a//b/", "/a///", "/a/b//1/"]
ENDPOINTS = ("x", "y")


def make_options(rng: random.Random) -> dict[str, t.Any]:
    options: dict[str, t.Any] = {"endpoint": rng.choice(ENDPOINTS)}
    options["methods"] = rng.choice([None, ["GET"], ["GET"], ["POST"], ["GET", "POST"]])
    if rng.random() < 0.2:
        options["strict_slashes"] = False
    if rng.random() < 0.1:
        options["merge_slashes"] = rng.random() < 0.5
    if rng.random() < 0.3:
        options["defaults"] = {rng.choice(["v0", "v1"]): rng.choice(["a", 1])}
    if rng.random() < 0.06:
        options["redirect_to"] = "/to"
    if rng.random() < 0.08:
        options["alias"] = True
    if rng.random() < 0.08:
        options.update(websocket=True, methods=None)
    return options


def make_maps(rng: random.Random) -> tuple[wz.Map, wz.Map]:
    shared: dict[str, t.Any] = {"converters": CONVERTERS}
    shared["strict_slashes"] = rng.random() < 0.8
    shared["merge_slashes"] = rng.random() < 0.6
    shared["redirect_defaults"] = rng.random() < 0.8
    shared["sort_parameters"] = rng.random() < 0.3
    ours, theirs = WatchedMap(**shared), wz.Map(**shared)
    for _ in range(rng.randint(1, 5)):
        parts = [rng.choice(PARTS) for _ in range(rng.randint(0, 3))]
        string = "/" + "/".join(part.format(f"v{i}", f"v{i}") for i, part in enumerate(parts))
        string += rng.choice(["", "", "/"])
        options = make_options(rng)
        try:
            theirs.add(wz.Rule(string, **options))
        except Exception:
            continue
        ours.add(Rule(string, **options))
    return ours, theirs


@pytest.mark.parametrize("seed", range(12))
def test_match_is_werkzeugs(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        ours, theirs = make_maps(rng)
        table = compile_table(ours)
        mine, its = ours.bind("h"), theirs.bind("h")
        for path in rng.sample(PATHS, 60):
            method = rng.choice(["GET", "GET", "POST", "ODD"])
            expected = answer_theirs(theirs, its, path, method)
            context = (path, method, [describe(rule) for rule in theirs._rules])
            assert answer_ours(table, mine, path, method) == expected, context
            assert answer_fast(table, mine, path, method) == expected, context


VALUES = [None, "a", "b", "1", 1, 2, "12", "a b", "/a", "", 1.5, True, ["b", "a"]]


@pytest.mark.parametrize("seed", range(8))
def test_build_is_werkzeugs(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        ours, theirs = make_maps(rng)
        builder = UrlBuilder(ours)
        default = rng.choice(["GET", "POST"])
        mine, its = ours.bind("h", default_method=default), theirs.bind("h", default_method=default)
        for _ in range(25):
            names = rng.sample(["v0", "v1", "v2", "q", "1x"], rng.randint(0, 4))
            values = {name: rng.choice(VALUES) for name in names}
            method = rng.choice([None, None, "GET", "POST"])
            for endpoint in ENDPOINTS:
                got = outcome(lambda: builder.build(mine, endpoint, values, method))
                expected = outcome(lambda: its.build(endpoint, values, method))
                assert got == expected, (endpoint, values, method)


def test_the_answers_are_of_all_kinds() -> None:
    rng = random.Random(99)
    kinds: dict[str, int] = {}
    for _ in range(40):
        _, theirs = make_maps(rng)
        adapter = theirs.bind("h")
        for path in rng.sample(PATHS, 40):
            answer = outcome(lambda: adapter.match(path, "GET"))
            kind = getattr(answer[0], "__name__", "match")
            kinds[kind] = kinds.get(kind, 0) + 1
    assert kinds["match"] > 100
    assert kinds["RequestRedirect"] > 50
    assert kinds["MethodNotAllowed"] > 20
    assert kinds["NotFound"] > 100
    assert kinds["WebsocketMismatch"] > 5
