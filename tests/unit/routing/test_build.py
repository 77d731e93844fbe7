"""The compiled URL builder by example, and what it costs."""

from __future__ import annotations

import typing as t

import pytest
import werkzeug.routing as wz

from erlen.routing import Rule, UrlBuilder, WatchedMap
from unit.routing.test_table import lowest


@pytest.fixture
def url_map() -> WatchedMap:
    return WatchedMap(
        [
            Rule("/", endpoint="index"),
            Rule("/about", endpoint="about"),
            Rule("/users/<int:id>/posts/<slug>", endpoint="post"),
            Rule("/files/<path:name>", endpoint="file"),
            Rule("/all/", endpoint="all", defaults={"page": 1}),
            Rule("/all/<int:page>", endpoint="all"),
            Rule("/form", endpoint="form", methods=["GET"]),
            Rule("/form/save", endpoint="form", methods=["POST"]),
            Rule("/ws", endpoint="ws", websocket=True),
            Rule("/sub", endpoint="sub", subdomain="s"),
            Rule("/<path:everything>", endpoint="root"),
        ]
    )


@pytest.mark.parametrize(
    ("endpoint", "values", "expected"),
    [
        ("index", {}, "/"),
        ("about", {}, "/about"),
        ("about", {"q": "a b", "n": 1, "none": None}, "/about?q=a+b&n=1"),
        ("about", {"q": ["a", "b"]}, "/about?q=a&q=b"),
        ("about", {"q": []}, "/about"),
        ("about", {"q": "a+b&c=d#é"}, "/about?q=a%2Bb%26c%3Dd%23%C3%A9"),
        ("post", {"id": 42, "slug": "hello-world"}, "/users/42/posts/hello-world"),
        ("post", {"id": "42", "slug": "é b"}, "/users/42/posts/%C3%A9%20b"),
        ("post", {"id": True, "slug": 1.5}, "/users/1/posts/1.5"),
        ("post", {"id": 1, "slug": "x", "page": 3}, "/users/1/posts/x?page=3"),
        ("file", {"name": "a/b c.txt"}, "/files/a/b%20c.txt"),
        ("all", {"page": 1}, "/all/"),
        ("all", {}, "/all/"),
        ("all", {"page": 2}, "/all/2"),
        ("root", {"everything": "/evil.example"}, "/evil.example"),
        ("post", {"id": 1}, None),
        ("post", {"id": 1, "slug": None}, None),
        ("ws", {}, None),
        ("sub", {}, None),
        ("nope", {}, None),
    ],
)
def test_path(
    url_map: WatchedMap, endpoint: str, values: dict[str, t.Any], expected: str | None
) -> None:
    builder = UrlBuilder(url_map)
    before = dict(values)
    for _ in range(2):
        assert builder.path(endpoint, values) == expected
    assert values == before


def test_path_by_method(url_map: WatchedMap) -> None:
    builder = UrlBuilder(url_map)
    assert builder.path("form", {}) == "/form"
    assert builder.path("form", {}, "POST") == "/form/save"
    assert builder.path("form", {}, None, "POST") == "/form/save"
    assert builder.path("form", {}, None, "PUT") == "/form"
    assert builder.path("form", {}, "PUT") is None


def test_errors_are_werkzeugs(url_map: WatchedMap) -> None:
    builder, adapter = UrlBuilder(url_map), url_map.bind("h")
    with pytest.raises(wz.BuildError, match="Did you forget to specify values"):
        builder.build(adapter, "post", {"id": 1})
    with pytest.raises(wz.BuildError, match="Did you mean 'post' instead"):
        builder.build(adapter, "posts")
    with pytest.raises(ValueError, match="invalid literal"):
        builder.build(adapter, "post", {"id": "x", "slug": "y"})


def test_lone_surrogates_fail_as_in_werkzeug(url_map: WatchedMap) -> None:
    builder, adapter = UrlBuilder(url_map), url_map.bind("h")
    for endpoint, values in [("file", {"name": "\ud800"}), ("about", {"q": "\ud800"})]:
        with pytest.raises(UnicodeEncodeError):
            adapter.build(endpoint, values)
        with pytest.raises(UnicodeEncodeError):
            builder.build(adapter, endpoint, values)


def test_absolute(url_map: WatchedMap) -> None:
    builder = UrlBuilder(url_map)
    adapter = url_map.bind("h:8000", "/app", url_scheme="https")
    assert builder.build(adapter, "about") == "/app/about"
    assert builder.build(adapter, "about", force_external=True) == "https://h:8000/app/about"
    assert builder.absolute(adapter, "/about", "http") == "http://h:8000/app/about"
    assert builder.absolute(adapter, "/about", "") == "//h:8000/app/about"


def test_a_users_rule_class_builds_by_itself() -> None:
    class Own(Rule):
        def build(
            self, values: t.Mapping[str, t.Any], append_unknown: bool = True
        ) -> tuple[str, str] | None:
            return "", "/own"

    url_map = WatchedMap([Own("/a", endpoint="a")])
    builder = UrlBuilder(url_map)
    assert builder.path("a", {}) is None
    assert builder.build(url_map.bind("h"), "a") == "/own"


@pytest.mark.parametrize(
    ("endpoint", "values", "ratio"),
    [
        ("about", {}, 3),
        ("post", {"id": 42, "slug": "hello-world"}, 2),
        ("post", {"id": 42, "slug": "hello-world", "page": 3, "q": "a b"}, 1.5),
    ],
)
def test_faster_than_werkzeug(
    url_map: WatchedMap, endpoint: str, values: dict[str, t.Any], ratio: float
) -> None:
    builder, adapter = UrlBuilder(url_map), url_map.bind("h")
    assert builder.path(endpoint, values, None, "GET") == adapter.build(endpoint, values)
    ours = lowest(lambda: builder.path(endpoint, values, None, "GET"), 1000)
    theirs = lowest(lambda: adapter.build(endpoint, values), 1000)
    assert ours * ratio < theirs
