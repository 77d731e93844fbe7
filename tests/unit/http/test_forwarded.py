"""Forwarded headers: how many hops of them are believed, and what is refused."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen.http.forwarded import (
    FOR,
    HEADERS,
    HOST,
    PORT,
    PREFIX,
    PROTO,
    STANDARD,
    BadForwarded,
    Claims,
    Trust,
    elements_of,
    joined,
    server_of,
)

OLD = [FOR, PROTO, HOST, PORT, PREFIX]


def read(
    headers: dict[str, str],
    peer: str = "10.0.0.1",
    proxies: t.Sequence[str] = ("10.0.0.0/8",),
    believed: t.Sequence[str] = OLD,
) -> Claims:
    trust = Trust(proxies, believed)
    values = tuple(headers.get(name) for name in trust.headers)
    found = trust.read(peer, values)
    # What is remembered is the same.
    assert trust.read(peer, values) == found
    return found


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        # What a visitor wrote is left of what the first proxy saw.
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.9, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.2, 10.0.0.3", "192.0.2.1"),
        ("garbage, 192.0.2.1", "192.0.2.1"),
        # Everybody is trusted: the one furthest away.
        ("10.0.0.4, 10.0.0.2", "10.0.0.4"),
        ("", "10.0.0.1"),
        (" , ,", "10.0.0.1"),
        ("192.0.2.1:5678", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("::ffff:10.0.0.2", "10.0.0.2"),
        ("192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
        # They know, but do not say.
        ("unknown", None),
        ("6.6.6.6, unknown, 10.0.0.2", None),
        ("_hidden", None),
    ],
)
def test_the_chain_is_read_from_the_right(chain: str, address: str | None) -> None:
    assert read({FOR: chain}).address == address
    told = ", ".join(f'for="{node.strip()}"' for node in chain.split(",") if node.strip())
    assert read({STANDARD: told}, believed=[STANDARD]).address == address


@pytest.mark.parametrize(
    ("chain", "schemes", "seen"),
    [
        ("192.0.2.1", "https", "https"),
        # Each adds its own: the one counts that talked to the visitor.
        ("192.0.2.1, 10.0.0.2", "https, http", "https"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.2", "javascript, https, http", "https"),
        ("6.6.6.6, 192.0.2.1", "http, https", "https"),
        # The last one overwrites.
        ("192.0.2.1, 10.0.0.2", "https", "https"),
        ("", "http, https", "https"),
        ("192.0.2.1", "HTTPS", "https"),
        ("192.0.2.1", "wss", "https"),
        ("192.0.2.1", "ws", "http"),
        ("192.0.2.1", "", None),
    ],
)
def test_the_scheme_is_that_of_the_same_hop(chain: str, schemes: str, seen: str | None) -> None:
    assert read({FOR: chain, PROTO: schemes}).scheme == seen


def test_host_and_port_are_those_of_the_same_hop() -> None:
    headers = {FOR: "192.0.2.1, 10.0.0.2", HOST: "evil.com, a.org, b.lan", PORT: "443, 80"}
    assert read(headers) == Claims("192.0.2.1", None, "a.org", 443)


def test_each_proxy_has_cut_off_a_piece() -> None:
    assert read({FOR: "192.0.2.1, 10.0.0.2", PREFIX: "/a, /b/"}).prefix == "/a/b"
    assert read({FOR: "192.0.2.1", PREFIX: "/evil, /b"}).prefix == "/b"
    assert read({PREFIX: "/"}).prefix == ""


def test_only_what_is_believed_is_read() -> None:
    headers = {FOR: "192.0.2.1", PROTO: "https", HOST: "evil.com", PREFIX: "/evil", PORT: "1"}
    assert read(headers, believed=[FOR, PROTO]) == Claims("192.0.2.1", "https")
    headers[STANDARD] = "for=6.6.6.6"
    assert read(headers).address == "192.0.2.1"
    assert read(headers, believed=[STANDARD]) == Claims("6.6.6.6")
    assert read({FOR: "6.6.6.6"}, believed=[STANDARD]) == Claims("10.0.0.1")


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("for=192.0.2.43", Claims("192.0.2.43")),
        (
            'For="[2001:db8:cafe::17]:4711";PROTO=https; Host="a.org:8443" ;by=203.0.113.43',
            Claims("2001:db8:cafe::17", "https", "a.org:8443"),
        ),
        ("for=192.0.2.1;proto=https, for=10.0.0.2;proto=http", Claims("192.0.2.1", "https")),
        (
            'for=6.6.6.6;host="evil, com", for=192.0.2.1;host=a.org',
            Claims("192.0.2.1", None, "a.org"),
        ),
        ('for="_gazonk";proto=https', Claims(None, "https")),
        ('for="\\1\\9\\2.0.2.1"', Claims("192.0.2.1")),
        # Who has said nothing of the one who called it?
        ("for=192.0.2.1, proto=https", Claims(None, "https")),
        (", ,", Claims("10.0.0.1")),
    ],
)
def test_the_standard_header(text: str, claims: Claims) -> None:
    assert read({STANDARD: text}, believed=[STANDARD]) == claims


def test_the_standard_header_and_a_prefix() -> None:
    headers = {STANDARD: "for=192.0.2.1", PREFIX: "/app"}
    assert read(headers, believed=[STANDARD, PREFIX]) == Claims("192.0.2.1", prefix="/app")


BAD = {
    FOR: ["garbage", "1.2.3", "1.2.3.4.5", "1.2.3.4, \xff", "999.1.1.1", "[::1", "fe80::1%<b>"],
    PROTO: ["javascript", "http://evil.com/?", "[", "h", "https:", "file", "\xff", "data"],
    HOST: ["evil.com/path", "user@evil.com", "a b", "a.org:99999", "a.org:0", "a.org:", "\xe9.org"],
    PORT: ["abc", "0", "65536", "-1", "8 0", "999999999999999999", "\xb2", "+80"],
    PREFIX: ["//evil.com", "app", "/../etc", "/a/./b", "/a//b", "/a\\b", "/\xff", "/a?", "/%2e"],
    STANDARD: [
        "garbage",
        "for=garbage",
        "for=1.2.3.4;for=6.6.6.6",
        'for="1.2.3.4',
        "for=1.2.3.4;;proto=https",
        "proto=javascript",
        "for=1.2.3.4;host=user@evil.com",
        "=1.2.3.4",
        "for=1.2.3.4 proto=https",
        "for==",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_nonsense_of_a_trusted_proxy_is_refused(name: str, value: str) -> None:
    believed = [STANDARD] if name == STANDARD else OLD
    with pytest.raises(BadForwarded, match=f"^The header {name} ") as caught:
        read({name: value}, believed=believed)
    assert str(caught.value).isascii()
    # Left of where trust ends, nobody reads it.
    if name == FOR:
        assert read({name: f"{value.rpartition(',')[2]}, 192.0.2.1"}).address == "192.0.2.1"


def test_a_chain_is_not_endless() -> None:
    near = ", 10.0.0.2" * 99
    assert read({FOR: f"{'6.6.6.6, ' * 1000}192.0.2.1{near}"}).address == "192.0.2.1"
    with pytest.raises(BadForwarded, match="at most 100 proxies"):
        read({FOR: "10.0.0.2, " * 101})
    with pytest.raises(BadForwarded):
        elements_of("for=1.2.3.4, " * 101)
    assert len(elements_of("for=1.2.3.4, " * 100)) == 100


def test_a_long_value_is_not_repeated_at_length() -> None:
    with pytest.raises(BadForwarded) as caught:
        read({PROTO: "x" * 5000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("::1", True),
        ("::ffff:10.0.0.1", True),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
        ("10.0.0.1.evil.com", False),
        ("nonsense", False),
        ("unix", False),
        ("", False),
        (None, False),
    ],
)
def test_who_is_trusted(peer: str | None, trusted: bool) -> None:
    trust = Trust(["10.0.0.0/8", "::1", "fe80::/10"], [FOR])
    # Twice: it is remembered.
    assert [trust.trusts(peer), trust.trusts(peer)] == [trusted, trusted]


def test_a_socket_in_the_file_system() -> None:
    trust = Trust(["unix"], [FOR])
    assert trust.trusts("") and trust.trusts(None)
    assert not trust.trusts("127.0.0.1")


def test_memory_is_bounded() -> None:
    trust = Trust(["10.0.0.0/8"], [FOR])
    for number in range(5000):
        trust.trusts(f"192.0.{number % 200}.{number // 200}")
        trust.read("10.0.0.1", (f"192.0.{number % 200}.{number // 200}",))
    assert len(trust._known) <= 1024 and len(trust._claims) <= 1024
    trust._claims.clear()
    trust.read("10.0.0.1", ("10.0.0.2, " * 50,))
    assert not trust._claims


@pytest.mark.parametrize(
    ("proxies", "headers", "error", "text"),
    [
        (
            "10.0.0.0/8",
            [FOR],
            TypeError,
            "TRUSTED_PROXIES is a list of texts: write ['10.0.0.0/8']",
        ),
        (["10.0.0.1/8"], [FOR], ValueError, "has host bits set"),
        (["proxy.lan"], [FOR], ValueError, "'proxy.lan'"),
        (["*"], [FOR], ValueError, "'0.0.0.0/0' for every address"),
        ([127], [FOR], TypeError, "127 is none"),
        (["::1"], FOR, TypeError, "TRUSTED_PROXY_HEADERS is a list"),
        (["::1"], ["X-Real-IP"], ValueError, "x-real-ip"),
        (["::1"], [STANDARD, FOR], ValueError, "one of the two"),
    ],
)
def test_settings_that_can_not_be_meant(
    proxies: t.Any, headers: t.Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        Trust(proxies, headers)
    assert text in str(caught.value)


def test_names_of_headers_in_any_letters() -> None:
    assert Trust(["::1"], ["x-forwarded-host", "X-FORWARDED-FOR"]).headers == (FOR, HOST)


@pytest.mark.parametrize(
    ("claims", "host", "scheme", "wanted"),
    [
        (Claims("a", host="b.org"), "a.org", "http", "b.org"),
        (Claims("a"), "a.org", "http", None),
        (Claims("a", port=443), "a.org:8000", "https", "a.org"),
        (Claims("a", port=8443), "a.org", "https", "a.org:8443"),
        (Claims("a", host="[::1]:80", port=8443), None, "https", "[::1]:8443"),
        (Claims("a", host="[::1]", port=80), None, "http", "[::1]"),
        (Claims("a", port=80), None, "http", None),
    ],
)
def test_host_and_port_together(
    claims: Claims, host: str | None, scheme: str, wanted: str | None
) -> None:
    assert joined(claims, host, scheme) == wanted


def test_the_server_of_a_host() -> None:
    assert server_of("a.org", "https") == ("a.org", 443)
    assert server_of("a.org:81", "https") == ("a.org", 81)
    assert server_of("[::1]", "http") == ("[::1]", 80)
    assert server_of("[::1]:81", "http") == ("[::1]", 81)


@given(
    st.dictionaries(
        st.sampled_from(HEADERS),
        st.text(st.characters(max_codepoint=255), max_size=40)
        | st.lists(st.sampled_from([*'for=;,":[].1%/_', "10.0.0.2", "proto=", "https"])).map(
            "".join
        ),
    )
)
def test_any_header_is_read_or_refused(headers: dict[str, str]) -> None:
    for believed in (OLD, [STANDARD, PREFIX]):
        try:
            claims = read(headers, believed=believed)
        except BadForwarded:
            continue
        assert claims.scheme in (None, "http", "https")
        assert "//" not in claims.prefix and not claims.prefix.endswith("/")


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["for", "by", "host"]), st.text('a"\\,;= .', max_size=8), min_size=1
        )
    )
)
def test_elements_come_back(elements: list[dict[str, str]]) -> None:  # fmt: skip
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = ", ".join(
        ";".join(f"{name}={quoted(value)}" for name, value in element.items())
        for element in elements
    )
    assert elements_of(text) == elements
