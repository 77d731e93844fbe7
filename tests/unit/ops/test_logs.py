"""One line of JSON for each record, whatever is in it."""

from __future__ import annotations

import json
import logging
import re
import sys
import typing as t
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlen import Erlen
from erlen.ops import JsonFormatter, Ops

from .conftest import Ask, Lines, by_wsgi

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def make(**settings: t.Any) -> Erlen:
    app = Erlen("ops_app", static_folder=None)
    app.config.update({"LOG_FORMAT": "json", "REQUEST_ID_HEADER": "X-Request-ID", **settings})
    Ops(app)

    @app.get("/items/<int:number>")
    def item(number: int) -> str:
        logging.getLogger("shop").warning("item %d", number, extra={"number": number})
        return str(1 // number)

    @app.get("/async/<int:number>")
    async def later(number: int) -> str:
        logging.getLogger("shop").warning("item %d", number)
        return "done"

    return app


def line_of(*args: t.Any, **kwargs: t.Any) -> dict[str, t.Any]:
    record = logging.getLogger("x").makeRecord("x", 30, __file__, 1, *args, **kwargs)
    text = JsonFormatter().format(record)
    assert text.isascii()
    assert text.isprintable()
    return t.cast("dict[str, t.Any]", json.loads(text))


def without_pytest_s_handlers() -> None:
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize("path", ["/items/2", "/async/2"])
def test_a_record_of_a_request(ask: Ask, lines: Lines, path: str) -> None:
    ask(make(), path + "?secret=1", {"X-Request-ID": "abc"})
    (line,) = lines("shop")
    assert STAMP.fullmatch(line.pop("timestamp"))
    line.pop("number", None)
    assert line == {
        "level": "WARNING",
        "logger": "shop",
        "message": "item 2",
        "request_id": "abc",
        "method": "GET",
        "path": path,
    }


def test_without_ids_there_is_the_path(ask: Ask, lines: Lines) -> None:
    ask(make(REQUEST_ID_HEADER=None), "/items/2")
    (line,) = lines("shop")
    assert line["path"] == "/items/2"
    assert "request_id" not in line


def test_an_error(ask: Ask, lines: Lines) -> None:
    assert ask(make(), "/items/0", {"X-Request-ID": "abc"}).status == 500
    (line,) = lines("ops_app")
    assert (line["level"], line["request_id"]) == ("ERROR", "abc")
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("ZeroDivisionError: integer division or modulo by zero")


def test_outside_of_a_request(lines: Lines) -> None:
    make()
    logging.getLogger("shop").error("alone")
    (line,) = lines("shop")
    assert set(line) == {"timestamp", "level", "logger", "message"}


def test_access(ask: Ask, lines: Lines) -> None:
    app = make(ACCESS_LOG=True, HEALTH_PATH="/health")
    ask(app, "/items/3?token=secret", {"X-Request-ID": "abc"})
    ask(app, "/health")
    (line,) = lines("erlen.access")
    assert line.pop("duration_ms") > 0
    assert line.pop("message").startswith("GET /items/3 200 ")
    assert STAMP.fullmatch(line.pop("timestamp"))
    assert line == {
        "level": "INFO",
        "logger": "erlen.access",
        "request_id": "abc",
        "method": "GET",
        "path": "/items/3",
        "status": 200,
        "route": "/items/<int:number>",
        "endpoint": "item",
        "client": "10.0.0.9",
    }


@pytest.mark.parametrize("path", ["/items/3", "/async/3", "/none"])
@pytest.mark.parametrize("first", [True, False])
def test_the_client_behind_trusted_proxies(ask: Ask, lines: Lines, path: str, first: bool) -> None:
    trusted = {"TRUSTED_PROXIES": ["10.0.0.9"]}
    app = make(ACCESS_LOG=True, **(trusted if first else {}))
    app.config.update(trusted)
    ask(app, path, {"X-Forwarded-For": "192.0.2.7"})
    (line,) = lines("erlen.access")
    assert line["client"] == "192.0.2.7"


@pytest.mark.parametrize(
    ("path", "status", "route"),
    [("/items/0", 500, "/items/<int:number>"), ("/none", 404, None), ("/items/x", 404, None)],
)
def test_access_of_what_failed(
    ask: Ask, lines: Lines, path: str, status: int, route: str | None
) -> None:
    ask(make(ACCESS_LOG=True), path)
    (line,) = lines("erlen.access")
    assert (line["status"], line["route"]) == (status, route)


def test_access_as_text_cannot_be_forged(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    without_pytest_s_handlers()
    app = make(LOG_FORMAT=None, ACCESS_LOG=True)
    path = "/a\n[2026] GET /forged 200\x1b[2J%s"
    path = quote(path) if ask.colour == "wsgi" else path  # type: ignore[attr-defined]
    ask(app, path, {"X-Request-ID": "abc"})
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert " abc GET /a" in text


def test_a_path_cannot_end_the_line(ask: Ask, lines: Lines) -> None:
    path = '/x\r\n{"level":1}\u2028'
    # A server decodes the path, in its own way for each protocol.
    ask(make(ACCESS_LOG=True), quote(path) if ask.colour == "wsgi" else path)  # type: ignore[attr-defined]
    (line,) = lines()
    assert line["path"] == path


def test_the_handler_is_there_once(ask: Ask, lines: Lines) -> None:
    make()
    ask(make(), "/items/2")
    assert len(lines("shop")) == 1


def test_the_application_logger_writes_once(lines: Lines) -> None:
    without_pytest_s_handlers()
    app = Erlen("ops_app_early")
    app.logger.warning("before")
    app.config["LOG_FORMAT"] = "json"
    Ops(app)
    sys.stderr.flush()
    app.logger.warning("after")
    text = lines._capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in text[1:]] == ["after"]


def test_log_level(lines: Lines) -> None:
    make(LOG_LEVEL="DEBUG")
    logging.getLogger("shop").debug("fine")
    assert [line["message"] for line in lines("shop")] == ["fine"]


def test_static_fields() -> None:
    record = logging.makeLogRecord({"msg": "hm", "service": "forged"})
    line = json.loads(JsonFormatter({"service": "shop"}).format(record))
    assert line["service"] == "shop"


class Odd:
    def __str__(self) -> str:
        raise ValueError("no text")


CIRCLE: list[t.Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1.5, 1.5),
        (None, None),
        (b"x", "b'x'"),
        (Odd(), "<Odd>"),
        (CIRCLE, "[[...]]"),
        ({(1, 2): "a"}, "{(1, 2): 'a'}"),
        ("\ud800", "\ud800"),
    ],
)
def test_values_that_json_does_not_know(value: t.Any, expected: t.Any) -> None:
    assert line_of("hm", (), None, extra={"value": value})["value"] == expected


