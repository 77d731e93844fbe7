"""The application on a real server, in a thread of the test's process."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import typing as t
from importlib.util import find_spec

if t.TYPE_CHECKING:
    from types import TracebackType

    from ..app import Erlen

_SECONDS_TO_START = 30.0
_SECONDS_TO_STOP = 10.0
_SECONDS_FOR_RESPONSES = 1


class _Server(t.Protocol):
    def serve(self, listener: socket.socket) -> None: ...
    def is_ready(self) -> bool: ...
    def stop(self) -> None: ...


class _WSGIServer:
    """Werkzeug's server, each request in a thread of its own."""

    def __init__(self, app: Erlen, listener: socket.socket) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        connections = self._connections = set[socket.socket]()

        class Handler(WSGIRequestHandler):
            # A browser keeps its connections, as with a server of production.
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                connections.add(self.connection)

            def finish(self) -> None:
                connections.discard(self.connection)
                super().finish()

            def log_request(self, code: t.Any = "-", size: t.Any = "-") -> None:
                """Say nothing of requests that worked: a test's output is for what failed."""

        host, port = listener.getsockname()[:2]
        self._server = make_server(
            host, port, app, threaded=True, request_handler=Handler, fd=listener.fileno()
        )

    def serve(self, listener: socket.socket) -> None:
        # Seconds between two looks at whether it is to end.
        self._server.serve_forever(poll_interval=0.02)

    def is_ready(self) -> bool:
        # The socket has been listening since it was made.
        return True

    def stop(self) -> None:
        self._server.shutdown()
        # Connections that a browser keeps would be served on, by threads of their own.
        end = time.monotonic() + _SECONDS_FOR_RESPONSES
        self._close(socket.SHUT_RD)
        while self._connections and time.monotonic() < end:
            time.sleep(0.005)
        self._close(socket.SHUT_RDWR)

    def _close(self, how: int) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(how)


class _ASGIServer:
    """Uvicorn, on an event loop of its own."""

    def __init__(self, app: Erlen) -> None:
        import uvicorn

        config = uvicorn.Config(
            app.asgi_app,
            interface="asgi3",
            proxy_headers=False,
            loop="asyncio",
            lifespan="on",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            # Streams do not end by themselves.
            timeout_graceful_shutdown=_SECONDS_FOR_RESPONSES,
        )
        self._server = uvicorn.Server(config)

    def serve(self, listener: socket.socket) -> None:
        # It exits where the application does not start; `is_ready` stays false then.
        with contextlib.suppress(SystemExit):
            self._server.run(sockets=[listener])

    def is_ready(self) -> bool:
        return bool(self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True


class LiveServer:
    """Serves an application on a free port of the loopback; for ``with``.

    ::

        with LiveServer(app) as server:
            urllib.request.urlopen(server.url + "/hello")

    The application is the very object of the test: what the test puts into its
    configuration or replaces in it is seen by requests. It is served by Uvicorn if it
    wants ASGI (websockets, async views, functions around serving), else by Werkzeug's
    server.

    Args:
        app: The application.
        host: The address to listen on. Default: 127.0.0.1.
        port: The port to listen on. Default: 0, which is any free one.
        asgi: Whether by ASGI. Default: what the application wants.
    """

    def __init__(
        self, app: Erlen, host: str = "127.0.0.1", port: int = 0, *, asgi: bool | None = None
    ) -> None:
        self.app = app
        self.host = host
        #: Where it listens, once it was started.
        self.port = port
        self.asgi = asgi
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address, without a slash at the end: ``"http://127.0.0.1:40123"``."""
        return f"http://{_bracketed(self.host)}:{self.port}"

    @property
    def ws_url(self) -> str:
        """The same for websockets: ``"ws://127.0.0.1:40123"``."""
        return f"ws://{_bracketed(self.host)}:{self.port}"

    def __str__(self) -> str:
        return self.url

    def url_for(self, endpoint: str, **values: t.Any) -> str:
        """The whole URL of an endpoint on this server.

        Args:
            endpoint: Its name.
            **values: As for `erlen.url_for`.
        """
        with self.app.test_request_context("/", base_url=self.url):
            return self.app.url_for(endpoint, **{"_external": True, **values})

    def start(self) -> None:
        """Start the server, and wait until it answers.

        Raises:
            RuntimeError: Uvicorn is needed and missing, or the application refused to
                start; the log says why.
            OSError: The port is in use.
        """
        if self._thread is not None:
            raise RuntimeError("This server was started already.")
        listener = _listen(self.host, self.port)
        try:
            server = self._make(listener)
            self._run(server, listener)
        except BaseException:
            listener.close()
            raise

    def _make(self, listener: socket.socket) -> _Server:
        from ..server.needs import wants_asgi

        reason = wants_asgi(self.app) if self.asgi is None else "asgi=True" if self.asgi else None
        if reason is None:
            return _WSGIServer(self.app, listener)
        if find_spec("uvicorn") is None:
            raise RuntimeError(
                f"Uvicorn, which would serve {reason}, is not installed:"
                " pip install 'erlen[run]'. (LiveServer(app, asgi=False) does without.)"
            )
        return _ASGIServer(self.app)

    def _run(self, server: _Server, listener: socket.socket) -> None:
        self.port = listener.getsockname()[1]
        self._server = server

        def serve() -> None:
            with listener:
                server.serve(listener)

        thread = threading.Thread(target=serve, name=f"live server {self.port}", daemon=True)
        self._thread = thread
        thread.start()
        end = time.monotonic() + _SECONDS_TO_START
        while not server.is_ready():
            if not thread.is_alive() or time.monotonic() > end:
                self.stop()
                raise RuntimeError("The application did not start to serve; the log says why.")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop the server, if it runs; what was begun gets a second to end.

        Raises:
            RuntimeError: It does not end.
        """
        thread, server = self._thread, self._server
        self._thread = self._server = None
        if thread is None or server is None:
            return
        server.stop()
        thread.join(_SECONDS_TO_STOP)
        if thread.is_alive():
            raise RuntimeError(f"The server on port {self.port} does not end.")

    def __enter__(self) -> t.Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    # Not inherited by the browsers and other processes that a test starts.
    listener.set_inheritable(False)
    return listener
