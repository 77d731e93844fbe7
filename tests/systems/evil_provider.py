"""An OpenID provider that lies in whatever way a test asks for.

It signs nobody in: whoever is sent to it comes straight back with a code. What it then says is
decided by the attributes of `Lies`, so that a test names one lie and all else is honest.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import threading
import time
import typing as t
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "app"
AUDIENCE = "https://api.example.test"
Claims = dict[str, t.Any]


@dataclass
class Lies:
    """What is not true.

    Attributes:
        metadata: Replaces what the provider says about itself; a key with None is left out.
        answer: Replaces parameters of the answer to the browser; None leaves one out.
        claims: Replaces claims of the ID token; None leaves one out.
        forge: Makes the ID token from the claims. Default: signed as it should be.
        token: Replaces keys of the token response; None leaves one out.
        status: Status, content type and body of the answer of a path, such as ``/token``.
        silent: Paths that are never answered.
    """

    metadata: Claims = field(default_factory=dict)
    answer: Claims = field(default_factory=dict)
    claims: Claims = field(default_factory=dict)
    forge: t.Callable[[EvilProvider, Claims], str] | None = None
    token: Claims = field(default_factory=dict)
    status: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)


def changed(honest: Claims, lies: Claims) -> Claims:
    """The honest values with the lies put in."""
    return {key: value for key, value in {**honest, **lies}.items() if value is not None}


class EvilProvider:
    """The provider: its keys, its lies, what it was asked.

    Args:
        port: Where it listens.
    """

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.other = RSAKey.generate_key(2048, {"kid": "one"})
        self.lies = Lies()
        self.nonce = ""
        self.asked: list[str] = []
        self.stopped = threading.Event()

    def metadata(self) -> Claims:
        honest = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            # As Auth0 does, and worse: what is listed must not be what is taken.
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": True,
        }
        return changed(honest, self.lies.metadata)

    def claims(self) -> Claims:
        now = int(time.time())
        honest = {"iss": self.issuer, "sub": "ada", "aud": CLIENT_ID, "name": "Ada"}
        honest |= {"nonce": self.nonce, "iat": now, "exp": now + 300}
        return changed(honest, self.lies.claims)

    def tokens(self) -> Claims:
        forge = self.lies.forge or signed
        honest = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300}
        honest["id_token"] = forge(self, self.claims())
        return changed(honest, self.lies.token)

    def access_token(self, header: Claims | None = None, **lies: t.Any) -> str:
        """An access token for the API (RFC 9068)."""
        now = int(time.time())
        honest = {"iss": self.issuer, "sub": "ada", "aud": AUDIENCE, "client_id": CLIENT_ID}
        honest |= {"iat": now, "exp": now + 300, "jti": "1", "scope": "read:profile"}
        header = {"alg": "RS256", "kid": "one", "typ": "at+jwt", **(header or {})}
        return jwt.encode(header, changed(honest, lies), self.key)


def part(value: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(provider: EvilProvider, claims: Claims) -> str:
    """As it should be."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, provider.key)


def unsigned(provider: EvilProvider, claims: Claims) -> str:
    """``alg: none``, and no signature."""
    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(claims)}."


def signed_with_public_key(provider: EvilProvider, claims: Claims) -> str:
    """HS256, for which the public key is the secret (key confusion)."""
    head, body = part({"alg": "HS256", "kid": "one"}), part(claims)
    secret = provider.key.as_pem(private=False)
    made = hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def signed_by_another(provider: EvilProvider, claims: Claims) -> str:
    """With another key that has the same number."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, provider.other)


def signed_with_unknown_key(provider: EvilProvider, claims: Claims) -> str:
    """With a key that was never published."""
    return jwt.encode({"alg": "RS256", "kid": "two"}, claims, provider.other)


def with_own_key(provider: EvilProvider, claims: Claims) -> str:
    """With a key that comes along in the header."""
    header = {"alg": "RS256", "jwk": provider.other.as_dict(private=False)}
    return jwt.encode(header, claims, provider.other)


def altered(provider: EvilProvider, claims: Claims) -> str:
    """A good token whose claims were changed afterwards."""
    head, _, signature = signed(provider, claims).split(".")
    return f"{head}.{part({**claims, 'sub': 'root'})}.{signature}"


class Handler(BaseHTTPRequestHandler):
    provider: EvilProvider
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        provider, lies = self.provider, self.provider.lies
        provider.asked.append(url.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if url.path in lies.silent:
            provider.stopped.wait(60)
            self.close_connection = True
            return
        if url.path in lies.status:
            return self.send(*lies.status[url.path])
        if url.path == "/authorize":
            return self.authorize({key: value[0] for key, value in parse_qs(url.query).items()})
        pages = {
            "/.well-known/openid-configuration": provider.metadata,
            "/jwks": lambda: {"keys": [provider.key.as_dict(private=False)]},
            "/token": provider.tokens,
        }
        if url.path not in pages:
            return self.send(404, "text/plain", "nothing here")
        self.send(200, "application/json", json.dumps(pages[url.path]()))

    do_POST = do_GET

    def authorize(self, query: dict[str, str]) -> None:
        self.provider.nonce = query.get("nonce", "")
        honest = {"code": "code", "state": query["state"], "iss": self.provider.issuer}
        answer = changed(honest, self.provider.lies.answer)
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{urlencode(answer)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, status: int, kind: str, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: t.Any) -> None:
        """Nothing: tests look at `asked`."""


@contextlib.contextmanager
def evil_provider() -> t.Iterator[EvilProvider]:
    """Run one until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {}))
    server.daemon_threads = True
    provider = EvilProvider(server.server_port)
    server.RequestHandlerClass.provider = provider
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield provider
    finally:
        provider.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
