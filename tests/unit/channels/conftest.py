"""Channels in memory and over a real Redis."""

from __future__ import annotations

import typing as t
import uuid

import pytest

from erlen.channels import Channels
from services.redis import redis_server

Make = t.Callable[..., Channels]


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> t.Iterator[Make]:
    """Makes channels; several of one test are several processes' of one application."""
    made: list[Channels] = []
    prefix = f"test-{uuid.uuid4().hex}"

    def make(**options: t.Any) -> Channels:
        url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
        channels = Channels(url, prefix=prefix, **options)
        made.append(channels)
        return channels

    make.name = request.param  # type: ignore[attr-defined]
    yield make
    for channels in made:
        channels.close()
