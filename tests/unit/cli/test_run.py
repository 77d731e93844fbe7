from __future__ import annotations

import sys
import traceback
import typing as t

import pytest


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    """What Werkzeug's server was called with, on either side."""
    import flask.cli

    import erlen.cli

    calls: list[t.Any] = []

    for module in (flask.cli, erlen.cli):
        monkeypatch.setattr(
            module, "run_simple", lambda *args, **kwargs: calls.append((args, kwargs))
        )

    return calls


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--debug"],
        ["-h", "0.0.0.0", "-p", "80"],
        ["--reload", "--no-debugger"],
        ["--no-reload", "--debugger", "--debug"],
        ["--without-threads"],
        ["--extra-files", "a:b", "--exclude-patterns", "*.c"],
    ],
)
def test_the_server_is_called_as_by_flask(both: t.Any, served: t.Any, args: list[str]) -> None:
    outputs = []

    for side in both:
        app = side.App("x")
        group = side.Group(create_app=lambda app=app: app)
        result = side.invoke(group, "run", *args, env={"FLASK_DEBUG": "0"})
        assert result.exit_code == 0, result.output
        outputs.append(result.output)
        (host, port, given), _ = served[-1]
        assert given is app
        served[-1] = ((host, port), served[-1][1])

    assert served[0] == served[1]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["mod:app", None])
@pytest.mark.parametrize("reloaded", ["true", ""])
def test_banner(
    both: t.Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    debug: bool,
    path: str | None,
    reloaded: str,
) -> None:
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", reloaded)
    outputs = []

    for side in both:
        side.cli.show_server_banner(debug, path)
        outputs.append(capsys.readouterr().out)

    assert outputs[0] == outputs[1]


def test_the_banner_can_be_silenced(
    side: t.Any, served: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side.cli, "show_server_banner", lambda *args: None)
    result = side.invoke(side.Group(create_app=lambda: side.App("x")), "run")
    assert (result.output, len(served)) == ("", 1)


def broken() -> t.Any:
    raise ZeroDivisionError("mine")


def test_a_first_start_fails_on_an_error(side: t.Any, served: t.Any) -> None:
    result = side.invoke(side.Group(create_app=broken), "run")
    assert isinstance(result.exception, ZeroDivisionError)
    assert served == []


def test_after_a_reload_the_error_is_served(
    side: t.Any, served: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[t.Any] = []
    # Not read from the runner: that of click 8.1 does not flush this stream.
    monkeypatch.setattr(traceback, "print_exc", lambda: printed.append(sys.exc_info()[1]))
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    result = side.invoke(side.Group(create_app=broken), "run")
    assert result.exit_code == 0
    assert [str(error) for error in printed] == ["mine"]
    ((_, _, app), _) = served[0]

    with pytest.raises(ZeroDivisionError, match="mine"):
        app({}, None)


def test_the_same_options(both: t.Any) -> None:
    theirs, ours = (
        {
            (p.name, *p.opts, *p.secondary_opts): (p.default, p.is_eager, p.expose_value)
            for p in side.cli.run_command.params
        }
        for side in both
    )
    assert theirs == ours
