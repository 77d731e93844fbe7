"""OpenID Connect and OAuth 2 through Authlib on Erlen, against a certified provider."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from running import free_port
from services.oidc import CLIENT, Provider, oidc_provider
from systems.sso_site import AUDIENCE, Site, Visitor, check_problem, sso_site


class Pair(t.NamedTuple):
    """A site and its provider."""

    site: Site
    provider: Provider
    auth0: bool


@pytest.fixture(scope="module", params=["standard", "auth0"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Pair]:
    """The provider as it comes, and with Auth0's form of issuer and addresses."""
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    auth0 = request.param == "auth0"
    with oidc_provider(folder, f"http://localhost:{port}", auth0=auth0) as provider:
        more = {"AUDIENCE_PARAMETER": "audience" if auth0 else "resource"}
        with sso_site(folder, provider.issuer, port, **more) as site:
            yield Pair(site, provider, auth0)
            assert "Traceback" not in site.server.text, site.server.text


@pytest.fixture
def visitor(pair: Pair) -> Visitor:
    return Visitor(pair.site)


def test_what_the_provider_is_asked(pair: Pair, visitor: Visitor) -> None:
    """Authorization code flow with PKCE, state and nonce, each used for one sign-in."""
    answer = visitor.get("/login", follow=False)
    path = "/authorize" if pair.auth0 else "/auth"
    assert answer.headers["Location"].startswith(f"{pair.provider.origin}{path}?")
    first, second = visitor.begin(), visitor.begin()
    assert first["response_type"] == "code"
    assert first["client_id"] == "app"
    assert first["redirect_uri"] == f"{pair.site.url}/callback"
    assert first["scope"] == "openid profile email read:profile"
    assert first["audience" if pair.auth0 else "resource"] == AUDIENCE
    assert first["code_challenge_method"] == "S256" and len(first["code_challenge"]) == 43
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 20 and first[name] != second[name]


def test_signing_in(pair: Pair, visitor: Visitor) -> None:
    assert not visitor.signed_in
    page = visitor.sign_in("grace")
    assert (page.status_code, page.url) == (200, f"{pair.site.url}/profile")
    assert "<h1>Grace</h1>" in page.text and "grace@example.test" in page.text
    # Auth0's issuer ends with a slash, and that is part of it.
    assert f"<dd>{pair.provider.origin}{'/' if pair.auth0 else ''}</dd>" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    tokens = visitor.tokens
    assert tokens["access_token"].count(".") == 2 and tokens["refresh_token"]
    # The cookie holds a number, and no token.
    cookie = next(c for c in visitor.session.cookies if c.name == "sso_session")
    assert len(cookie.value) < 300 and cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Lax"


def test_where_to_go_afterwards(pair: Pair, visitor: Visitor) -> None:
    assert visitor.sign_in(path="/login?next=/%3Ftab%3D2").url == f"{pair.site.url}/?tab=2"