def test_what_tells_where_a_line_is_from_stays() -> None:
    line = line_of("hm", (), None, extra={"level": "forged", "logger": "forged", "timestamp": 0})
    assert (line["level"], line["logger"]) == ("WARNING", "x")
    assert STAMP.fullmatch(line["timestamp"])


def test_a_wrong_format_is_not_lost() -> None:
    assert "%d items" in line_of("%d items", ("x",), None)["message"]


def test_the_stack() -> None:
    assert line_of("hm", (), None, sinfo="Stack:\n  here")["stack"] == "Stack:\n  here"


@settings(deadline=None)
@given(st.text(), st.text(), st.dictionaries(st.text(min_size=1), st.text()))
def test_always_one_line(message: str, path: str, extra: dict[str, str]) -> None:
    record = logging.makeLogRecord({"msg": message, "name": path})
    vars(record)["request_fields"] = {"path": path}
    for key, value in extra.items():
        vars(record).setdefault(key, value)
    text = JsonFormatter().format(record)
    assert "\n" not in text and text.isascii() and text.isprintable()
    found = json.loads(text)
    assert (found["message"], found["logger"], found["path"]) == (message, path, path)


def test_records_may_be_copied_and_sent_elsewhere() -> None:
    import copy
    import pickle

    app = make()
    kept: list[logging.LogRecord] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(pickle.loads(pickle.dumps(copy.copy(record))))

    handler = Keeps()
    logging.getLogger("shop").addHandler(handler)
    try:
        by_wsgi(app, "/items/2", {"X-Request-ID": "abc"}, "GET")
    finally:
        logging.getLogger("shop").removeHandler(handler)
    assert json.loads(JsonFormatter().format(kept[0]))["request_id"] == "abc"
