"""From a scope to a context and an environ."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

import erlen
from erlen.server.scope import CONDITIONS, ScopeContext
from erlen.state import get_current


class TestFiles:
    """A file needs little of an environ, and all of it where headers say how it is sent."""

    SCOPE: t.ClassVar = {"type": "http", "method": "GET", "path": "/", "query_string": b""}

    def context(self, *headers: tuple[bytes, bytes], **more: t.Any) -> ScopeContext:
        return ScopeContext(erlen.Erlen("files"), {**self.SCOPE, "headers": [*headers], **more})

    def test_without_conditions_there_is_no_environ(self) -> None:
        ctx = self.context((b"host", b"localhost"), (b"accept", b"*/*"))
        found = ctx.file_environ(erlen.Response)
        assert found == {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "asgi.scope": ctx.scope}
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


class TestUrls:
    """So does a URL."""

    @pytest.mark.parametrize("prefix", ["", "/api", "/ä"])
    def test_no_environ_is_made(self, prefix: str) -> None:
        app = erlen.Erlen("urls")
        seen: list[t.Any] = []

        @app.get("/page/<int:number>")
        async def page(number: int) -> str:
            ctx: t.Any = get_current()
            assert erlen.request.args.get("q") == "1"
            url = erlen.url_for("page", number=number + 1)
            seen.append(ctx._environ)
            assert erlen.request.script_root == prefix
            assert erlen.url_for("page", number=number + 1) == url
            return url

        scope = {
            "type": "http",
            "method": "GET",
            "path": f"{prefix}/page/1",
            "root_path": prefix,
            "query_string": b"q=1",
            "headers": [(b"host", b"localhost")],
        }
        sent: list[t.Any] = []

        async def send(message: t.Any) -> None:
            sent.append(message)

        # The first request looks whether the host is a valid one.
        for _ in range(2):
            asyncio.run(app(scope, None, send))  # type: ignore[arg-type]
        assert sent[-1]["body"].decode() == f"{prefix}/page/2"
        assert seen[-1] is None
