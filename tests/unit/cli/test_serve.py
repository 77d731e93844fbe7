"""``app.run()`` calls the server as Flask's does."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
import werkzeug.serving

Write = t.Callable[..., Path]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    calls: list[t.Any] = []
    monkeypatch.setattr(
        werkzeug.serving,
        "run_simple",
        lambda host, port, app, **options: calls.append((host, port, app.name, options)),
    )
    return calls


@pytest.mark.parametrize("server_name", [None, "h.example", "h.example:80", ":81"])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"host": "0.0.0.0", "port": "99"},
        {"port": 0},
        {"debug": True},
        {"debug": True, "use_reloader": False, "threaded": False},
        {"host": "", "port": None, "extra_files": ["x"]},
    ],
)
def test_address_and_options(
    both: t.Any,
    served: t.Any,
    capsys: pytest.CaptureFixture[str],
    server_name: str | None,
    kwargs: dict[str, t.Any],
) -> None:
    outputs = []

    for side in both:
        app = side.App("mine")
        app.config["SERVER_NAME"] = server_name
        app.run(**kwargs)
        outputs.append(capsys.readouterr().out)

    assert served[0] == served[1]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("skip", [None, "0", "1"])
@pytest.mark.parametrize("load_dotenv", [True, False])
@pytest.mark.parametrize("debug", [None, False, True])
def test_env_files(
    both: t.Any, served: t.Any, write: Write, skip: str | None, load_dotenv: bool, debug: t.Any
) -> None:
    write(".env", "FLASK_DEBUG=1\n")
    found = []

    for side in both:
        os.environ.pop("FLASK_DEBUG", None)

        if skip is not None:
            os.environ["FLASK_SKIP_DOTENV"] = skip

        app = side.App("mine")
        app.run(debug=debug, load_dotenv=load_dotenv)
        found.append((app.debug, os.environ.get("FLASK_DEBUG")))

    assert found[0] == found[1]


def test_is_ignored_under_the_command_line(
    both: t.Any,
    served: t.Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    outputs = []

    for reloaded in ("", "true"):
        monkeypatch.setenv("WERKZEUG_RUN_MAIN", reloaded)

        for side in both:
            side.App("mine").run()
            outputs.append(capsys.readouterr().out)

    assert outputs[0] == outputs[1] != ""
    assert outputs[2] == outputs[3] == ""
    assert served == []
