"""Ids of requests: what is valid, and who sees them."""

from __future__ import annotations

import threading

import pytest

from erlen.ops import request_id, use_request_id
from erlen.ops.current import is_valid, new_id


@pytest.mark.parametrize("text", ["a", "A" * 128, "0af7651916cd43dd8448eb211c80319c", "a/b+c=d@e"])
def test_valid(text: str) -> None:
    assert is_valid(text)


@pytest.mark.parametrize(
    "text", ["", "A" * 129, "a b", "a\n", "a\nb", "é", "-a", "a,b", 'a"', "a\x1b[0m", "a%0a"]
)
def test_not_valid(text: str) -> None:
    assert not is_valid(text)


def test_new_ids_are_valid_and_differ() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(map(is_valid, ids))


def test_none_outside_of_a_request() -> None:
    assert request_id() is None


def test_an_id_from_elsewhere() -> None:
    with use_request_id("abc"):
        assert request_id() == "abc"
        with use_request_id("bad\nid"):
            assert request_id() is None
        assert request_id() == "abc"
    assert request_id() is None


def test_an_id_is_not_seen_by_other_threads() -> None:
    seen: list[str | None] = []
    with use_request_id("abc"):
        thread = threading.Thread(target=lambda: seen.append(request_id()))
        thread.start()
        thread.join()
    assert seen == [None]
