"""The example of single sign-on as a process of its own, and somebody who uses it."""

from __future__ import annotations

import contextlib
import html
import re
import sys
import typing as t
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

from erlen import Erlen, session
from running import ROOT, Running, free_port, running

AUDIENCE = "https://api.example.test"


class Site:
    """The example, served.

    Args:
        server: Its process.
        store: The setting that says where its sessions are.
    """

    def __init__(self, server: Running, store: str) -> None:
        self.server = server
        # Not the address of the provider: cookies don't ask for ports.
        self.url = f"http://localhost:{server.port}"
        self.store = store

    def api(self, token: str | None, path: str = "/api/me") -> requests.Response:
        """Ask the API with a token."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        session = requests.Session()
        session.trust_env = False
        return session.get(self.url + path, headers=headers, timeout=20)


@contextlib.contextmanager
def sso_site(
    folder: Path, issuer: str, port: int | None = None, **settings: t.Any
) -> t.Iterator[Site]:
    """Serve the example on Gunicorn until the end of the block.

    Args:
        folder: For its output and its database.
        issuer: The provider's.
        port: Where it listens. Default: a free port.
        settings: More of the example's, without ``SSO_``.
    """
    pytest.importorskip("gunicorn", reason="gunicorn is missing: pip install gunicorn")
    port = port or free_port()
    values = {
        "ISSUER": issuer,
        "CLIENT_ID": "app",
        "CLIENT_SECRET": "only-for-the-loopback",
        "SCOPE": "openid profile email read:profile",
        "AUDIENCE": AUDIENCE,
        "SESSION_STORE": (folder / f"sessions-{port}").as_uri(),
        "JWKS_MIN_AGE": 0,
        "READ_TIMEOUT": 10,
        **settings,
    }
    env = {f"SSO_{key}": str(value) for key, value in values.items()}
    # One worker: what it has learned from the provider is the same for every request.
    command = f"-m gunicorn --no-control-socket --threads 12 -b 127.0.0.1:{port} sso:create_app()"
    here = ROOT / "examples" / "sso"
    with running([sys.executable, *command.split()], port, folder, cwd=here, **env) as server:
        yield Site(server, str(values["SESSION_STORE"]))


class Visitor:
    """Somebody with a browser of their own.

    Args:
        site: Where they go.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, address: str, follow: bool = True, **more: t.Any) -> requests.Response:
        """Open an address, of the site or another."""
        url = urljoin(self.site.url, address)
        return self.session.get(url, allow_redirects=follow, timeout=20, **more)

    def submit(
        self, page: requests.Response, follow: bool = True, **fields: str
    ) -> requests.Response:
        """Send the first form of a page with these fields changed."""
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        action = re.search(r'<form[^>]* action="([^"]*)"', page.text)
        url = urljoin(page.url, html.unescape(action[1])) if action else page.url
        data = {**dict(hidden), **fields}
        return self.session.post(url, data=data, allow_redirects=follow, timeout=20)

    def sign_in(self, name: str = "ada", path: str = "/login") -> requests.Response:
        """Sign in at the real provider, with its page; gives the last page."""
        return self.submit(self.get(path), login=name)

    def begin(self) -> dict[str, str]:
        """Go as far as to the provider; gives what it would be asked."""
        answer = self.get("/login", follow=False)
        assert answer.status_code == 302, answer.text
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {key: values[0] for key, values in query.items()}

    def come_back(self, name: str = "ada") -> str:
        """Sign in, but stop before the site sees the answer; gives its address."""
        answer = self.get("/login", follow=False)
        while True:
            address = urljoin(answer.url, answer.headers["Location"])
            if address.startswith(self.site.url):
                return address
            answer = self.session.get(address, allow_redirects=False, timeout=20)
            if answer.status_code == 200:
                answer = self.submit(answer, follow=False, login=name)

    @property
    def cookie(self) -> str:
        """The number of their session."""
        return self.session.cookies.get("sso_session", domain="localhost.local", default="")

    @cookie.setter
    def cookie(self, value: str) -> None:
        self.session.cookies.set("sso_session", value, domain="localhost.local")

    @property
    def tokens(self) -> dict[str, t.Any]:
        """What the site keeps for them on the server; nothing if it does not know them."""
        reader = Erlen("reader")
        reader.config.update(SESSION_STORE=self.site.store, SESSION_COOKIE_NAME="sso_session")
        with reader.test_request_context(headers={"Cookie": f"sso_session={self.cookie}"}):
            return dict(session.get("tokens", {}))

    @property
    def signed_in(self) -> bool:
        """Whether the site knows them."""
        return self.get("/profile", follow=False).status_code == 200


def check_problem(answer: requests.Response, status: int, text: str) -> None:
    """The answer is a page about a problem, which says what happened and where to go on."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert text in html.unescape(answer.text), answer.text
    assert "<h1>" in answer.text and 'class="button' in answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert ("Retry-After" in answer.headers) == (status == 503)
