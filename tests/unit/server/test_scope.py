"""From a scope to a context and an environ."""

from __future__ import annotations

import typing as t

import pytest

import erlen
from erlen.server.scope import CONDITIONS, ScopeContext


class TestFiles:
    """A file needs little of an environ, and all of it where headers say how it is sent."""

    SCOPE: t.ClassVar = {"type": "http", "method": "GET", "path": "/", "query_string": b""}

    def context(self, *headers: tuple[bytes, bytes], **more: t.Any) -> ScopeContext:
        return ScopeContext(erlen.Erlen("files"), {**self.SCOPE, "headers": [*headers], **more})

    def test_without_conditions_there_is_no_environ(self) -> None:
        ctx = self.context((b"host", b"localhost"), (b"accept", b"*/*"))
        found = ctx.file_environ(erlen.Response)
        assert found == {"REQUEST_METHOD": "GET", "asgi.scope": ctx.scope}
        assert ctx._environ is None

    @pytest.mark.parametrize("name", sorted(CONDITIONS))
    def test_with_a_condition_it_is_whole(self, name: bytes) -> None:
        ctx = self.context((name, b"x"))
        assert ctx.file_environ(erlen.Response) is ctx.environ
        assert ctx.environ["HTTP_" + name.decode().upper().replace("-", "_")] == "x"

    def test_it_is_whole_for_a_response_of_the_users_own(self) -> None:
        class Own(erlen.Response):
            def make_conditional(self, *args: t.Any, **options: t.Any) -> t.Any:
                return super().make_conditional(*args, **options)

        ctx = self.context()
        assert ctx.file_environ(Own) is ctx.environ

    def test_what_was_made_is_used(self) -> None:
        ctx = self.context()
        ctx.environ["HTTP_RANGE"] = "bytes=0-1"
        assert ctx.file_environ(erlen.Response) is ctx.environ
