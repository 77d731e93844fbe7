"""What is off is not there; what is on says what is wrong with its settings."""

from __future__ import annotations

import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import erlen
from erlen import Erlen
from erlen.ops import Ops
from erlen.server.needs import wants_asgi

SOURCE = Path(erlen.__file__).parents[1]
ALL = {
    "HEALTH_PATH": "/health",
    "READINESS_PATH": "/ready",
    "REQUEST_ID_HEADER": "X-Request-ID",
    "LOG_FORMAT": "json",
    "ACCESS_LOG": True,
    "METRICS_PATH": "/metrics",
    "TRACING": True,
}


def make(**settings: t.Any) -> Erlen:
    app = Erlen("ops_app", static_folder=None)
    app.add_url_rule("/", "index", lambda: "hi")
    app.config.update(settings)
    Ops(app, registry=CollectorRegistry())
    return app


def plan_of(app: Erlen) -> t.Any:
    plans = app._current_plans()
    return plans.plan_of(plans.find("/", "GET")[0])


def test_nothing_is_there_unless_asked_for() -> None:
    bare = Erlen("ops_app", static_folder=None)
    app = make()
    assert set(vars(app)) - set(vars(bare)) <= {"_plans"}
    assert "wsgi_app" not in vars(app)
    assert "asgi_app" not in vars(app)
    plan = plan_of(app)
    assert plan.processors == plan.before == plan.after == ()
    assert plan.light
    assert not plan.teardown


def test_ids_and_pages_add_no_step() -> None:
    app = make(HEALTH_PATH="/health", READINESS_PATH="/ready", REQUEST_ID_HEADER="X-Request-ID")
    plan = plan_of(app)
    assert plan.processors == plan.before == plan.after == ()
    assert plan.light


def test_what_wants_the_rule_adds_one_step() -> None:
    plan = plan_of(make(**ALL))
    assert [step.__name__ for step in plan.processors] == ["note_rule"]
    assert plan.before == plan.after == ()
    assert plan.light


@pytest.mark.parametrize("settings", [{}, {"HEALTH_PATH": "/health"}, ALL])
def test_a_wsgi_application_stays_one(settings: dict[str, t.Any]) -> None:
    app = make(**settings)
    assert wants_asgi(app) is None


def test_routes_on_the_loop_stay_there() -> None:
    """What observes is not middleware, which would send every request through a thread."""
    import asyncio

    from .conftest import by_asgi_here

    seen: list[t.Any] = []
    app = make(**ALL)

    @app.get("/loop")
    async def loop() -> str:
        seen.append(asyncio.get_running_loop())
        return "here"

    async def main() -> None:
        assert (await by_asgi_here(app, "/loop", {}, "GET")).body == b"here"
        assert seen == [asyncio.get_running_loop()]
        assert app._native.wrapped is False

    asyncio.run(main())


def test_middleware_around_it_is_still_noticed() -> None:
    app = make(**ALL)
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start: inner(environ, start)
    from erlen.marks import is_wrapped

    assert is_wrapped(app, "wsgi_app")


def test_middleware_inside_of_it_is_still_noticed() -> None:
    app = Erlen("ops_app")
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start: inner(environ, start)
    app.config["REQUEST_ID_HEADER"] = "X-Request-ID"
    Ops(app)
    from erlen.marks import is_wrapped

    assert is_wrapped(app, "wsgi_app")
    assert not is_wrapped(app, "asgi_app")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"HEALTH_PATH": "health"}, "HEALTH_PATH is a path that begins with a slash"),
        ({"READINESS_PATH": 5}, "READINESS_PATH is a path"),
        ({"HEALTH_PATH": "/x", "READINESS_PATH": "/x"}, "where another page is already"),
        ({"READINESS_TIMEOUT": 0}, "READINESS_TIMEOUT is a number of seconds"),
        ({"READINESS_TIMEOUT": "1"}, "READINESS_TIMEOUT is a number of seconds"),
        ({"REQUEST_ID_HEADER": "X Request"}, "REQUEST_ID_HEADER is not the name of a header"),
        ({"REQUEST_ID_HEADER": "X-Id\r\nSet-Cookie"}, "not the name of a header"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'json' or None"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, t.Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(**settings)


def test_twice() -> None:
    app = make()
    with pytest.raises(RuntimeError, match="called twice for the application 'ops_app'"):
        Ops(app)


@pytest.mark.parametrize(
    ("package", "settings", "line"),
    [
        ("prometheus_client", {"METRICS_PATH": "/metrics"}, "pip install 'erlen[metrics]'"),
        ("opentelemetry", {"TRACING": True}, "pip install 'erlen[tracing]'"),
    ],
)
def test_a_missing_package(
    package: str, settings: t.Any, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    app = Erlen("ops_app")
    app.config.update(settings)
    with pytest.raises(ModuleNotFoundError) as caught:
        Ops().init_app(app)
    assert line in str(caught.value)


def test_nothing_heavy_is_imported() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r});"
        " from erlen import Erlen; from erlen.ops import Ops; app = Erlen('a');"
        " app.config.update(HEALTH_PATH='/h', READINESS_PATH='/r', REQUEST_ID_HEADER='X-Id');"
        " Ops(app); print([n for n in ('asyncio', 'prometheus_client', 'opentelemetry')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
