"""What is asked of every framework, and what has to come back."""

from __future__ import annotations

import io
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

HOOKS = 5
CHUNKS = [b"x" * 128] * 100
ROWS = [{"name": f"Thing <{i}>", "price": f"{i}.50"} for i in range(20)]
SECRET = "a secret that only the bench knows"
SESSION = "the-session-of-a-visitor"
TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
STATIC_SIZE = 16 * 1024

Environ = dict[str, Any]


class Answer(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes


class Workload(NamedTuple):
    """One kind of request: the application it needs, the requests, the check of an answer."""

    name: str
    kind: str
    requests: list[tuple[Environ, bytes]]
    check: Callable[[Answer], bool]


class Conflict(Exception):
    """Raised by a view, answered by a handler."""


class FileWrapper:
    """Stands for a server's ``wsgi.file_wrapper``, which hands the file to the system unread."""

    def __init__(self, file: Any, size: int = 8192) -> None:
        self.file = file

    def __iter__(self) -> Any:
        return iter(())

    def close(self) -> None:
        self.file.close()


def static_folder() -> str:
    """A folder with `site.css`, 16 KiB; made at the first call."""
    folder = os.path.join(tempfile.gettempdir(), "erlen-bench")
    path = os.path.join(folder, "site.css")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write((b"p { margin: 0 }\n" * STATIC_SIZE)[:STATIC_SIZE])
        os.replace(file.name, path)
    return folder


def route_table(count: int) -> list[list[str]]:
    """Rules as lists of parts, a third of them static; ``<...>`` is a number."""
    things = ["items", "orders", "people", "teams", "notes", "files", "events", "tags"]
    rules = []
    for i in range(count):
        area, thing = f"area{i // 24}", things[i % 8]
        rules.append(
            [
                ["v1", area, thing, "recent"],
                ["v1", area, thing, "<item>"],
                ["v1", area, "<owner>", thing, "<item>"],
            ][i // 8 % 3]
        )
    return rules


def environ(path: str, method: str = "GET", body: bytes = b"", **more: Any) -> Environ:
    """What a server hands over for one request of a browser."""
    path, _, query = path.partition("?")
    found = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8000",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "HTTP_CONNECTION": "keep-alive",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }
    if body:
        found["CONTENT_LENGTH"] = str(len(body))
    return found


def call(app: Any, template: Environ, body: bytes) -> Answer:
    """One request, as a server makes it."""
    started: list[Any] = []

    def start_response(status: str, headers: list[Any], exc_info: Any = None) -> Any:
        started[:] = [status, headers]

    result = app({**template, "wsgi.input": io.BytesIO(body)}, start_response)
    content = b"".join(result)
    getattr(result, "close", lambda: None)()
    headers = {name.lower(): value for name, value in started[1]}
    return Answer(int(started[0][:3]), headers, content)


def text(expected: str) -> Callable[[Answer], bool]:
    return lambda a: a.status == 200 and a.body == expected.encode()


def as_json(expected: Any, status: int = 200) -> Callable[[Answer], bool]:
    def check(answer: Answer) -> bool:
        mimetype = answer.headers["content-type"].partition(";")[0]
        good = (answer.status, mimetype) == (status, "application/json")
        return good and json.loads(answer.body) == expected

    return check


def check_page(answer: Answer) -> bool:
    return answer.body.count(b"<tr") == 20 and b"Thing &lt;19&gt;" in answer.body


def check_hooks(answer: Answer) -> bool:
    return answer.body == b"5" and all(f"x-after-{i}" in answer.headers for i in range(HOOKS))


def check_session(answer: Answer) -> bool:
    return answer.body == b"1" and "set-cookie" in answer.headers


def check_redirect(answer: Answer) -> bool:
    return answer.status == 302 and answer.headers["location"].endswith("/users/7/posts/first")


def one(path: str, method: str = "GET", body: bytes = b"", **more: Any) -> list[Any]:
    return [(environ(path, method, body, **more), body)]


def multipart(size: int) -> tuple[bytes, str]:
    """A form with one file of `size` bytes and one field."""
    head = (
        '--limit\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--limit\r\n'
        'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    data = random.Random(1).randbytes(64 * 1024) * (size // (64 * 1024))
    return head.encode() + data + b"\r\n--limit--\r\n", "multipart/form-data; boundary=limit"


def routes_requests(count: int, many: int = 100) -> list[Any]:
    """Requests over a table of routes, in random order."""
    choice = random.Random(5)
    paths = []
    for rule in choice.choices(route_table(count), k=many):
        paths.append("/" + "/".join("42" if part.startswith("<") else part for part in rule))
    return [(environ(path), b"") for path in paths]


def routes_workload(count: int) -> Workload:
    """A table of `count` routes."""
    return Workload(f"routes{count}", f"routes:{count}", routes_requests(count), text("ok"))


def extended_workload(name: str, names: str) -> Workload:
    """A route that uses none of the extensions that its application has initialised."""
    more = {"HTTP_COOKIE": f"session={SESSION}"} if name.endswith("a session") else {}
    return Workload(name, f"extended:{names}", one("/", **more), text("Hello, world!"))


def all_workloads() -> list[Workload]:
    """Every workload of the table, in its order."""
    person = {
        "name": "Ada",
        "age": 36,
        "tags": ["a", "b"],
        "address": {"city": "London", "zip": "W1"},
    }
    record = {"id": 1, "values": list(range(20)), "nested": {"a": "b" * 50}, "on": True}
    asjson, encoded = "application/json", "application/x-www-form-urlencoded"
    form = b"name=Ada+Lovelace&age=36&tags=a&tags=b&note=" + b"n" * 100
    upload, kind = multipart(1024 * 1024)
    return [
        Workload("hello", "base", one("/"), text("Hello, world!")),
        Workload(
            "json",
            "base",
            one("/users/7/posts/first?page=2"),
            as_json({"user": 7, "slug": "first", "page": 2}),
        ),
        Workload(
            "echo",
            "base",
            one("/echo", "POST", json.dumps(record).encode(), CONTENT_TYPE=asjson),
            as_json(record),
        ),
        Workload(
            "validate",
            "base",
            one("/validate", "POST", json.dumps(person).encode(), CONTENT_TYPE=asjson),
            as_json({"ok": "Ada"}),
        ),
        routes_workload(500),
        Workload("404", "base", one("/nowhere/at/all"), lambda a: a.status == 404),
        Workload("template", "base", one("/template"), check_page),
        Workload("session", "session", one("/session"), check_session),
        Workload("hooks", "hooks", one("/hooks"), check_hooks),
        Workload(
            "form",
            "base",
            one("/form", "POST", form, CONTENT_TYPE=encoded),
            as_json({"name": "Ada Lovelace", "age": 36, "tags": ["a", "b"]}),
        ),
        Workload(
            "upload",
            "base",
            one("/upload", "POST", upload, CONTENT_TYPE=kind),
            as_json({"size": 1024 * 1024, "note": "hello"}),
        ),
        Workload("static", "base", one("/static/site.css"), lambda a: len(a.body) == STATIC_SIZE),
        Workload(
            "sendfile",
            "base",
            one("/static/site.css", **{"wsgi.file_wrapper": FileWrapper}),
            lambda a: a.headers.get("content-length") == str(STATIC_SIZE),
        ),
        Workload("stream", "base", one("/stream"), lambda a: a.body == b"".join(CHUNKS)),
        Workload("redirect", "base", one("/go"), check_redirect),
        Workload("error", "base", one("/error"), as_json({"error": "conflict"}, 409)),
    ]
