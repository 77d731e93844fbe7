"""Host headers: a host of valid characters, none, or a 400."""

from __future__ import annotations

import re

from _harness import environ_of, instrumented, latin, main
from werkzeug.exceptions import HTTPException

with instrumented():
    from erlen.http.request import Request


VALID = re.compile(r"([A-Za-z0-9.-]+|\[[A-Fa-f0-9:.]+\])(:[1-9][0-9]{0,4})?")
TRUSTED = ["example.com", ".ex.org"]


def TestOneInput(data: bytes) -> None:
    host, _, scheme = latin(data).partition("\n")
    environ = environ_of(HTTP_HOST=host)
    environ["wsgi.url_scheme"] = scheme or "http"
    request = Request(environ, populate_request=False)
    assert request.host == "" or VALID.fullmatch(request.host)
    for name in ("url", "base_url", "root_url", "url_root", "host_url"):
        try:
            value = getattr(request, name)
        except HTTPException:
            continue
        assert not scheme or scheme != "http" or value.startswith("http://")
    repr(request)
    request = Request(environ, populate_request=False)
    request.trusted_hosts = TRUSTED
    try:
        name = request.host.partition(":")[0].lower().removesuffix(".")
    except HTTPException:
        return
    assert name in ("", "example.com", "ex.org") or name.endswith(".ex.org")


if __name__ == "__main__":
    main(TestOneInput)
