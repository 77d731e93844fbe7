"""The application as a whole: its settings, its command, its pages."""

from __future__ import annotations

from typing import Any

import pytest
from webhooks import create_app

from erlen import Erlen


@pytest.mark.parametrize("name", ["STRIPE_SECRET", "TWILIO_TOKEN"])
def test_a_secret_is_missing(name: str) -> None:
    settings = {"STRIPE_SECRET": "a", "TWILIO_TOKEN": "b", name: ""}
    with pytest.raises(RuntimeError, match=f"WEBHOOKS_{name}"):
        create_app(settings)


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("WEBHOOKS_STRIPE_SECRET", "whsec_1")
    monkeypatch.setenv("WEBHOOKS_TWILIO_TOKEN", "12345")
    monkeypatch.setenv("WEBHOOKS_DATABASE", str(tmp_path / "here.sqlite"))
    assert create_app().config["TWILIO_TOKEN"] == "12345"
    assert (tmp_path / "here.sqlite").exists()


def test_readiness(client: Any) -> None:
    assert client.get("/ready").json == {"status": "ready"}


def test_errors_are_json(client: Any) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404 and answer.json["error"]


def test_nobody_to_send_to(app: Erlen) -> None:
    found = app.test_cli_runner().invoke(args=["send", "stripe", "http://127.0.0.1:9"])
    assert found.exit_code != 0
