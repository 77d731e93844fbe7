"""Every server hands the application what it takes to know whom to believe."""

from __future__ import annotations

import http.client
import json
import typing as t

import pytest

from running import Running
from systems.proxying import VISITOR, worker

#: What a server has to be told, or else it believes or removes forwarded headers itself.
OPTIONS = {
    "gunicorn-gthread": "--forwarded-allow-ips=",
    "gunicorn-asgi": "--forwarded-allow-ips=",
    "uvicorn": "--no-proxy-headers",
    "waitress": "--no-clear-untrusted-proxy-headers",
}
#: These take X_Forwarded_For for X-Forwarded-For: the proxy must not hand it on.
CONFUSED = {"uwsgi", "granian-wsgi"}
#: These believe X-Forwarded-Proto of everybody: the proxy must set it.
BELIEVING = {"uwsgi"}
#: One of each kind. (Apache's application has no environment of the test's.)
NAMES = [
    *("gunicorn-gthread", "uwsgi", "waitress", "granian-wsgi"),
    *("uvicorn", "hypercorn", "granian", "gunicorn-asgi"),
]
TOLD = {
    "X-Forwarded-For": "6.6.6.6, 192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "example.org",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/app",
}
ALL = json.dumps([*TOLD])


@pytest.fixture(scope="module", params=NAMES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    options = OPTIONS.get(request.param, "")
    with worker(request.param, folder, options, ALL) as found:
        yield found


def about(server: Running, source: str, headers: dict[str, str]) -> tuple[int, t.Any]:
    connection = http.client.HTTPConnection(
        "127.0.0.1", server.port, timeout=20, source_address=(source, 0)
    )
    try:
        connection.request("GET", "/about/x", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if answer.status == 200 else body.decode()
    finally:
        connection.close()


def test_a_proxy_is_believed(server: Running) -> None:
    _, found = about(server, "127.0.0.1", TOLD)
    assert found["address"] == "192.0.2.1"
    assert found["url"] == "https://example.org:8443/app/about/x"
    assert found["link"] == "https://example.org:8443/app/folder/"
    assert found["static"] == "/app/static/a.css"
    assert found["peer"] == "127.0.0.1"


def test_a_visitor_is_not(server: Running) -> None:
    for headers in (TOLD, {**TOLD, "X-Forwarded-Proto": "javascript"}):
        _, found = about(server, VISITOR, headers)
        assert found["address"] == VISITOR
        if server.name not in BELIEVING:  # type: ignore[attr-defined]
            assert found["link"] == f"http://127.0.0.1:{server.port}/folder/"
        assert found["static"] == "/static/a.css"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "nonsense"),
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-Host", "evil.example/path"),
        ("X-Forwarded-Port", "0"),
        ("X-Forwarded-Prefix", "//evil.example"),
    ],
)
def test_nonsense_is_refused(server: Running, name: str, value: str) -> None:
    status, text = about(server, "127.0.0.1", {**TOLD, name: value})
    assert status == 400
    assert name in text


@pytest.mark.parametrize(
    "header", ["X_Forwarded_For", "X-Forwarded_For", "x_forwarded-for", "SCRIPT_NAME"]
)
def test_names_with_an_underscore_are_others(server: Running, header: str) -> None:
    status, found = about(server, "127.0.0.1", {header: "/evil"})
    if server.name in CONFUSED and header != "SCRIPT_NAME":  # type: ignore[attr-defined]
        # As their pages in the documentation say; refused, as it is no address.
        assert status == 400
    else:
        assert (found["address"], found["root"]) == ("127.0.0.1", "")
