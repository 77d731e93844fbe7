"""Hostile forwarded headers where the setting TRUSTED_PROXIES says whom to believe."""

from __future__ import annotations

import typing as t

import erlen
from bad_inputs.calls import get, make
from bad_inputs.cases import Cases, seconds

proxy = Cases()
ALL = ["For", "Proto", "Host", "Port", "Prefix"]


def app(*headers: str, hosts: list[str] | None = None) -> t.Any:
    def setup(app: t.Any) -> None:
        @app.get("/")
        def show() -> dict[str, t.Any]:
            request = erlen.request
            return {
                "address": request.remote_addr,
                "built": erlen.url_for("show", _external=True),
                "static": erlen.url_for("static", filename="a.js"),
            }

        app.config["TRUSTED_PROXIES"] = ["127.0.0.1", "10.0.0.0/8"]
        app.config["TRUSTED_PROXY_HEADERS"] = headers or [f"X-Forwarded-{name}" for name in ALL]
        app.config["TRUSTED_HOSTS"] = hosts

    return make(setup)


@proxy("HO-13-setting")
def host_of_a_proxy_is_checked() -> None:
    ours = app(hosts=["allowed.com"])
    evil = {"Host": "allowed.com", "X-Forwarded-Host": "evil.com"}
    assert get(ours, headers=evil).status == 400
    assert get(ours, headers={**evil, "X-Forwarded-Host": "allowed.com"}).status == 200


@proxy("HO-14-setting", value="1.1.1.1, 192.0.2.2", seen='"192.0.2.2"')
@proxy("HO-14-setting-chain", value="6.6.6.6, 192.0.2.2, 10.0.0.3", seen='"192.0.2.2"')
@proxy("HO-14-setting-inside", value="10.0.0.9, 192.0.2.2", seen='"192.0.2.2"')
@proxy("HO-14-setting-garbage", value="x\xff, 192.0.2.2", seen='"192.0.2.2"')
@proxy("HO-14-setting-unknown", value="6.6.6.6, unknown", seen="null")
@proxy("HO-14-setting-mapped", value="6.6.6.6, ::ffff:192.0.2.2", seen='"192.0.2.2"')
@proxy("HO-14-setting-none", value=",", seen='"127.0.0.1"')
def chain(value: str, seen: str) -> None:
    answer = get(app(), headers={"X-Forwarded-For": value})
    assert answer.status == 200
    assert f'"address":{seen}' in answer.text


@proxy("HO-14-setting-letters", name="For", value="1.1.1.1, evil")
@proxy("HO-14-setting-bytes", name="For", value="\xff")
@proxy("HO-14-setting-zone", name="For", value="fe80::1%<script>")
@proxy("HO-14-setting-octal", name="For", value="0177.0.0.1")
@proxy("HO-14-setting-short", name="For", value="127.1")
@proxy("HO-14-setting-nul", name="For", value="1.1.1.1\0")
@proxy("HO-14-setting-port", name="Port", value="99999")
@proxy("HO-14-setting-digit", name="Port", value="\xb2")
@proxy("HO-16-setting", name="Proto", value="javascript")
@proxy("HO-16-setting-url", name="Proto", value="http://evil.com/?")
@proxy("HO-16-setting-bracket", name="Proto", value="[")
@proxy("HO-16-setting-list", name="Proto", value="http, javascript")
@proxy("HO-16-setting-line", name="Proto", value="https\r\nX: y")
@proxy("HO-16-setting-host", name="Host", value="evil.com/path")
@proxy("HO-16-setting-user", name="Host", value="allowed.com@evil.com")
@proxy("HO-16-setting-quote", name="Host", value='evil.com"><script>')
@proxy("HO-16-setting-latin", name="Host", value="\xe9.com")
@proxy("HO-17-setting", name="Prefix", value="//evil.com")
@proxy("HO-17-setting-slash", name="Prefix", value="/\\evil.com")
@proxy("HO-17-setting-bare", name="Prefix", value="evil")
@proxy("HO-17-setting-dots", name="Prefix", value="/a/../b")
@proxy("HO-17-setting-coded", name="Prefix", value="/%2e%2e")
@proxy("HO-17-setting-query", name="Prefix", value="/a?b")
@proxy("HO-17-setting-bytes", name="Prefix", value="/\xff")
@proxy("HO-17-setting-url", name="Prefix", value="http://evil.com")
def nonsense_is_refused(name: str, value: str) -> None:
    ours = app()
    answer = get(ours, headers={f"X-Forwarded-{name}": value})
    assert answer.status == 400
    assert f"The header X-Forwarded-{name} " in answer.text
    assert b"<script>" not in answer.body
    # Of a stranger nobody looks at it.
    answer = get(ours, headers={f"X-Forwarded-{name}": value}, REMOTE_ADDR="203.0.113.9")
    assert answer.status == 200
    assert b"evil" not in answer.body and '"address":"203.0.113.9"' in answer.text


@proxy("HO-19-setting")
def strangers_are_not_believed() -> None:
    headers = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.com",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Port": "666",
        "Forwarded": "for=6.6.6.6;host=evil.com;proto=https",
    }
    for ours in (app(), app("Forwarded", "X-Forwarded-Prefix")):
        for peer in ("203.0.113.9", "127.0.0.1.example", "", None, "11.0.0.1", "::1"):
            answer = get(ours, headers=headers, REMOTE_ADDR=peer)
            assert answer.status == 200
            assert b"evil" not in answer.body and b"6.6.6.6" not in answer.body
            assert b"https" not in answer.body and b"666" not in answer.body


@proxy("HO-19-setting-other")
def other_headers_are_not_believed() -> None:
    answer = get(app("Forwarded"), headers={"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6"})
    assert '"address":"127.0.0.1"' in answer.text
    answer = get(app("X-Forwarded-For"), headers={"Forwarded": "for=6.6.6.6;host=evil.com"})
    assert '"address":"127.0.0.1"' in answer.text and b"evil" not in answer.body


@proxy("HO-19-setting-long", name="X-Forwarded-For", value="10.0.0.1, " * 100_000)
@proxy("HO-19-setting-commas", name="X-Forwarded-For", value="," * 1_000_000)
@proxy("HO-19-setting-quotes", name="Forwarded", value='for="' + '\\"' * 500_000)
@proxy("HO-19-setting-pairs", name="Forwarded", value="for=10.0.0.1," * 80_000)
@proxy("HO-19-setting-spaces", name="Forwarded", value="for=10.0.0.1" + " " * 1_000_000 + "x")
def a_megabyte_takes_no_time(name: str, value: str) -> None:
    ours = app(name)
    assert get(ours, headers={name: value}).status in (200, 400)
    assert seconds(lambda: get(ours, headers={name: value})) < 2


test_proxy = proxy.test()
