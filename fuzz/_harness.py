"""What the fuzz targets share: how they are run, and how a request is made of bytes."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:
    atheris = None

HERE = Path(__file__).resolve().parent
Target = Callable[[bytes], None]


def environ_of(body: bytes = b"", **more: Any) -> dict[str, Any]:
    """A WSGI environ; the body is at hand, with its length."""
    return {
        "REQUEST_METHOD": "POST" if body else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "CONTENT_LENGTH": str(len(body)),
        **more,
    }


def latin(data: bytes) -> str:
    """Bytes from the network as PEP 3333 puts them into the environ."""
    return data.decode("latin-1")


def call(app: Any, environ: dict[str, Any]) -> tuple[int, bytes]:
    """Status and body of an application's answer."""
    status = []

    def start_response(line: str, headers: Any, exc_info: Any = None) -> Any:
        status.append(int(line[:3]))

    result = app(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    return status[0], body


def replay(target: Target, paths: list[str]) -> int:
    """Run a target once on every file, and every file of every folder."""
    count = 0
    for path in map(Path, paths):
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            target(file.read_bytes())
            count += 1
    return count


def instrumented() -> contextlib.AbstractContextManager[Any]:
    """What is imported within is watched by Atheris, if that is there and asked for."""
    fuzzing = Path(sys.argv[0]).resolve().parent == HERE  # and not replayed by the tests
    if atheris is None or not fuzzing:
        return contextlib.nullcontext()
    return atheris.instrument_imports(include=["erlen", "werkzeug"])


def main(target: Target) -> None:
    """Fuzz with Atheris; without it, replay the files given, or the target's corpus."""
    if atheris is not None:
        atheris.Setup(sys.argv, target)
        atheris.Fuzz()
        return
    name = Path(sys.argv[0]).stem.removeprefix("fuzz_")
    paths = sys.argv[1:] or [str(HERE / "corpus" / name)]
    print(f"{replay(target, paths)} inputs replayed (to fuzz, install atheris)")
