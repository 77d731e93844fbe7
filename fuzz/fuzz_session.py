"""Session cookies: what itsdangerous verifies, or an empty session; never an error."""

from __future__ import annotations

import json
from typing import Any

from _harness import call, environ_of, instrumented, latin, main
from itsdangerous import BadSignature
from werkzeug.sansio.http import parse_cookie

with instrumented():
    import erlen
    from erlen.sessions import SecureCookieSessionInterface


APP = erlen.Erlen("fuzz_session", static_folder=None)
APP.secret_key = "fuzz"


@APP.get("/")
def show() -> Any:
    return {key: repr(value) for key, value in erlen.session.items()}


def TestOneInput(data: bytes) -> None:
    value = latin(data)
    status, body = call(APP, environ_of(HTTP_COOKIE=f"session={value}"))
    assert status == 200, status
    found = json.loads(body)
    if found:
        serializer: Any = SecureCookieSessionInterface().get_signing_serializer(APP)
        try:
            serializer.loads(parse_cookie(f"session={value}")["session"])
        except BadSignature:
            raise AssertionError(f"a session out of nothing: {found}") from None


if __name__ == "__main__":
    main(TestOneInput)
