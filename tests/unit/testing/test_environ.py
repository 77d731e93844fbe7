from __future__ import annotations

import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATHS = [
    "/",
    "",
    "/a/b?x=1&y=2",
    "relative?x",
    "http://other.example:81/a?x=1",
    "https://other.example",
    "//other.example/a",
    "/a#fragment",
    "/ä/%20",
    "?q=1",
]


def facts(side: t.Any, config: dict[str, t.Any], *args: t.Any, **kwargs: t.Any) -> t.Any:
    try:
        builder = side.testing.EnvironBuilder(side.make(**config), *args, **kwargs)
    except Exception as error:
        return type(error), str(error)

    environ = builder.get_environ()
    body = environ["wsgi.input"].read()
    builder.close()
    plain = {key: value for key, value in environ.items() if isinstance(value, (str, tuple, bool))}
    return plain, body


@given(
    path=st.sampled_from(PATHS),
    base_url=st.sampled_from([None, "http://base.example/root", "https://b"]),
    subdomain=st.sampled_from([None, "", "sub"]),
    url_scheme=st.sampled_from([None, "https"]),
    server_name=st.sampled_from([None, "example.com:8080"]),
    root=st.sampled_from(["/", "/app", "app/"]),
    scheme=st.sampled_from(["http", "https"]),
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_same_environ_as_flask(
    both: t.Any,
    path: str,
    base_url: str | None,
    subdomain: str | None,
    url_scheme: str | None,
    server_name: str | None,
    root: str,
    scheme: str,
) -> None:
    config = {
        "SERVER_NAME": server_name,
        "APPLICATION_ROOT": root,
        "PREFERRED_URL_SCHEME": scheme,
    }
    theirs, ours = (facts(side, config, path, base_url, subdomain, url_scheme) for side in both)
    assert theirs == ours


@pytest.mark.parametrize(
    "kwargs",
    [
        {"method": "POST", "json": {"a": 1, "ä": None}},
        {"method": "PUT", "data": {"a": "1"}},
        {"query_string": {"a": ["1", "2"]}},
        {"headers": {"X-A": "1"}, "content_type": "text/plain", "data": b"x"},
    ],
)
def test_the_rest_goes_to_werkzeug(both: t.Any, kwargs: dict[str, t.Any]) -> None:
    theirs, ours = (facts(side, {}, "/x", **kwargs) for side in both)
    assert theirs == ours


def test_json_is_made_by_the_application(side: t.Any) -> None:
    app = side.make()
    app.json.ensure_ascii = False
    builder = side.testing.EnvironBuilder(app, json="€")
    assert builder.input_stream.read() == '"€"'.encode()
    assert builder.json_dumps({"b": 1, "a": 2}) == app.json.dumps({"b": 1, "a": 2})
    builder.close()


def test_a_base_url_and_a_part_of_it(side: t.Any) -> None:
    with pytest.raises(AssertionError) as caught:
        side.testing.EnvironBuilder(side.make(), base_url="http://x", subdomain="y")

    assert str(caught.value) == 'Cannot pass "subdomain" or "url_scheme" with "base_url".'
