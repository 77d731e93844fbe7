"""The provider: what Authlib does, and the checks that it leaves to the application.

Authlib makes state, nonce and PKCE, changes the code for tokens, fetches the provider's keys (and
again when a key is new) and checks the signature. Here: that the provider is the configured one,
that the answer is its answer (RFC 9207), that tokens are for us, how long to wait, and what a
person gets to see when something is wrong.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from authlib.integrations.flask_client import OAuth, OAuthError
from joserfc.errors import JoseError

from erlen import Erlen, Response, current_app, redirect, request, session, url_for

from . import logins
from .problems import Problem

# With a shared secret (HS256) whoever knows the public key could sign, where a library takes one
# for the other; "none" is no signature. Some providers list both.
SIGNATURES = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 Ed448".split()
# What a provider says when it is our mistake, or its own: not one of the person in front.
NOT_THEIR_FAULT = {
    "invalid_client",
    "unauthorized_client",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
}
UNFINISHED = 3  # sign-ins of one browser that may be under way, in as many tabs


def provider() -> Any:
    """Authlib's client, with what the provider says about itself.

    Raises:
        Problem: None is configured; it does not answer; or it is another one.
    """
    if not current_app.config["ISSUER"]:
        raise Problem("unset")
    client = current_app.extensions["authlib.integrations.flask_client"].sso
    with checked():
        check_metadata(client.load_server_metadata())
    return client


def check_metadata(about: dict[str, Any]) -> None:
    """Take what the provider says about itself, or forget all of it."""
    issuer = current_app.config["ISSUER"]
    wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    missing = [key for key in wanted if not isinstance(about.get(key), str)]
    if about.get("issuer") != issuer or missing:
        told = about.get("issuer")
        about.clear()  # so that Authlib asks again, and mixes nothing of this with the next answer
        raise ValueError(
            f"SSO_ISSUER is {issuer!r}, but the provider there calls itself {told!r}; both must be"
            f" equal, slash at the end included; missing: {missing}"
        )
    known = about.get("id_token_signing_alg_values_supported") or ["RS256"]
    allowed = [name for name in known if name in SIGNATURES]
    about["id_token_signing_alg_values_supported"] = allowed or ["RS256"]


def begin(target: str) -> Response:
    """Send the browser to the provider; afterwards it comes to ``target``."""
    client = provider()
    # Authlib keeps each unfinished sign-in in the session for an hour.
    unfinished = [key for key in session if key.startswith("_state_sso_")]
    for key in sorted(unfinished, key=lambda key: session[key]["exp"])[: -(UNFINISHED - 1)]:
        session.pop(key)
    session["target"] = target
    more = {}
    if audience := current_app.config["AUDIENCE"]:
        more[current_app.config["AUDIENCE_PARAMETER"]] = audience
    with checked():
        back = url_for("pages.callback", _external=True)
        response: Response = client.authorize_redirect(back, **more)
    return response


def finish() -> str:
    """Check the provider's answer and start a login; gives where the browser wanted to go."""
    client = provider()
    check_answer(client)
    with checked():
        token = client.authorize_access_token(
            claims_options=expected_claims(), leeway=current_app.config["LEEWAY"]
        )
    if not token.get("userinfo"):
        current_app.logger.warning("sign-in refused: no ID token came with the tokens")
        raise Problem("invalid")
    target: str = session.get("target", url_for("pages.profile"))
    claims = dict(token.pop("userinfo"))
    logins.start(claims, dict(token))
    return target


def check_answer(client: Any) -> None:
    """The answer must belong to a sign-in of this session, and come from the provider asked."""
    state, sender = request.args.get("state"), request.args.get("iss")
    if not state or not client.framework.get_state_data(session, state):
        raise Problem("stale")
    # RFC 9207 2.4: the wrong issuer, or none although this provider always names itself.
    always = client.server_metadata.get("authorization_response_iss_parameter_supported")
    if sender != current_app.config["ISSUER"] and (sender is not None or always):
        client.framework.clear_state_data(session, state)
        current_app.logger.warning("sign-in refused: the answer is from %r", sender)
        raise Problem("mixed")
    if error := request.args.get("error"):
        client.framework.clear_state_data(session, state)
        raise problem_of(error)
    if not request.args.get("code"):
        raise Problem("stale")


def expected_claims() -> dict[str, Any]:
    """What ID tokens must say, beside the nonce, which Authlib checks."""
    return {
        "iss": {"essential": True, "value": current_app.config["ISSUER"]},
        # Authlib alone would take a token for somebody else that names us as `azp`.
        "aud": {"essential": True, "value": str(current_app.config["CLIENT_ID"])},
        "sub": {"essential": True},
    }


