"""An API for programs: whoever brings an access token of the provider that was made for it.

This is the other half of OAuth 2: not a client, but a resource server. It knows neither cookies
nor logins.
"""

from __future__ import annotations

import time
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from erlen import Blueprint, Erlen, abort, current_app, make_response

from .identity import checked, provider


class Protector(ResourceProtector):
    """Authlib's, with errors that the application's page for errors leaves as they are."""

    def raise_error_response(self, error: OAuth2Error) -> None:
        body, status = dict(error.get_body()), error.status_code
        abort(make_response(body, status, error.get_headers()))


class Validator(JWTBearerTokenValidator):
    """Access tokens that are JSON web tokens (RFC 9068), checked with the provider's keys."""

    fetched = 0.0

    def get_jwks(self, anew: bool = False) -> KeySet:
        client = provider()
        with checked():
            return KeySet.import_key_set(client.fetch_jwk_set(force=anew))

    def authenticate_token(self, token_string: str) -> Any:
        try:
            return super().authenticate_token(token_string)
        except InvalidTokenError as error:
            if not isinstance(error.__cause__, InvalidKeyIdError) or not self.may_fetch():
                raise
        # The provider has a new key; or somebody has invented one, which costs us one request now
        # and then.
        self.get_jwks(anew=True)
        return super().authenticate_token(token_string)

    def may_fetch(self) -> bool:
        """Whether the keys may be fetched again already."""
        now = time.monotonic()
        if now - self.fetched < current_app.config["JWKS_MIN_AGE"]:
            return False
        self.fetched = now
        return True


def init_app(app: Erlen) -> None:
    issuer, audience = app.config["ISSUER"], app.config["AUDIENCE"]
    if not issuer or not audience:
        return
    bp = Blueprint("api", __name__, url_prefix="/api")
    require_token = Protector()
    require_token.register_token_validator(Validator(issuer, audience))

    @bp.get("/me")
    @require_token("read:profile")
    def me() -> dict[str, Any]:
        """Whom the token is about."""
        return {"sub": current_token["sub"], "scope": current_token["scope"]}

    app.register_blueprint(bp)
