from __future__ import annotations

import sys
import types
import typing as t
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def declare(side: t.Any, rules: list[dict[str, t.Any]], **options: t.Any) -> t.Any:
    app = side.App("x", static_folder=None, **options)

    for number, rule in enumerate(rules):
        app.add_url_rule(**{"endpoint": f"e{number}", **rule})

    return app


def listing(side: t.Any, app: t.Any, *args: str) -> str:
    result = side.invoke(side.Group(create_app=lambda: app), "routes", *args)
    assert result.exit_code == 0, result.output
    return t.cast(str, result.output)


RULES: list[dict[str, t.Any]] = [
    {"rule": "/<int:x>/<y>", "methods": ["GET", "POST"], "endpoint": "zz"},
    {"rule": "/a", "methods": ["POST"], "endpoint": "yy"},
    {"rule": "/b", "endpoint": "xx.long.name"},
    {"rule": "/b", "endpoint": "again", "methods": ["DELETE"]},
]
SUBDOMAINS = [*RULES, {"rule": "/s", "subdomain": "sub"}, {"rule": "/t", "subdomain": "<x>"}]
HOSTS = [{"rule": "/a", "host": "b"}, {"rule": "/b", "host": "a"}]


@pytest.mark.parametrize("sort", ["endpoint", "methods", "domain", "rule", "match"])
@pytest.mark.parametrize("every", [[], ["--all-methods"]])
@pytest.mark.parametrize(
    ("rules", "options"),
    [
        (RULES, {}),
        (SUBDOMAINS, {"subdomain_matching": True}),
        (HOSTS, {"host_matching": True}),
        ([], {}),
    ],
)
def test_prints_what_flask_prints(
    both: t.Any, sort: str, every: list[str], rules: t.Any, options: dict[str, t.Any]
) -> None:
    texts = [
        listing(side, declare(side, rules, **options), "--sort", sort, *every) for side in both
    ]
    assert texts[0] == texts[1]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "rule": st.sampled_from(["/", "/a", "/a/<x>", "/<int:x>", "/<path:x>"]),
                "methods": st.sets(st.sampled_from(["GET", "POST", "PUT", "HEAD"])),
                "subdomain": st.sampled_from(["", "s"]),
            }
        ),
        max_size=6,
    ),
    st.sampled_from(["endpoint", "methods", "domain", "rule", "match"]),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_rules(both: t.Any, rules: t.Any, sort: str) -> None:
    texts = [
        listing(side, declare(side, rules, subdomain_matching=True), "-s", sort) for side in both
    ]
    assert texts[0] == texts[1]


def test_the_static_route_is_listed(both: t.Any) -> None:
    texts = [listing(side, side.App("x", static_folder="static")) for side in both]
    assert texts[0] == texts[1]
    assert "/static/<path:filename>" in texts[0]


def test_an_unknown_order(side: t.Any) -> None:
    result = side.invoke(side.Group(create_app=lambda: side.App("x")), "routes", "-s", "size")
    assert result.exit_code == 2


def test_no_application(side: t.Any) -> None:
    result = side.invoke(side.Group(), "routes")
    assert result.exit_code == 2
    assert "Could not locate a Flask application." in result.stderr


class TestCheck:
    @pytest.fixture
    def conflicts(self, monkeypatch: pytest.MonkeyPatch) -> t.Any:
        """Stands for the search, which has tests of its own."""
        module = types.ModuleType("erlen.routing.check")
        module.find_conflicts = mock.Mock(return_value=[])  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "erlen.routing.check", module)
        return module.find_conflicts  # type: ignore[attr-defined]

    def check(self, side: t.Any, app: t.Any) -> t.Any:
        return side.invoke(side.Group(create_app=lambda: app), "routes", "--check")

    def test_none(self, erlen_side: t.Any, conflicts: t.Any) -> None:
        result = self.check(erlen_side, declare(erlen_side, RULES))
        assert (result.exit_code, result.output) == (0, "No conflicts were found.\n")

    def test_each_is_printed(self, erlen_side: t.Any, conflicts: t.Any) -> None:
        conflicts.return_value = ["/a (x.py:1) twice (x.py:2)", "/b (x.py:3) never (x.py:4)"]
        result = self.check(erlen_side, declare(erlen_side, RULES))
        assert result.exit_code == 1
        assert result.output.splitlines() == conflicts.return_value

    def test_what_is_searched(self, erlen_side: t.Any, conflicts: t.Any) -> None:
        app = declare(erlen_side, RULES)
        self.check(erlen_side, app)
        url_map, sources = conflicts.call_args.args
        assert url_map is app.url_map
        assert sources is app.rule_sources
