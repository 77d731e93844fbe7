"""A provider that lies: whatever it says, nobody is signed in by it, and nothing becomes a 500."""

from __future__ import annotations

import time
import typing as t

import pytest
import requests

from systems import evil_provider as evil
from systems.evil_provider import EvilProvider, Lies
from systems.sso_site import Site, Visitor, check_problem, sso_site

INVALID = (400, "The sign-in could not be verified")
MIXED = (400, "came from somebody else")
AWAY = (503, "The sign-in service does not answer")
STALE = (400, "This sign-in has run out")
REFUSED = (403, "You were not signed in")


@pytest.fixture(scope="module")
def provider() -> t.Iterator[EvilProvider]:
    with evil.evil_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def site(provider: EvilProvider, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    """A site that has asked the provider about itself while that was honest."""
    with sso_site(tmp_path_factory.mktemp("site"), provider.issuer, READ_TIMEOUT=2) as site:
        provider.lies = Lies()
        assert Visitor(site).get("/login").url.endswith("/profile")
        yield site
        assert "Exception on" not in site.server.text, site.server.text


@pytest.fixture(scope="module")
def newcomer(provider: EvilProvider, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    """A site that knows nothing about the provider yet."""
    with sso_site(tmp_path_factory.mktemp("newcomer"), provider.issuer, READ_TIMEOUT=2) as site:
        yield site
        assert "Exception on" not in site.server.text, site.server.text


def try_to_sign_in(site: Site, expected: tuple[int, str]) -> None:
    """Sign in, and be refused, soon."""
    visitor, begun = Visitor(site), time.monotonic()
    check_problem(visitor.get("/login"), *expected)
    assert time.monotonic() - begun < 10
    assert visitor.get("/profile", follow=False).status_code in (302, 503)
    # The rest of the site goes on.
    assert "Welcome back" not in visitor.get("/").text


def test_an_honest_provider(site: Site, provider: EvilProvider) -> None:
    """Without a lie everything works: so each refusal below is because of the lie."""
    provider.lies = Lies()
    visitor = Visitor(site)
    assert "<h1>Ada</h1>" in visitor.get("/login").text
    assert visitor.signed_in
    assert site.api(provider.access_token()).json() == {"sub": "ada", "scope": "read:profile"}


NOW = int(time.time())
TOKENS = {
    "wrong nonce": Lies(claims={"nonce": "other"}),
    "no nonce": Lies(claims={"nonce": None}),
    "nonce of another type": Lies(claims={"nonce": ["x"]}),
    "wrong audience": Lies(claims={"aud": "somebody else"}),
    "no audience": Lies(claims={"aud": None}),
    "audience of others only": Lies(claims={"aud": ["somebody", "else"]}),
    "for somebody else, at our request": Lies(claims={"aud": "somebody else", "azp": "app"}),
    "for us, at somebody's request": Lies(claims={"aud": ["app", "else"], "azp": "else"}),
    "audience that is a number": Lies(claims={"aud": 5}),
    "wrong issuer": Lies(claims={"iss": "https://evil.example"}),
    "issuer with a slash": Lies(claims={"iss": "SLASH"}),
    "no issuer": Lies(claims={"iss": None}),
    "nobody": Lies(claims={"sub": None}),
    "an empty nobody": Lies(claims={"sub": ""}),
    "a list of people": Lies(claims={"sub": ["ada"]}),
    "expired": Lies(claims={"iat": NOW - 900, "exp": NOW - 300}),
    "without an end": Lies(claims={"exp": None}),
    "an end that is no time": Lies(claims={"exp": "tomorrow"}),
    "from the future": Lies(claims={"iat": NOW + 90_000, "exp": NOW + 99_000}),
    "not valid yet": Lies(claims={"nbf": NOW + 9000}),
    "alg: none": Lies(forge=evil.unsigned),
    "signed with the public key": Lies(forge=evil.signed_with_public_key),
    "signed by another key": Lies(forge=evil.signed_by_another),
    "signed with an unknown key": Lies(forge=evil.signed_with_unknown_key),
    "signed with a key of its own": Lies(forge=evil.with_own_key),
    "altered": Lies(forge=evil.altered),
    "wrong hash of the access token": Lies(claims={"at_hash": "x"}),
    "no token": Lies(token={"id_token": None}),
    "an empty token": Lies(token={"id_token": ""}),
    "not a token": Lies(token={"id_token": "a.b.c"}),
    "odd characters": Lies(token={"id_token": "\u00e9.\u00e9.\u00e9"}),
    "huge": Lies(claims={"name": "x" * 300_000}),
}


@pytest.mark.parametrize("lies", TOKENS.values(), ids=TOKENS)
def test_id_tokens(site: Site, provider: EvilProvider, lies: Lies) -> None:
    if lies.claims.get("iss") == "SLASH":
        lies = Lies(claims={"iss": provider.issuer + "/"})
    provider.lies = lies
    try_to_sign_in(site, INVALID)


NONSENSE = {
    "a token that is a number": (Lies(token={"id_token": 5}), 400),
    # Who somebody is, is in the ID token.
    "no access token": (Lies(token={"access_token": None, "token_type": None}), 200),
    "times that are none": (Lies(token={"expires_in": "soon"}), 503),
}


@pytest.mark.parametrize(("lies", "status"), NONSENSE.values(), ids=NONSENSE)
def test_token_responses_that_make_no_sense(
    site: Site, provider: EvilProvider, lies: Lies, status: int
) -> None:
    provider.lies = lies
    answer = Visitor(site).get("/login")
    assert (answer.status_code, "<h1>" in answer.text) == (status, True)


ANSWERS = {
    "somebody else's": (Lies(answer={"iss": "https://evil.example"}), MIXED),
    "nobody's": (Lies(answer={"iss": None}), MIXED),
    "an empty sender": (Lies(answer={"iss": ""}), MIXED),
    "a sender with a slash more": (Lies(answer={"iss": "SLASH"}), MIXED),
    "no state": (Lies(answer={"state": None}), STALE),
    "wrong state": (Lies(answer={"state": "other"}), STALE),
    "no code": (Lies(answer={"code": None}), STALE),
    "access_denied": (Lies(answer={"code": None, "error": "access_denied"}), REFUSED),
    "an error nobody knows": (Lies(answer={"code": None, "error": "<script>"}), REFUSED),
    "server_error": (Lies(answer={"code": None, "error": "server_error"}), AWAY),
    "an error of somebody else": (Lies(answer={"error": "access_denied", "iss": "x"}), MIXED),
    "an error without state": (Lies(answer={"error": "access_denied", "state": None}), STALE),
}


@pytest.mark.parametrize(("lies", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answers(site: Site, provider: EvilProvider, lies: Lies, expected: tuple[int, str]) -> None:
    """What comes with the browser. No code of a wrong answer is sent to the token endpoint."""
    if lies.answer.get("iss") == "SLASH":
        lies = Lies(answer={"iss": provider.issuer + "/"})
    provider.lies = lies
    provider.asked.clear()
    try_to_sign_in(site, expected)
    assert "/token" not in provider.asked


def error(name: str, status: int = 400) -> tuple[int, str, str]:
    return (status, "application/json", f'{{"error": "{name}", "error_description": "<b>"}}')


ENDPOINTS = {
    "code spent": (Lies(status={"/token": error("invalid_grant")}), STALE),
    "we are not known": (Lies(status={"/token": error("invalid_client", 401)}), AWAY),
    "500": (Lies(status={"/token": (500, "text/plain", "oops")}), AWAY),
    "too many requests": (Lies(status={"/token": (429, "text/html", "<h1>slow")}), AWAY),
    "a page": (Lies(status={"/token": (200, "text/html", "<h1>Hello")}), AWAY),
    "a list": (Lies(status={"/token": (200, "application/json", "[]")}), AWAY),
    "nothing": (Lies(status={"/token": (200, "application/json", "")}), AWAY),
    "silence": (Lies(silent={"/token"}), AWAY),
    "keys: 500": (Lies(forge=evil.signed_with_unknown_key, status={"/jwks": (500, "", "")}), AWAY),
    "keys: silence": (Lies(forge=evil.signed_with_unknown_key, silent={"/jwks"}), AWAY),
}


@pytest.mark.parametrize(("lies", "expected"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints(
    site: Site, provider: EvilProvider, lies: Lies, expected: tuple[int, str]
) -> None:
    provider.lies = lies
    try_to_sign_in(site, expected)


ABOUT = "/.well-known/openid-configuration"
METADATA = {
    "another issuer": Lies(metadata={"issuer": "https://evil.example"}),
    "no issuer": Lies(metadata={"issuer": None}),
    "no endpoints": Lies(metadata={"authorization_endpoint": None}),
    "no keys": Lies(metadata={"jwks_uri": None}),
    "an endpoint that is none": Lies(metadata={"token_endpoint": 5}),
    "a list": Lies(status={ABOUT: (200, "application/json", "[1]")}),
    "a page": Lies(status={ABOUT: (200, "text/html", "<h1>Hello")}),
    "404": Lies(status={ABOUT: (404, "text/plain", "")}),
    "500": Lies(status={ABOUT: (500, "text/plain", "")}),
    "a circle": Lies(status={ABOUT: (302, "text/plain", "")}),
    "silence": Lies(silent={ABOUT}),
}


@pytest.mark.parametrize("lies", METADATA.values(), ids=METADATA)
def test_metadata(newcomer: Site, provider: EvilProvider, lies: Lies) -> None:
    """What it says about itself. Nothing wrong is kept: as soon as it is right, all works."""
    provider.lies = lies
    check_problem(Visitor(newcomer).get("/login"), *AWAY)


def test_afterwards_all_is_well(newcomer: Site, provider: EvilProvider) -> None:
    provider.lies = Lies()
    assert "<h1>Ada</h1>" in Visitor(newcomer).get("/login").text


ACCESS = {
    "wrong audience": {"aud": "https://other.example"},
    "our client's audience": {"aud": "app"},
    "no audience": {"aud": None},
    "wrong issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": NOW - 300},
    "without an end": {"exp": None},
    "an end that is no time": {"exp": "tomorrow"},
    "nobody": {"sub": None},
    "an ID token": {"header": {"typ": "JWT"}},
}


@pytest.mark.parametrize("lies", ACCESS.values(), ids=ACCESS)
def test_access_tokens(site: Site, provider: EvilProvider, lies: dict[str, t.Any]) -> None:
    provider.lies = Lies()
    answer = site.api(provider.access_token(**lies))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


FORGED = [
    evil.unsigned,
    evil.signed_with_public_key,
    evil.signed_by_another,
    evil.signed_with_unknown_key,
    evil.with_own_key,
    evil.altered,
]


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_forged_access_tokens(
    site: Site, provider: EvilProvider, forge: t.Callable[[EvilProvider, evil.Claims], str]
) -> None:
    provider.lies = Lies()
    claims = {**provider.claims(), "aud": evil.AUDIENCE, "scope": "read:profile"}
    token = forge(provider, {**claims, "client_id": "app", "jti": "1"})
    answer = site.api(token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_access_tokens_without_the_scope(site: Site, provider: EvilProvider) -> None:
    provider.lies = Lies()
    for scope in ("write:profile", "read:profiles", None):
        answer = site.api(provider.access_token(scope=scope))
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Basic YTpi",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 8000,
        "=",
        "Bearer ..",
        "Bearer e30.e30.e30",
        "Bearer W10.W10.x",
    ],
    ids=range(10),
)
def test_authorization_headers(site: Site, header: str) -> None:
    session = requests.Session()
    session.trust_env = False
    answer = session.get(
        f"{site.url}/api/me", headers={"Authorization": header.encode("latin-1")}, timeout=20
    )
    assert answer.status_code in (400, 401), (header, answer.status_code, answer.text)


def test_the_keys_are_not_fetched_for_every_invented_number(
    provider: EvilProvider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Tokens with unknown keys cost the provider a request once in a while, not each."""
    provider.lies = Lies()
    folder = tmp_path_factory.mktemp("slow")
    with sso_site(folder, provider.issuer, JWKS_MIN_AGE=60) as site:
        assert site.api(provider.access_token()).status_code == 200
        provider.asked.clear()
        for number in range(20):
            token = provider.access_token(header={"kid": f"invented {number}"})
            assert site.api(token).status_code == 401
        assert provider.asked == ["/jwks"]
