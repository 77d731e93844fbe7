"""The compiled matcher by example, and how its cost grows."""

from __future__ import annotations

import time
import typing as t

import pytest
import werkzeug.routing as wz
from werkzeug.exceptions import MethodNotAllowed, NotFound

from erlen.routing import UNSURE, RouteTable, Rule, Target, WatchedMap, compile_table


def make_table(*strings: str, **options: t.Any) -> RouteTable:
    rules = [Rule(s, endpoint=s, methods=["GET"]) for s in strings]
    return compile_table(WatchedMap(rules, **options))


def lowest(call: t.Callable[[], t.Any], number: int = 1, rounds: int = 7) -> float:
    """Give the lowest processor time of some rounds, in seconds a call."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(number):
            call()
        best = min(best, time.process_time() - start)
    return best / number


def no_adapter() -> t.NoReturn:
    raise AssertionError("only a redirect needs the adapter")


class TestFind:
    def test_dynamic(self) -> None:
        table = make_table("/users/<int:id>/posts/<slug>")
        found = table.find("/users/42/posts/hello", "GET")
        assert found
        target, args = found
        assert target.endpoint == "/users/<int:id>/posts/<slug>"
        assert target.method == "GET"
        assert args == {"id": 42, "slug": "hello"}

    def test_one_target_for_a_rule_and_a_method(self) -> None:
        table = make_table("/<a>/x", "/<int:b>/y")
        first, second = table.find("/a/x", "GET"), table.find("/b/x", "GET")
        head = table.find("/b/x", "HEAD")
        assert first and second and head
        assert first[0] is second[0]
        assert head[0] is not first[0]
        assert head[0].rule is first[0].rule

    def test_arguments_are_new_each_time(self) -> None:
        table = make_table("/<a>")
        first, second = table.find("/x", "GET"), table.find("/x", "GET")
        assert first and second
        assert first[1] is not second[1]

    @pytest.mark.parametrize("path", ["/nope", "/users", "/users/x/posts/y", "/users/1/posts/"])
    def test_sure_404(self, path: str) -> None:
        assert make_table("/users/<int:id>/posts/<slug>").find(path, "GET") is None

    @pytest.mark.parametrize(
        ("path", "method"),
        [
            ("/a/1", "POST"),
            ("/b", "GET"),
            ("/a//1", "GET"),
            ("//a/1", "GET"),
            ("a/1", "GET"),
            ("/a/" + "9" * 5000, "GET"),
            ("", "GET"),
        ],
    )
    def test_unsure(self, path: str, method: str) -> None:
        assert make_table("/a/<int:x>", "/b/").find(path, method) == UNSURE

    def test_a_static_part_that_leads_nowhere_gives_way(self) -> None:
        table = make_table("/a/b", "/<x>/c", "/<path:rest>")
        for path, expected in [("/a/c", "/<x>/c"), ("/a/d", "/<path:rest>")]:
            found = table.find(path, "GET")
            assert found
            assert found[0].endpoint == expected

    def test_a_dynamic_part_that_leads_nowhere_gives_way(self) -> None:
        table = make_table("/<int:x>/a", "/<x>/b", "/<float:x>", "/<x>/<y>/<path:z>")
        for path, expected in [
            ("/1/a", "/<int:x>/a"),
            ("/1/b", "/<x>/b"),
            ("/1.5", "/<float:x>"),
            ("/1/b/c/d", "/<x>/<y>/<path:z>"),
        ]:
            found = table.find(path, "GET")
            assert found
            assert found[0].endpoint == expected
        assert table.find("/1/c", "GET") is None

    def test_an_empty_part_is_no_leading_slash(self) -> None:
        class Optional(wz.BaseConverter):
            regex = r"\w*"

        table = make_table("/<opt:x>/a", converters={"opt": Optional})
        adapter = table.url_map.bind("h")
        for path in ("//a", "/b/a"):
            assert bool(table.find(path, "GET")) == adapter.test(path, "GET")

    def test_a_rule_without_methods_takes_them_all(self) -> None:
        table = compile_table(WatchedMap([Rule("/<a>", endpoint="x")]))
        for method in ("GET", "DELETE", "BREW"):
            found = table.find("/x", method)
            assert found
            assert found[0].method == (None if method == "BREW" else method)


class TestStatic:
    def test_holds_sure_answers(self) -> None:
        table = make_table("/", "/a", "/b/", "/c/<x>")
        assert table.plain
        assert {path: sorted(methods) for path, methods in table.static.items()} == {
            "/": ["GET", "HEAD"],
            "/a": ["GET", "HEAD"],
            "/b/": ["GET", "HEAD"],
        }

    def test_leaves_out_redirects_and_websockets(self) -> None:
        rules = [
            Rule("/to", endpoint="to", redirect_to="/a"),
            Rule("/ws", endpoint="ws", websocket=True),
            Rule("/all", endpoint="all", defaults={"page": 1}),
            Rule("/page/<int:page>", endpoint="all"),
            Rule("/alias", endpoint="alias", alias=True),
        ]
        assert list(compile_table(WatchedMap(rules)).static) == ["/all"]

    def test_gives_the_defaults(self) -> None:
        rule = Rule("/all", endpoint="all", defaults={"page": 1})
        assert compile_table(WatchedMap([rule])).static["/all"]["GET"].args == {"page": 1}

    def test_nothing_with_hosts_or_subdomains(self) -> None:
        hosts = compile_table(WatchedMap([Rule("/", endpoint="x", host="h")], host_matching=True))
        subdomains = compile_table(
            WatchedMap([Rule("/", endpoint="x", subdomain="s"), Rule("/", endpoint="y")])
        )
        for table in (hosts, subdomains):
            assert not table.plain
            assert table.static == {}

    def test_the_default_subdomain_is_plain(self) -> None:
        table = make_table("/a", default_subdomain="www")
        assert table.plain
        assert "/a" in table.static


class TestMatch:
    def test_errors_need_no_adapter(self) -> None:
        table = make_table("/a/<int:x>")
        with pytest.raises(MethodNotAllowed) as wrong:
            table.match("", "/a/1", "POST", False, no_adapter)
        assert set(wrong.value.valid_methods or ()) == {"GET", "HEAD"}
        with pytest.raises(wz.WebsocketMismatch):
            table.match("", "/a/1", "GET", True, no_adapter)
        with pytest.raises(NotFound):
            table.match("", "/b", "GET", False, no_adapter)

    def test_the_target_is_that_of_find(self) -> None:
        table = make_table("/a/<int:x>")
        found = table.find("/a/1", "GET")
        assert found
        assert table.match("", "/a/1", "GET", False, no_adapter)[0] is found[0]

    def test_a_slash_redirect_is_not_led_away(self) -> None:
        # RD-01
        table = make_table("/dir/", "/<path:p>/")
        adapter = table.url_map.bind("own.example")
        for path in ("//evil.example/dir", "///evil.example"):
            with pytest.raises(wz.RequestRedirect) as redirect:
                table.match("", path, "GET", False, lambda: adapter)
            assert redirect.value.new_url.startswith("http://own.example/evil.example")

    def test_factory_makes_the_targets(self) -> None:
        class Mine(Target):
            pass

        table = compile_table(WatchedMap([Rule("/", endpoint="x")]), Mine)
        assert isinstance(table.static["/"]["GET"], Mine)

    def test_a_converters_own_error_is_not_hidden(self) -> None:
        class Broken(wz.BaseConverter):
            def to_python(self, value: str) -> t.Any:
                raise ValueError("own fault")

        table = make_table("/<broken:x>", converters={"broken": Broken})
        assert table.find("/a", "GET") == UNSURE
        with pytest.raises(ValueError, match="own fault"):
            table.match("", "/a", "GET", False, no_adapter)


class TestCost:
    @pytest.mark.parametrize(
        ("rule", "unit", "end"),
        [
            ("/<path:a>/x/<path:b>/y/<path:c>", "x/y/", ""),
            ("/<path:a>/x/<path:b>/y/<path:c>", "x/y/", "\n"),
            ("/<path:a>/<int:b>/<path:c>/<int:d>", "1/2/", "x"),
            ("/<path:a>/<b>/<path:c>/<float:d>/", "1/2.5/", "x"),
            ("/<a>-<b>-<c>-<int:d>", "1-2-", "x"),
            ("/<path:a>-<b>-<int:c>", "1-2-", "/"),
            ("/<a>/<b>/<c>", "a/", ""),
            ("/<path:a>", "/a", ""),
        ],
    )
    def test_linear_in_the_path(self, rule: str, unit: str, end: str) -> None:
        # Werkzeug takes 13 s for the first one at 4 kB, and eight times that at 8 kB.
        find = make_table(rule).find
        short, long = ("/" + unit * (size // len(unit)) + end for size in (20_000, 80_000))
        find(short, "GET")
        assert lowest(lambda: find(long, "GET")) < 10 * lowest(lambda: find(short, "GET"))

    @pytest.mark.parametrize("path", ["/" * 1_000_000, "/" + "a/" * 500_000, "/" + "a" * 1_000_000])
    def test_long_paths_are_not_found(self, path: str) -> None:
        # UR-07
        table = make_table("/a/<int:x>/<slug>", "/b/<path:p>/x")
        assert not table.find(path, "GET")
        with pytest.raises(NotFound):
            table.match("", path, "GET", False, no_adapter)

    def test_flat_in_the_number_of_rules(self) -> None:
        def cost(count: int) -> float:
            rules = (f"/r{i}/<int:id>/x{i}/<slug>" for i in range(count))
            find = make_table(*rules).find
            paths = [f"/r{i}/7/x{i}/s" for i in range(0, count, max(1, count // 10))]
            for path in paths:
                assert find(path, "GET")

            def ask() -> None:
                for path in paths:
                    find(path, "GET")

            return lowest(ask, number=100) / len(paths)

        assert cost(10_000) < 2.5 * cost(10)

    def test_much_faster_than_werkzeug(self) -> None:
        table = make_table("/users/<int:id>/posts/<slug>")
        adapter = table.url_map.bind("h")
        ours = lowest(lambda: table.find("/users/42/posts/hello", "GET"), 1000)
        theirs = lowest(lambda: adapter.match("/users/42/posts/hello", "GET"), 1000)
        assert ours < theirs / 4

    def test_building_a_map_is_much_faster_than_werkzeugs(self) -> None:
        strings = [f"/r{i}/<int:id>/x/<slug>" for i in range(200)]

        def ours() -> None:
            compile_table(WatchedMap([Rule(s, endpoint=s) for s in strings])).find(
                "/r7/1/x/a", "GET"
            )

        def theirs() -> None:
            wz.Map([wz.Rule(s, endpoint=s) for s in strings])

        assert lowest(ours, rounds=3) < lowest(theirs, rounds=3) / 3

    def test_unknown_paths_hosts_and_methods_are_not_remembered(self) -> None:
        # UR-23
        table = compile_table(
            WatchedMap([Rule("/<x>", endpoint="x", host="<h>")], host_matching=True)
        )
        table.match("h", "/p", "BREW", False, no_adapter)
        known = len(table._compiler.targets)
        for i in range(100):
            table.match(f"host{i}", f"/p{i}", f"METHOD{i}", False, no_adapter)
        assert len(table._compiler.targets) == known
