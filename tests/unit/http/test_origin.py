"""Origins: the same site, the allowed ones, and what is no origin at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen.http.origin import check_allowed, is_allowed, is_same_origin

SAME = [
    ("http://example.org", "ws", "example.org"),
    ("http://example.org", "ws", "example.org:80"),
    ("http://example.org:80", "ws", "example.org"),
    ("http://EXAMPLE.org", "ws", "example.ORG"),
    ("http://example.org.", "ws", "example.org"),
    ("http://example.org:8000", "ws", "example.org:8000"),
    ("https://example.org", "wss", "example.org"),
    ("https://example.org", "wss", "example.org:443"),
    ("https://example.org", "ws", "example.org"),  # the proxy ends TLS
    ("http://[::1]:8000", "ws", "[::1]:8000"),
    ("http://127.0.0.1", "http", "127.0.0.1"),
]
OTHER = [
    ("http://example.org", "wss", "example.org"),
    ("http://evil.example", "ws", "example.org"),
    ("http://example.org.evil.example", "ws", "example.org"),
    ("http://evil-example.org", "ws", "example.org"),
    ("http://example.org:8000", "ws", "example.org"),
    ("http://example.org", "ws", "example.org:8000"),
    ("https://example.org:80", "ws", "example.org:80."),
    ("http://user@example.org", "ws", "example.org"),
    ("http://example.org@evil.example", "ws", "example.org"),
    ("http://example.org/path", "ws", "example.org"),
    ("http://example.org?x", "ws", "example.org"),
    ("http://example.org#x", "ws", "example.org"),
    ("ftp://example.org", "ws", "example.org"),
    ("chrome-extension://example.org", "ws", "example.org"),
    ("example.org", "ws", "example.org"),
    ("//example.org", "ws", "example.org"),
    ("null", "ws", "null"),
    ("", "ws", ""),
    ("", "ws", "example.org"),
    ("http://", "ws", ""),
    ("http://example.org", "ws", ""),
    ("http://example.org:99999", "ws", "example.org:99999"),
    ("http://example.org:x", "ws", "example.org:x"),
    ("http://[::1", "ws", "[::1"),
    ("http://example.org, http://evil.example", "ws", "example.org"),
]


@pytest.mark.parametrize(("origin", "scheme", "host"), SAME)
def test_same(origin: str, scheme: str, host: str) -> None:
    assert is_same_origin(origin, scheme, host)


@pytest.mark.parametrize(("origin", "scheme", "host"), OTHER)
def test_other(origin: str, scheme: str, host: str) -> None:
    assert not is_same_origin(origin, scheme, host)


@given(st.text(), st.text())
def test_nothing_but_an_answer_comes_of_any_text(origin: str, host: str) -> None:
    for scheme in ("ws", "wss"):
        assert is_same_origin(origin, scheme, host) in (True, False)
    assert is_allowed(origin, ["https://*.example.org", "null"]) is (
        origin == "null"
        or (origin.lower().startswith("https://") and ".example.org" in origin.lower())
    )


@pytest.mark.parametrize(
    ("origin", "entry", "expected"),
    [
        ("https://a.example.org", "https://a.example.org", True),
        ("https://a.example.org:443", "https://a.example.org", True),
        ("https://a.example.org", "https://a.example.org:8443", False),
        ("http://a.example.org", "https://a.example.org", False),
        ("https://b.example.org", "https://a.example.org", False),
        ("https://a.example.org", "https://*.example.org", True),
        ("https://a.b.example.org", "https://*.example.org", True),
        ("https://example.org", "https://*.example.org", False),
        ("https://aexample.org", "https://*.example.org", False),
        ("https://a.example.org.evil.example", "https://*.example.org", False),
        ("https://evil.example/.example.org", "https://*.example.org", False),
        ("null", "null", True),
        ("null", "https://*.example.org", False),
        ("anything", "*", True),
        ("app://example.org", "app://example.org", True),
        ("app://other.org", "app://example.org", False),
    ],
)
def test_allowed(origin: str, entry: str, expected: bool) -> None:
    assert is_allowed(origin, [entry]) is expected


def test_lists() -> None:
    assert check_allowed(None) == ()
    assert check_allowed(["*", "null", "https://*.example.org"]) == (
        "*",
        "null",
        "https://*.example.org",
    )
    for wrong in ("example.org", "https://", "https://example.org/", "", "https://*"):
        with pytest.raises(ValueError, match="no origin"):
            check_allowed([wrong])
    with pytest.raises(TypeError, match="a list of texts"):
        check_allowed("https://example.org")