def test_the_code_is_useless_without_its_verifier(pair: Pair, visitor: Visitor) -> None:
    """PKCE is in force: who steals the code on its way back gets nothing for it."""
    code = parse_qs(urlsplit(visitor.come_back()).query)["code"][0]
    address = pair.provider.origin + ("/oauth/token" if pair.auth0 else "/token")
    data = {"grant_type": "authorization_code", "redirect_uri": f"{pair.site.url}/callback"}
    for stolen in ({}, {"code_verifier": "v" * 48}):
        answer = requests.post(address, {**data, "code": code, **stolen}, auth=CLIENT, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_session_is_new_after_the_sign_in(pair: Pair, visitor: Visitor) -> None:
    """A session that somebody planted does not become that of who signs in (session fixation)."""
    visitor.begin()
    attacker = Visitor(pair.site)
    planted = attacker.cookie = visitor.cookie
    visitor.sign_in()
    assert visitor.signed_in and not attacker.signed_in
    first = visitor.cookie
    assert len(first) == 43 and first != planted
    # Signing in again ends the login before.
    visitor.get("/login")
    assert visitor.cookie != first
    attacker.cookie = first
    assert visitor.signed_in and not attacker.signed_in


def test_the_provider_changes_its_key(pair: Pair, visitor: Visitor) -> None:
    """Sign-ins and the API go on with the new key, and with tokens of the old one."""
    visitor.sign_in()
    before = visitor.tokens["access_token"]
    assert pair.site.api(before).status_code == 200
    pair.provider.rotate_key()
    other = Visitor(pair.site)
    assert other.sign_in("grace").status_code == 200 and other.signed_in
    after = other.tokens["access_token"]
    assert before.split(".")[0] != after.split(".")[0]  # another key's number in the header
    assert pair.site.api(before).json()["sub"] == "ada"
    assert pair.site.api(after).json()["sub"] == "grace"
    # The API may be the first to see the newest key.
    pair.provider.rotate_key()
    address = pair.provider.origin + ("/oauth/token" if pair.auth0 else "/token")
    data = {"grant_type": "refresh_token", "refresh_token": other.tokens["refresh_token"]}
    newest = requests.post(address, data, auth=CLIENT, timeout=20).json()["access_token"]
    assert newest.split(".")[0] not in (before.split(".")[0], after.split(".")[0])
    assert pair.site.api(newest).json()["sub"] == "grace"


def test_signing_out(pair: Pair, visitor: Visitor) -> None:
    """RP-initiated logout: here, then at the provider with `id_token_hint`, then back."""
    profile = visitor.sign_in()
    tokens = visitor.tokens
    copied = Visitor(pair.site)
    copied.cookie = visitor.cookie
    assert copied.signed_in
    answer = visitor.submit(profile, follow=False)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["id_token_hint"] == [tokens["id_token"]]
    assert query["post_logout_redirect_uri"] == [f"{pair.site.url}/signed-out"]
    assert not visitor.signed_in  # already, whatever the provider does
    assert not copied.signed_in
    question = visitor.session.get(answer.headers["Location"], timeout=20)
    page = visitor.submit(question, logout="yes")
    assert page.url.startswith(f"{pair.site.url}/signed-out?state=")
    assert "Here, and at the provider" in page.text
    assert "may still know you" in visitor.get("/signed-out").text
    # The provider asks who it is; without signing out it would not have.
    assert "Your name here" in visitor.get("/login").text


def test_the_provider_remembers_who_did_not_sign_out_there(visitor: Visitor) -> None:
    visitor.submit(visitor.sign_in(), follow=False)
    assert not visitor.signed_in
    assert visitor.get("/login").url.endswith("/profile")


def test_signing_out_needs_the_form(visitor: Visitor) -> None:
    profile = visitor.sign_in()
    for wrong in ("", "other", "\u00e9"):
        answer = visitor.submit(profile, form_token=wrong)
        check_problem(answer, 400, "This form is out of date")
    assert visitor.signed_in


def test_the_api(pair: Pair, visitor: Visitor) -> None:
    """A resource server: bearer tokens made for it, and no others."""
    visitor.sign_in()
    tokens = visitor.tokens
    answer = pair.site.api(tokens["access_token"])
    assert answer.json() == {"sub": "ada", "scope": "read:profile"}
    refused = pair.site.api(None)
    assert (refused.status_code, refused.json()["error"]) == (401, "missing_authorization")
    assert refused.headers["WWW-Authenticate"].lower().startswith("bearer ")
    for wrong in (tokens["id_token"], tokens["refresh_token"], "x", "a.b.c"):
        answer = pair.site.api(wrong)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    # A cookie is no token.
    assert visitor.get("/api/me").status_code == 401


# What comes back may be anybody's work.


def test_tampered_answers(pair: Pair, visitor: Visitor) -> None:
    address = visitor.come_back()
    state = parse_qs(urlsplit(address).query)["state"][0]
    for wrong in (
        address.replace(state, state[:-1] + ("a" if state[-1] != "a" else "b")),
        address.replace(f"state={state}", ""),
        address.replace(f"state={state}", "state="),
        address.replace(f"state={state}", "state=%00%ff"),
        "/callback",
        "/callback?error=access_denied&error_description=Call+555-0100",
    ):
        answer = visitor.get(wrong)
        check_problem(answer, 400, "This sign-in has run out")
        assert "555" not in answer.text
    # Somebody else's answer: their account would be used without noticing.
    stranger = Visitor(pair.site)
    stranger.begin()
    check_problem(stranger.get(address), 400, "This sign-in has run out")
    # All of that did not spoil the right one.
    assert visitor.get(address).url == f"{pair.site.url}/profile"


def test_mixed_up_providers(pair: Pair, visitor: Visitor) -> None:
    """The answer names its sender (RFC 9207): another provider's is refused, and so is nobody's."""
    issuer = parse_qs(urlsplit(visitor.come_back()).query)["iss"][0]
    assert issuer == pair.provider.issuer
    for sender in ("&iss=https://evil.example", "&iss=", ""):
        address = visitor.come_back()
        start, _, _ = address.partition("&iss=")
        check_problem(visitor.get(start + sender), 400, "came from somebody else")
        # The code was not sent anywhere, and the sign-in is over.
        check_problem(visitor.get(address), 400, "This sign-in has run out")
    assert not visitor.signed_in


def test_replayed_answers(pair: Pair, visitor: Visitor) -> None:
    address = visitor.come_back()
    assert visitor.get(address).status_code == 200
    check_problem(visitor.get(address), 400, "This sign-in has run out")
    # The code with a state that is good: now it's the provider who knows it.
    code = parse_qs(urlsplit(address).query)["code"][0]
    state, sender = visitor.begin()["state"], pair.provider.issuer
    answer = visitor.get("/callback", params={"code": code, "state": state, "iss": sender})
    check_problem(answer, 400, "This sign-in has run out")


def test_saying_no(pair: Pair, visitor: Visitor) -> None:
    answer = visitor.submit(visitor.get("/login"), cancel="1")
    check_problem(answer, 403, "You were not signed in")
    assert answer.url.startswith(f"{pair.site.url}/callback?error=access_denied")
    assert not visitor.signed_in


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "profile",
        "/\r\nSet-Cookie: a=b",
    ],
)
def test_open_redirects(visitor: Visitor, target: str) -> None:
    answer = visitor.get("/login", params={"next": target})
    check_problem(answer, 400, "That link leads to another site")


