"""Measurements that need a fresh process each. `python probes.py NAME FRAMEWORK [NUMBER]`."""

from __future__ import annotations

import gc
import io
import json
import resource
import sys
import time
from typing import Any

MODULES = {"erlen": "erlen", "flask": "flask", "bottle": "bottle", "falcon": "falcon"}


def imports(framework: str, number: int) -> dict[str, float]:
    """CPU time and modules of the import."""
    before = len(sys.modules)
    began = time.process_time()
    __import__(MODULES[framework])
    return {"seconds": time.process_time() - began, "modules": len(sys.modules) - before}


def startup(framework: str, number: int) -> dict[str, float]:
    """From nothing to the first response of an application of so many routes."""
    from workloads import call, routes_requests

    template, body = routes_requests(number)[0]
    began = time.process_time()
    import frameworks

    answer = call(frameworks.build(framework, f"routes:{number}"), template, body)
    assert answer.status == 200
    return {"seconds": time.process_time() - began}


class Tape:
    """An upload that is made while it is read."""

    def __init__(self, head: bytes, piece: bytes, count: int, tail: bytes) -> None:
        self.parts = (part for part in [head, *[piece] * count, tail])
        self.rest = b""
        self.length = len(head) + len(piece) * count + len(tail)

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "the whole upload was asked for at once"
        while len(self.rest) < size and (more := next(self.parts, b"")):
            self.rest += more
        out, self.rest = self.rest[:size], self.rest[size:]
        return out

    def readline(self, size: int = -1) -> bytes:
        while b"\n" not in self.rest and (more := next(self.parts, b"")):
            self.rest += more
        end = self.rest.find(b"\n") + 1 or len(self.rest)
        end = min(end, size) if size > 0 else end
        out, self.rest = self.rest[:end], self.rest[end:]
        return out


def upload(framework: str, number: int) -> dict[str, float]:
    """By how much an upload of so many MiB raises the peak of resident memory, in MiB."""
    import frameworks
    from workloads import call, environ, multipart

    app = frameworks.build(framework, "base")
    small, kind = multipart(64 * 1024)
    start = small.index(b"octet-stream\r\n\r\n") + len(b"octet-stream\r\n\r\n")
    head, piece, tail = small[:start], small[start : start + 65536], small[start + 65536 :]
    call(app, environ("/upload", "POST", small, CONTENT_TYPE=kind), small)
    tape = Tape(head, piece, number * 16, tail)
    template = environ("/upload", "POST", CONTENT_TYPE=kind, CONTENT_LENGTH=str(tape.length))
    template["wsgi.input"] = tape
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status: list[Any] = []
    result = app(template, lambda *args: status.append(args[0]))
    body = json.loads(b"".join(result))
    getattr(result, "close", lambda: None)()
    assert body["size"] == number * 1024 * 1024, (status, body)
    return {"MiB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def growth(framework: str, number: int) -> dict[str, float]:
    """Resident memory gained over so many requests of several kinds, in MiB."""
    import frameworks
    from workloads import all_workloads

    app = frameworks.build(framework, "base")
    names = ("hello", "json", "echo", "404", "form", "error")
    requests = [w.requests[0] for w in all_workloads() if w.name in names]

    def serve(count: int) -> None:
        for i in range(count):
            template, body = requests[i % len(requests)]
            result = app({**template, "wsgi.input": io.BytesIO(body)}, lambda *args: None)
            for _ in result:
                pass
            getattr(result, "close", lambda: None)()

    serve(max(2000, number // 10))
    gc.collect()
    before = resident()
    serve(number)
    gc.collect()
    return {"MiB": (resident() - before) / 1024}


def resident() -> int:
    """Resident memory in KiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


if __name__ == "__main__":
    name, framework, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print(json.dumps(globals()[name](framework, number)))
