"""Every documented point of overriding: it is honoured, and where nobody uses it nobody pays."""

from __future__ import annotations

import sys
import typing as t
from types import FrameType

import flask
import flask.views
import pytest

import erlen
import erlen.views
from overriding import CALLS, POINTS, Point, site
from sidebyside import call, counted_general, plan, quiet, serve

#: What leaves nothing to plan: each request takes Flask's protocol, step by step.
GENERAL = {
    "Flask on class.full_dispatch_request",
    "Flask on class.request_context",
    "Flask on class.create_url_adapter",
    "Flask on instance.full_dispatch_request",
    "Flask on instance.request_context",
    "Flask on instance.create_url_adapter",
    # One with a constructor of its own.
    "Flask.request_class",
}


def answers_of(fw: t.Any, point: Point, way: str) -> tuple[list[t.Any], t.Any, set[str]]:
    """What the requests of a point are answered, and which overrides were asked."""
    log: list[t.Any] = []
    app = point.make(fw, log)
    quiet(app)
    asked = point.ask(fw, app)
    found = []
    for wanted in [*point.calls, *point.calls]:
        if way == "planned":
            plan(app)
        elif way == "general":
            plans = app._current_plans()
            plans.general, plans.hosts = True, set()
        answer = serve(app, wanted)
        answer.headers = [pair for pair in answer.headers if pair[0] != "Date"]
        found.append(answer)
    return found, asked, set(log)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_it_is_honoured(point: Point) -> None:
    expected, told, theirs = answers_of(flask, point, "")
    assert theirs, "the override is reached on Flask"
    for way in ("general", "planned"):
        found, asked, ours = answers_of(erlen, point, way)
        for wanted, here, there in zip([*point.calls] * 2, found, expected, strict=True):
            assert here == there, f"{wanted.method} {wanted.path}, the {way} way"
        assert repr(asked).replace("Erlen", "Flask") == repr(told)
        assert ours == theirs, way


def entered(app: t.Any, path: str) -> list[str]:
    """The functions that a planned request enters, those of the test left out."""
    quiet(app)
    for _ in range(2):
        plan(app)
        serve(app, path)
    environ = call(path).make_environ()
    found: list[str] = []

    def start_response(status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
        return None

    def profile(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and "/tests/" not in code.co_filename:
            found.append(code.co_qualname)

    plan(app)
    sys.setprofile(profile)
    try:
        app(environ, start_response)
    finally:
        sys.setprofile(None)
    return found


#: What a bare request enters, and no more.
BARE = [
    "Erlen.__call__",
    "wsgi_app",
    "run",
]


@pytest.mark.wsgi
class TestNobodyPaysForWhatNobodyUses:
    def test_a_bare_request_reaches_none_of_the_points(self) -> None:
        app = erlen.Erlen("bare")
        app.add_url_rule("/", "index", lambda: "index")
        found = entered(app, "/")
        assert set(BARE) <= set(found)
        names = {name.rpartition(".")[2] for name in found} - {"wsgi_app", "__call__"}
        points = {point.name for point in POINTS}
        assert names & points == set()
        owners = {name.partition(".")[0] for name in found}
        assert owners & {"Request", "Response", "Steps", "App", "SessionInterface"} == set()

    @pytest.mark.parametrize("path", ["/", "/dict"])
    @pytest.mark.parametrize("point", POINTS, ids=str)
    def test_an_override_that_a_request_does_not_reach_costs_it_nothing(
        self, point: Point, path: str
    ) -> None:
        log: list[t.Any] = []
        app = point.make(erlen, log)
        stock = site(erlen, erlen.Erlen)
        log.clear()
        for _ in range(2):
            plan(app)
            serve(app, path)
        if not log and point.owner != "Response":
            assert entered(app, path) == entered(stock, path)

    @pytest.mark.parametrize("point", POINTS, ids=str)
    def test_an_override_keeps_requests_planned(self, point: Point) -> None:
        app = point.make(erlen, [])
        quiet(app)
        with counted_general() as taken:
            for wanted in CALLS[:2]:
                plan(app)
                serve(app, wanted)
        assert bool(taken) is (str(point) in GENERAL)

    @pytest.mark.parametrize("path", ["/", "/dict", "/session", "/nowhere"])
    @pytest.mark.parametrize("point", POINTS, ids=str)
    def test_an_override_is_asked_no_more_often_than_on_flask(
        self, point: Point, path: str
    ) -> None:
        asked = []
        for fw in (flask, erlen):
            log: list[t.Any] = []
            app = point.make(fw, log)
            quiet(app)
            for _ in range(2):
                if fw is erlen:
                    plan(app)
                log.clear()
                serve(app, path)
            asked.append(len(log))
        assert asked[1] <= asked[0]
