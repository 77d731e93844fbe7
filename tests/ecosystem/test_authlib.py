"""Authlib: its Flask client against a provider that is made with its Flask server."""

import time
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.flask_client import FlaskIntegration, OAuth, OAuthError, token_update
from authlib.integrations.flask_oauth2 import (
    AuthorizationServer,
    ResourceProtector,
    client_authenticated,
    current_token,
    token_authenticated,
)
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask, g, jsonify, request, session, url_for


class Client:
    """The one client that the provider knows."""

    client_id, client_secret = "me", "secret"

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return "http://site/auth"

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == "http://site/auth"

    def check_client_secret(self, client_secret):
        return client_secret == self.client_secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return True


class Code:
    def __init__(self, request):
        self.user = request.user
        payload = request.payload
        self.redirect_uri, self.scope = payload.redirect_uri, payload.scope
        self.code_challenge = payload.data.get("code_challenge")
        self.code_challenge_method = payload.data.get("code_challenge_method")

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


class Token:
    def __init__(self, values, user):
        self.values, self.user = values, user
        self.expires_at = time.time() + values["expires_in"]

    def get_scope(self):
        return self.values.get("scope", "")

    def is_expired(self):
        return self.expires_at < time.time()

    def is_revoked(self):
        return False

    def check_client(self, client):
        return True


