"""What the application does by itself; with providers it is tested in ``tests/systems``."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from sso import demo, logins, safety
from sso.identity import check_issuer
from sso.problems import KINDS, Problem

from erlen import Erlen

CLAIMS = {"iss": "http://127.0.0.1:1/", "sub": "ada", "name": "Ada <Lovelace>"}
MakeApp = Callable[..., Erlen]


def sign_in(app: Erlen, client: Any, **tokens: Any) -> None:
    """Make the client's session that of Ada, as the callback does."""
    life = app.config["LOGIN_LIFETIME"]
    with client.session_transaction() as stored:
        stored["user_id"] = f"{CLAIMS['iss']} ada"
        stored["tokens"] = {"access_token": "a", "refresh_token": "r", **tokens}
        stored.update(claims=CLAIMS, begun=time.time(), ends=time.time() + life)


def token_of(page: Any) -> str:
    return re.search(r'name="form_token" value="([^"]+)"', page.text)[1]  # type: ignore[index]


def test_nobody_is_signed_in(app: Erlen) -> None:
    client = app.test_client()
    assert "Sign in" in client.get("/").text
    answer = client.get("/profile")
    assert (answer.status_code, answer.location) == (302, "/login?next=/profile")


def test_without_a_provider(make_app: MakeApp) -> None:
    client = make_app(ISSUER=None).test_client()
    page = client.get("/")
    assert page.status_code == 200 and "sso demo" in page.text and "SSO_ISSUER" in page.text
    answer = client.get("/login")
    assert answer.status_code == 503 and "SSO_ISSUER" in answer.text
    assert client.get("/api/me").status_code == 404
    assert client.get("/callback").status_code == 503
    assert client.get("/signed-out?state=x").status_code == 200