def test_another_host(visitor: Visitor) -> None:
    """The address to come back to is made of the Host header, so not every host will do."""
    answer = visitor.get("/login", headers={"Host": "evil.example"}, follow=False)
    assert answer.status_code == 400 and "//evil.example" not in answer.text


# What belongs to a provider of its own.


def test_auth0_logout(tmp_path: Path) -> None:
    """Tenants without an end of session of OpenID Connect have ``/v2/logout``."""
    port = free_port()
    with oidc_provider(tmp_path, f"http://localhost:{port}", auth0=True) as provider:
        logout = f"{provider.origin}/v2/logout"
        more = {"AUDIENCE_PARAMETER": "audience", "LOGOUT_URL": logout}
        with sso_site(tmp_path, provider.issuer, port, **more) as site:
            visitor = Visitor(site)
            profile = visitor.sign_in()
            answer = visitor.submit(profile, follow=False)
            query = parse_qs(urlsplit(answer.headers["Location"]).query)
            assert answer.headers["Location"].startswith(f"{logout}?")
            assert query == {"client_id": ["app"], "returnTo": [f"{site.url}/signed-out"]}
            page = visitor.session.get(answer.headers["Location"], timeout=20)
            assert page.url == f"{site.url}/signed-out"
            assert "Your name here" in visitor.get("/login").text


def test_refresh(tmp_path: Path) -> None:
    """Access tokens are renewed before they end, once; who was locked out is signed out."""
    port = free_port()
    with oidc_provider(tmp_path, f"http://localhost:{port}") as provider:
        # Every token counts as nearly ended.
        with sso_site(tmp_path, provider.issuer, port, REFRESH_BEFORE=3600) as site:
            visitor = Visitor(site)
            visitor.get(visitor.come_back(), follow=False)
            old = visitor.tokens
            assert visitor.signed_in
            new = visitor.tokens
            assert new["access_token"] != old["access_token"]
            assert new["refresh_token"] != old["refresh_token"]
            assert site.api(new["access_token"]).status_code == 200
            # A refresh token that is used twice would end everything.
            with ThreadPoolExecutor(10) as pool:
                answers = list(pool.map(lambda _: visitor.signed_in, range(40)))
            assert all(answers) and visitor.signed_in
            newest = visitor.tokens
            data = {"token": newest["refresh_token"]}
            address = f"{provider.origin}/token/revocation"
            requests.post(address, data, auth=CLIENT, timeout=20).raise_for_status()
            assert not visitor.signed_in
            assert visitor.tokens == {}


def test_the_provider_goes_down(tmp_path: Path) -> None:
    """503 at once, while the rest of the site answers; nobody is signed out; it comes back."""
    port, idp_port = free_port(), free_port()
    address = f"http://127.0.0.1:{idp_port}"
    with sso_site(tmp_path, address, port, REFRESH_BEFORE=3600) as site:
        visitor, begun = Visitor(site), time.monotonic()
        check_problem(visitor.get("/login"), 503, "The sign-in service does not answer")
        assert visitor.get("/").status_code == 200
        assert site.api("a.b.c").status_code == 503
        assert time.monotonic() - begun < 8
        with oidc_provider(tmp_path, site.url, port=idp_port):
            assert visitor.sign_in().url.endswith("/profile")
            late = Visitor(site)
            answer = late.come_back()
        begun = time.monotonic()
        check_problem(late.get(answer), 503, "The sign-in service does not answer")
        check_problem(visitor.get("/profile"), 503, "The sign-in service does not answer")
        assert time.monotonic() - begun < 8
        assert visitor.get("/").text.count("Welcome back") == 1
        # Signing out works without it.
        page = visitor.submit(visitor.get("/"), follow=False)
        assert page.status_code == 302 and "Sign in" in visitor.get("/").text
        with oidc_provider(tmp_path, site.url, port=idp_port):
            assert visitor.sign_in().url.endswith("/profile")
