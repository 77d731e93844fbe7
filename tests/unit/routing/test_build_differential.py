"""The compiled URL builder builds exactly what Werkzeug's ``MapAdapter.build`` builds."""

from __future__ import annotations

import typing as t

import werkzeug.routing as wz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from erlen.routing import UrlBuilder
from unit.routing.routing_maps import NAMES, adapters, bind, maps, outcome, subdomains

checked = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Text(str):
    """A subclass whose text is not what it holds."""

    def __str__(self) -> str:
        return "other text"


texts = st.sampled_from(
    [
        "a",
        "",
        "/",
        "/evil.com",
        "../x",
        "a b",
        "é",
        "a/b",
        "1",
        "2",
        "x-y",
        "?&=#",
        "\n",
        "a+b",
        "%",
    ]
)
plain = st.one_of(
    texts,
    st.integers(-3, 30),
    st.just(None),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.just(Text("a")),
    st.just("12345678-1234-5678-1234-56781234abcd"),
)
values = st.dictionaries(
    st.sampled_from([*NAMES, *NAMES, "extra", "k y", "self", "é"]),
    plain | st.lists(texts, max_size=2) | st.just(b"a b"),
    max_size=6,
)


def _missing_converter_text(result: t.Any) -> t.Any:
    # The text of a TypeError by a converter names the place it stands at.
    if isinstance(result, tuple) and result[0] is TypeError:
        return TypeError
    return result


@checked
@given(
    both=maps(),
    arguments=adapters,
    subdomain=subdomains,
    data=st.data(),
    multi=st.booleans(),
)
def test_build_is_werkzeugs(
    both: tuple[wz.Map, wz.Map],
    arguments: dict[str, t.Any],
    subdomain: str | None,
    data: st.DataObject,
    multi: bool,
) -> None:
    ours, theirs = both
    builder = UrlBuilder(ours)
    mine, its = bind(ours, arguments, subdomain), bind(theirs, arguments, subdomain)
    options = st.fixed_dictionaries(
        {
            "endpoint": st.sampled_from(["e1", "e1", "e2", "e3", "none"]),
            "values": values,
            "method": st.sampled_from([None, None, None, "GET", "POST", "ODD"]),
            "force_external": st.booleans(),
            "append_unknown": st.sampled_from([True, True, True, False]),
            "url_scheme": st.sampled_from([None, None, "", "https", "ftp", "ws"]),
        }
    )
    for asked in data.draw(st.lists(options, max_size=8)):
        if multi:
            asked["values"] = MultiDict(asked["values"])
        got = outcome(lambda: builder.build(mine, **asked))
        assert _missing_converter_text(got) == _missing_converter_text(
            outcome(lambda: its.build(**asked))
        )


@checked
@given(query=st.dictionaries(st.text(max_size=4), st.text(max_size=4) | plain, max_size=4))
def test_query_is_werkzeugs(query: dict[str, t.Any]) -> None:
    ours, theirs = wz.Map([wz.Rule("/", endpoint="x")]), wz.Map([wz.Rule("/", endpoint="x")])
    got = outcome(lambda: UrlBuilder(ours).build(ours.bind("h"), "x", query))
    assert got == outcome(lambda: theirs.bind("h").build("x", query))


@checked
@given(value=st.text(max_size=5))
def test_text_is_quoted_as_werkzeugs(value: str) -> None:
    rules = ["/<p>", "/a/<path:p>/b"]
    for rule in rules:
        url_map = wz.Map([wz.Rule(rule, endpoint="x")])
        adapter = url_map.bind("h")
        got = outcome(lambda: UrlBuilder(url_map).build(adapter, "x", {"p": value}))
        assert got == outcome(lambda: adapter.build("x", {"p": value}))