def test_a_provider_that_is_down(app: Erlen) -> None:
    client = app.test_client()
    begun = time.monotonic()
    for path in ("/login", "/callback?code=x&state=y"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "does not answer" in answer.text
    answer = client.get("/api/me", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json["error"]) == (503, "away")
    assert time.monotonic() - begun < 5


def test_profile_and_sign_out(app: Erlen) -> None:
    client = app.test_client()
    sign_in(app, client, expires_in=600)
    page = client.get("/profile")
    assert "<h1>Ada &lt;Lovelace&gt;</h1>" in page.text
    token = token_of(page)
    assert client.post("/logout").status_code == 400
    assert client.post("/logout", data={"form_token": "x" * 32}).status_code == 400
    assert client.get("/logout").status_code == 405
    answer = client.post("/logout", data={"form_token": token})
    # The provider can't be asked; out is out.
    assert (answer.status_code, answer.location) == (302, "http://localhost/signed-out")
    assert client.get("/profile").status_code == 302
    assert "may still know you" in client.get("/signed-out").text


def test_auth0_sign_out(make_app: MakeApp) -> None:
    app = make_app(LOGOUT_URL="https://tenant.example/v2/logout")
    client = app.test_client()
    sign_in(app, client)
    page = client.get("/")
    assert (
        "form-action 'self' http://127.0.0.1:1 https://tenant.example"
        in page.headers["Content-Security-Policy"]
    )
    answer = client.post("/logout", data={"form_token": token_of(page)})
    assert answer.location == (
        "https://tenant.example/v2/logout?client_id=app"
        "&returnTo=http%3A%2F%2Flocalhost%2Fsigned-out"
    )


def test_logins_end(make_app: MakeApp) -> None:
    app = make_app(LOGIN_LIFETIME=-1)
    client = app.test_client()
    sign_in(app, client)
    assert client.get("/profile").status_code == 302


def test_the_cookie_is_of_no_use_afterwards(app: Erlen) -> None:
    client, thief = app.test_client(), app.test_client()
    sign_in(app, client)
    thief.set_cookie("sso_session", client.get_cookie("sso_session").value)
    assert thief.get("/profile").status_code == 200
    client.post("/logout", data={"form_token": token_of(client.get("/"))})
    assert thief.get("/profile").status_code == 302


def test_all_devices(app: Erlen) -> None:
    laptop, telephone = app.test_client(), app.test_client()
    sign_in(app, laptop)
    sign_in(app, telephone)
    data = {"form_token": token_of(laptop.get("/")), "everywhere": "1"}
    assert laptop.post("/logout", data=data).status_code == 302
    assert telephone.get("/profile").status_code == laptop.get("/profile").status_code == 302


def test_one_refresh_at_a_time(app: Erlen) -> None:
    client = app.test_client()
    sign_in(app, client)
    cookie = {"Cookie": f"sso_session={client.get_cookie('sso_session').value}"}
    with app.test_request_context("/", headers=cookie):
        login = logins.current()
        assert login is not None
        assert logins.may_refresh(login)
    with app.test_request_context("/", headers=cookie):
        assert not logins.may_refresh(login)
        logins.keep_tokens(None)  # it has failed
        assert logins.may_refresh(login)
        logins.keep_tokens({"refresh_token": "two"})
    with app.test_request_context("/", headers=cookie):
        # Whoever has read the spent token before keeps off it.
        assert not logins.may_refresh(login)
        renewed = logins.current()
        assert renewed is not None and logins.may_refresh(renewed)


def test_a_store_that_is_down(make_app: MakeApp) -> None:
    app = make_app(SESSION_STORE="redis://127.0.0.1:1/0")
    client = app.test_client()
    client.set_cookie("sso_session", "x" * 43)
    page = client.get("/profile")
    assert page.status_code == 503 and "To the first page" in page.text


def test_the_provider_is_down_when_tokens_end(app: Erlen) -> None:
    client = app.test_client()
    sign_in(app, client, expires_at=time.time() - 10)
    assert client.get("/profile").status_code == 503
    # Not signed out by it, and asked again the next time.
    assert "Welcome back" in client.get("/").text
    assert client.get("/profile").status_code == 503


@pytest.mark.parametrize("target", ["/", "/profile?a=//b", "/\u00e9"])
def test_local_paths(target: str) -> None:
    assert safety.local_path(target) == target


@pytest.mark.parametrize("target", ["", "//x", "/\\x", "x", "https://x", "/\tx", "/\nx", "\\"])
def test_paths_that_lead_elsewhere(target: str) -> None:
    with pytest.raises(Problem, match="400"):
        safety.local_path(target)


@pytest.mark.parametrize("issuer", ["https://id.example/", "http://127.0.0.1:1", "http://[::1]:1"])
def test_issuers(issuer: str) -> None:
    check_issuer(issuer)


@pytest.mark.parametrize("issuer", ["http://id.example", "id.example", "ftp://127.0.0.1", "https"])
def test_issuers_that_are_not_safe(make_app: MakeApp, issuer: str) -> None:
    with pytest.raises(ValueError, match="SSO_ISSUER must be an https:// address"):
        make_app(ISSUER=issuer)


def test_headers(app: Erlen) -> None:
    client = app.test_client()
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert "no-store" not in client.get("/static/style.css").headers["Cache-Control"]
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_problems_say_what_to_do(app: Erlen) -> None:
    client = app.test_client()
    for status, title, text in KINDS.values():
        assert 400 <= status <= 503 and title and len(text) > 40
    page = client.get("/nowhere")
    assert page.status_code == 404 and "To the first page" in page.text
    assert client.get("/api/nowhere").json["error"] == "Not Found"
    answer = client.post("/login")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_unfinished_sign_ins_do_not_pile_up(app: Erlen) -> None:
    client = app.test_client()
    about = {
        "_loaded_at": 1,
        "issuer": app.config["ISSUER"],
        "authorization_endpoint": "http://127.0.0.1:1/authorize",
        "token_endpoint": "http://127.0.0.1:1/token",
        "jwks_uri": "http://127.0.0.1:1/keys",
    }
    app.extensions["authlib.integrations.flask_client"].sso.server_metadata.update(about)
    for _ in range(10):
        assert client.get("/login").status_code == 302
        assert len(client.get_cookie("sso_session").value) < 3000
    with client.session_transaction() as stored:
        assert len([key for key in stored if key.startswith("_state_")]) == 3


def test_demo_says_what_is_missing(app: Erlen, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = app.test_cli_runner()
    monkeypatch.setenv("PATH", "")
    result = runner.invoke(args=["demo"])
    assert result.exit_code == 1
    assert "needs node" in result.output and "SSO_ISSUER" in result.output
    monkeypatch.setattr(demo, "PROVIDER", demo.PROVIDER / "nowhere")
    assert "is not here" in runner.invoke(args=["demo"]).output


def test_settings_of_the_demo() -> None:
    assert demo.settings_for(5001, False)["ISSUER"] == "http://127.0.0.1:5001"
    auth0 = demo.settings_for(5001, True)
    assert (auth0["ISSUER"], auth0["AUDIENCE_PARAMETER"]) == ("http://127.0.0.1:5001/", "audience")
    assert auth0["LOGOUT_URL"] == "http://127.0.0.1:5001/v2/logout"
