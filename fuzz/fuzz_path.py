"""Paths: Werkzeug's match, and an answer below 500."""

from __future__ import annotations

from typing import Any

from _harness import call, environ_of, instrumented, latin, main
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

with instrumented():
    import erlen


RULES = (
    "/",
    "/static-rule",
    "/slash/",
    "/int/<int:n>",
    "/float/<float(signed=True):f>",
    "/str/<name>",
    "/str/<name>/<int:n>.<ext>",
    "/any/<any(a, b):choice>",
    "/uuid/<uuid:id>",
    "/p/<path:a>/edit",
    "/<string(length=2):lang>/<path:rest>",
)


def build() -> Any:
    app = erlen.Erlen("fuzz_path", static_folder=None)

    def view(**args: Any) -> Any:
        return f"{erlen.request.endpoint} {args!r}"

    for number, rule in enumerate(RULES):
        app.add_url_rule(rule, f"e{number}", view)
    return app


APP = build()


def expectation(environ: dict[str, Any]) -> tuple[int, bytes | None]:
    adapter = APP.url_map.bind_to_environ(environ)
    try:
        endpoint, args = adapter.match()
    except RequestRedirect as redirect:
        return redirect.code, None
    except HTTPException as error:
        assert error.code is not None
        return error.code, None
    return 200, f"{endpoint} {dict(args)!r}".encode("utf-8", "surrogateescape")


def TestOneInput(data: bytes) -> None:
    environ = environ_of(PATH_INFO=latin(data))
    expected, text = expectation(environ)
    status, body = call(APP, environ)
    assert status == expected, (status, expected)
    assert text is None or body == text


if __name__ == "__main__":
    main(TestOneInput)