def make_provider():
    app = Flask("provider")
    app.testing = True
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    codes, tokens = {}, []

    class CodeGrant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

        def save_authorization_code(self, code, request):
            codes[code] = Code(request)

        def query_authorization_code(self, code, client):
            return codes.get(code)

        def delete_authorization_code(self, authorization_code):
            for code in [c for c, found in codes.items() if found is authorization_code]:
                del codes[code]

        def authenticate_user(self, authorization_code):
            return authorization_code.user

    class Refresh(grants.RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

        def authenticate_refresh_token(self, refresh_token):
            return next(t for t in tokens if t.values["refresh_token"] == refresh_token)

        def authenticate_user(self, refresh_token):
            return refresh_token.user

        def revoke_old_credential(self, refresh_token):
            tokens.remove(refresh_token)

    class Validator(BearerTokenValidator):
        def authenticate_token(self, token_string):
            found = [t for t in tokens if t.values["access_token"] == token_string]
            return found[0] if found else None

    server = AuthorizationServer(
        app,
        query_client=lambda client_id: Client() if client_id == "me" else None,
        save_token=lambda token, request: tokens.append(Token(token, request.user)),
    )
    server.register_grant(CodeGrant, [CodeChallenge()])
    server.register_grant(Refresh)
    server.register_grant(grants.ClientCredentialsGrant)
    require_oauth = ResourceProtector()
    require_oauth.register_token_validator(Validator())
    app.tokens = tokens

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize():
        return server.create_authorization_response(grant_user="user 1")

    @app.post("/token")
    def token():
        return server.create_token_response()

    @app.get("/api/me")
    @require_oauth("profile")
    def me():
        return jsonify(user=current_token.user)

    @app.get("/api/open")
    @require_oauth(optional=True)
    def open_to_all():
        return jsonify(token=bool(current_token))

    @app.get("/api/with")
    def in_a_block():
        with require_oauth.acquire("profile") as token:
            return jsonify(user=token.user)

    @app.get("/.well-known/openid-configuration")
    def metadata():
        return jsonify(
            authorization_endpoint="http://provider/authorize",
            token_endpoint="http://provider/token",
        )

    return app


def make_site(**more):
    app = Flask("site")
    app.testing = True
    app.config.update(SECRET_KEY="k", MINE_CLIENT_ID="me", MINE_CLIENT_SECRET="secret")
    oauth = OAuth(app)
    settings = {
        "access_token_url": "http://provider/token",
        "authorize_url": "http://provider/authorize",
        "api_base_url": "http://provider/api/",
        "client_kwargs": {"scope": "profile", "code_challenge_method": "S256"},
    }
    oauth.register("mine", **(settings | more))
    app.oauth = oauth

    @app.get("/login")
    def login():
        return oauth.mine.authorize_redirect(url_for("auth", _external=True))

    @app.get("/auth")
    def auth():
        token = oauth.mine.authorize_access_token()
        session["token"] = token
        return jsonify(user=oauth.mine.get("me").json()["user"])

    @app.errorhandler(OAuthError)
    def failed(error):
        return f"refused: {error.error}", 403

    return app


@pytest.fixture
def provider(monkeypatch):
    """What `requests` sends ends in the provider's test client."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    app = make_provider()
    client = app.test_client()

    def send(self, prepared, **kwargs):
        parts = urlsplit(prepared.url)
        answer = client.open(
            parts.path,
            base_url="http://provider",
            query_string=parts.query,
            method=prepared.method,
            headers=list(prepared.headers.items()),
            data=prepared.body,
        )
        got = requests.Response()
        got.status_code, got._content = answer.status_code, answer.data
        got.headers.update(answer.headers)
        got.url, got.request = prepared.url, prepared
        return got

    with mock.patch.object(requests.Session, "send", send):
        yield app


def log_in(site, provider):
    """Walk through the redirects; gives the browser and the last answer."""
    browser = site.test_client()
    to = browser.get("/login", base_url="http://site")
    parts = urlsplit(to.location)
    back = provider.test_client().post(
        "/authorize", query_string=parts.query, base_url="http://provider"
    )
    parts = urlsplit(back.location)
    return browser, browser.get("/auth", query_string=parts.query, base_url="http://site")


def test_redirect_keeps_the_state(provider):
    site = make_site()
    browser = site.test_client()
    with browser:
        to = browser.get("/login", base_url="http://site")
        query = parse_qs(urlsplit(to.location).query)
        assert to.status_code == 302
        assert query["redirect_uri"] == ["http://site/auth"]
        assert query["code_challenge_method"] == ["S256"]
        assert f"_state_mine_{query['state'][0]}" in session


def test_code_flow(provider):
    browser, answer = log_in(make_site(), provider)
    assert answer.json == {"user": "user 1"}
    with browser.session_transaction(base_url="http://site") as opened:
        assert opened["token"]["token_type"] == "Bearer"
        assert not [key for key in opened if key.startswith("_state_")]


def test_wrong_state(provider):
    site = make_site()
    answer = site.test_client().get("/auth?code=x&state=y")
    assert (answer.status_code, answer.text) == (403, "refused: mismatching_state")


def test_provider_refuses(provider):
    answer = make_site().test_client().get("/auth?error=access_denied&error_description=no")
    assert (answer.status_code, answer.text) == (403, "refused: access_denied")


def test_metadata_from_the_server(provider):
    site = make_site(
        access_token_url=None,
        authorize_url=None,
        server_metadata_url="http://provider/.well-known/openid-configuration",
    )
    assert log_in(site, provider)[1].json == {"user": "user 1"}


def test_cache_instead_of_session(provider):
    class Cache(dict):
        def __bool__(self):
            return True

        def set(self, key, value, timeout):
            self[key] = value

        def delete(self, key):
            self.pop(key, None)

    site = make_site()
    site.oauth = OAuth(site, cache=Cache())
    assert site.extensions["authlib.integrations.flask_client"] is site.oauth
    client = site.oauth.register("other", client_id="me", authorize_url="http://provider/authorize")
    with site.test_request_context("/"):
        client.authorize_redirect("http://site/auth")
        assert len(site.oauth.cache) == 1
        key = next(iter(site.oauth.cache))
        assert set(session[key]) == {"exp"}


def test_fetch_token_and_g(provider):
    site = make_site()
    _, answer = log_in(site, provider)
    values = provider.tokens[0].values
    asked = []

    def fetch_token():
        asked.append(request.path)
        return values

    own = site.oauth.register(
        "own", fetch_token=fetch_token, api_base_url="http://provider/api/", overwrite=True
    )
    with site.test_request_context("/page"):
        assert own.get("me").json() == {"user": "user 1"}
        assert own.get("me").json() == {"user": "user 1"}
        assert g._oauth_token_own == values
    assert asked == ["/page"]


def test_refresh_sends_a_signal(provider):
    site = make_site()
    log_in(site, provider)
    old = dict(provider.tokens[0].values, expires_at=1)
    seen = []

    def updated(sender, name, token, refresh_token=None, access_token=None):
        seen.append((sender, name, token["access_token"] != old["access_token"]))

    with site.test_request_context("/"), token_update.connected_to(updated):
        assert site.oauth.mine.get("me", token=old).json() == {"user": "user 1"}
    assert seen == [(site, "mine", True)]


def test_lazy_registration(provider):
    oauth = OAuth()
    client = oauth.register("mine", api_base_url="http://provider/api/")
    with pytest.raises(RuntimeError, match="not init"):
        client.get("open", withhold_token=True)
    site = make_site()
    oauth.init_app(site)
    with site.app_context():
        assert client.get("open", withhold_token=True).json() == {"token": False}
        assert oauth.mine.client_id == "me"
    assert oauth.framework_integration_cls is FlaskIntegration


def test_protected_resources(provider):
    client = provider.test_client()
    refused = client.get("/api/me")
    assert refused.status_code == 401 and refused.json["error"] == "missing_authorization"
    assert refused.headers["WWW-Authenticate"].lower().startswith("bearer")
    assert client.get("/api/with").status_code == 401
    assert client.get("/api/open").json == {"token": False}
    seen = []
    authenticated = [].append
    with (
        token_authenticated.connected_to(lambda sender, token: seen.append(token)),
        client_authenticated.connected_to(lambda sender, **more: authenticated(more)),
    ):
        got = client.post(
            "/token",
            auth=("me", "secret"),
            data={"grant_type": "client_credentials", "scope": "profile"},
        )
        bearer = {"Authorization": f"Bearer {got.json['access_token']}"}
        assert client.get("/api/with", headers=bearer).json == {"user": None}
    assert len(seen) == 1
    wrong = client.post("/token", auth=("me", "bad"), data={"grant_type": "client_credentials"})
    assert (wrong.status_code, wrong.json["error"]) == (401, "invalid_client")


def test_authorization_request_refused(provider):
    answer = provider.test_client().get("/authorize?response_type=code&client_id=nobody")
    assert answer.json["error"] == "invalid_client"
