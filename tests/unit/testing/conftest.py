"""Each test that takes ``side`` runs on Flask and on Erlen: what it expects is what Flask does."""

from __future__ import annotations

import importlib
import typing as t

import pytest


class Side:
    """One of the two packages: its application class, its tools, its proxies."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.testing = importlib.import_module(f"{name}.testing")
        self.cli = importlib.import_module(f"{name}.cli")
        self.api = importlib.import_module(name)
        self.App = getattr(self.api, name.title())

    def make(self, **config: t.Any) -> t.Any:
        app = self.App("mine", static_folder=None, subdomain_matching=True)
        app.config.update({"SECRET_KEY": "secret", "TESTING": True, **config})
        return app


@pytest.fixture(params=["flask", "erlen"])
def side(request: pytest.FixtureRequest) -> Side:
    return Side(request.param)


@pytest.fixture
def both() -> tuple[Side, Side]:
    return Side("flask"), Side("erlen")