def fresh(login: logins.Login) -> logins.Login | None:
    """The login with an access token that is still good; None if the provider has ended it.

    This is how a person who was locked out at the provider is signed out here, too.
    """
    tokens = login.tokens
    good_until = tokens.get("expires_at", login.ends)
    if time_left(good_until) or not tokens.get("refresh_token") or not logins.may_refresh(login):
        return login
    try:
        client = provider()
        with checked():
            got = client.fetch_access_token(
                grant_type="refresh_token", refresh_token=tokens["refresh_token"], scope=None
            )
            check_refreshed(client, got, login)
        new = {**tokens, **got}
    except Problem as problem:
        if problem.code != 503:
            logins.end()
            return None
        logins.keep_tokens(None)
        raise
    logins.keep_tokens(new)
    return logins.current()


def check_refreshed(client: Any, token: dict[str, Any], login: logins.Login) -> None:
    """A new ID token, if one came, must be about the same person (OpenID Connect Core 12.2)."""
    if "id_token" in token:
        expected = expected_claims()
        expected["sub"]["value"] = login.claims["sub"]
        client.parse_id_token(token, nonce=None, claims_options=expected)


def time_left(moment: float) -> bool:
    """Whether a moment is far enough away to do without a refresh."""
    return moment - time.time() > current_app.config["REFRESH_BEFORE"]


def farewell(login: logins.Login | None) -> Response:
    """Where the browser goes after the login here has ended: to the provider, to end its own."""
    here = url_for("pages.signed_out", _external=True)
    if address := current_app.config["LOGOUT_URL"]:
        query = {"client_id": current_app.config["CLIENT_ID"], "returnTo": here}
        return redirect(f"{address}?{urlencode(query)}")
    try:
        client = provider()
        if login is None or not client.server_metadata.get("end_session_endpoint"):
            return redirect(here)
        response: Response = client.logout_redirect(
            here, login.tokens.get("id_token"), client_id=str(current_app.config["CLIENT_ID"])
        )
        return response
    except Problem:
        # They have been signed out here, which is what was asked for.
        return redirect(here)


def has_said_goodbye() -> bool:
    """Whether this is the provider's answer to `farewell`."""
    if not request.args.get("state") or not current_app.config["ISSUER"]:
        return False
    try:
        provider().validate_logout_response()
    except (OAuthError, Problem):
        return False
    return True


@contextmanager
def checked() -> Iterator[None]:
    """Turn what Authlib and the network raise into a `Problem`; the reason goes to the log."""
    try:
        yield
    except OAuthError as error:
        current_app.logger.warning("sign-in refused: %s", error)
        raise problem_of(error.error) from error
    except requests.RequestException as error:
        current_app.logger.error("the provider does not answer: %s", error)
        raise Problem("away") from error
    except JoseError as error:
        current_app.logger.warning("sign-in refused: %s", error)
        raise Problem("invalid") from error
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        # Something came back that no provider sends, or there is a mistake in the settings.
        current_app.logger.exception("the provider's answer makes no sense")
        raise Problem("away") from error


def problem_of(error: str | None) -> Problem:
    """The problem for an error's name (RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6)."""
    if error in ("mismatching_state", "invalid_grant"):
        return Problem("stale")
    if error in NOT_THEIR_FAULT:
        current_app.logger.error("the provider says %s; are the settings right?", error)
        return Problem("away")
    return Problem("refused")


def check_issuer(issuer: str) -> None:
    """Refuse a provider that could be listened to on the way."""
    url = urlsplit(issuer)
    local = url.hostname == "localhost"
    try:
        local = local or ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        pass
    if url.scheme != "https" and not (url.scheme == "http" and local):
        raise ValueError(f"SSO_ISSUER must be an https:// address, and is {issuer!r}")


def init_app(app: Erlen) -> None:
    oauth, settings = OAuth(app), app.config
    if not settings["ISSUER"]:
        return
    check_issuer(settings["ISSUER"])
    oauth.register(
        "sso",
        client_id=str(settings["CLIENT_ID"]),
        # Without a secret it's a public client, which PKCE is enough for.
        client_secret=settings["CLIENT_SECRET"] and str(settings["CLIENT_SECRET"]),
        server_metadata_url=settings["ISSUER"].rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings["SCOPE"],
            "code_challenge_method": "S256",
            "default_timeout": (settings["CONNECT_TIMEOUT"], settings["READ_TIMEOUT"]),
        },
    )
