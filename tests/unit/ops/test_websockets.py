"""Websockets are observed from the handshake to the end."""

from __future__ import annotations

import typing as t

import pytest
from prometheus_client import CollectorRegistry

from erlen import Erlen, websocket
from erlen.ops import Ops, request_id

from .conftest import Lines


@pytest.mark.parametrize("colour", ["async", "sync"])
def test_a_websocket(colour: str, lines: Lines) -> None:
    registry = CollectorRegistry()
    app = Erlen("ops_app", static_folder=None)
    app.config.update(
        REQUEST_ID_HEADER="X-Request-ID",
        LOG_FORMAT="json",
        ACCESS_LOG=True,
        METRICS_PATH="/metrics",
        TRACING=True,
    )
    Ops(app, registry=registry)
    if colour == "async":

        @app.websocket("/rooms/<int:room>")
        async def talk(room: int) -> None:
            await websocket.send(f"{request_id()} {await websocket.receive()}")
    else:

        @app.websocket("/rooms/<int:room>")
        def talk_sync(room: int) -> None:
            ws = t.cast(t.Any, websocket)
            ws.send(f"{request_id()} {ws.receive()}")

    client = app.test_client()
    with client.websocket_connect("/rooms/5", headers={"X-Request-ID": "abc"}) as ws:
        assert registry.get_sample_value("websockets_open") == 1
        ws.send("hi")
        assert ws.receive() == "abc hi"
    assert registry.get_sample_value("websockets_open") == 0
    labels = {"route": "/rooms/<int:room>", "status": "101"}
    assert registry.get_sample_value("websockets_total", labels) == 1
    assert registry.get_sample_value("http_requests_in_flight") == 0
    (line,) = lines("erlen.access")
    known = {key: line[key] for key in ("request_id", "method", "path", "status", "route")}
    assert known == {
        "request_id": "abc",
        "method": "WEBSOCKET",
        "path": "/rooms/5",
        "status": 101,
        "route": "/rooms/<int:room>",
    }
