"""Single sign-on: log in at an OpenID provider, and an API for the tokens that it gives."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erlen import Erlen, install_as_flask

# Authlib's Flask client imports `flask`; from here on that is Erlen.
install_as_flask()

from . import api, demo, identity, pages, problems, safety  # noqa: E402


def create_app(
    test_config: Mapping[str, Any] | None = None,
    demo_settings: Mapping[str, Any] | None = None,
) -> Erlen:
    """Make the application.

    Args:
        test_config: Replaces the environment.
        demo_settings: What comes on top of it: the settings of the demo's provider.
    """
    app = Erlen(__name__, instance_relative_config=True)
    app.config.from_mapping(
        # Exactly as the provider writes it: Auth0's ends with a slash.
        ISSUER=None,
        CLIENT_ID=None,
        CLIENT_SECRET=None,
        SCOPE="openid profile email",
        # The API that access tokens are for, and how the provider wants to be told.
        AUDIENCE=None,
        AUDIENCE_PARAMETER="resource",
        # Only for providers without an end of session of OpenID Connect.
        LOGOUT_URL=None,
        CONNECT_TIMEOUT=3,
        READ_TIMEOUT=5,
        LEEWAY=30,
        JWKS_MIN_AGE=30,
        LOGIN_LIFETIME=8 * 3600,
        REFRESH_BEFORE=30,
        # For several machines: redis://..., or the URL of a database.
        SESSION_STORE=(Path(app.instance_path) / "sessions").as_uri(),
        # The sessions' cookies are random numbers; this key is for what else may be signed.
        SECRET_KEY=secrets.token_hex(),
        SESSION_COOKIE_NAME="sso_session",
        # Not "Strict": the provider sends people back here, and their session has to come along.
        SESSION_COOKIE_SAMESITE="Lax",
        # The address people are sent back to is made of the Host header.
        TRUSTED_HOSTS=["localhost", "127.0.0.1"],
    )
    if test_config is None:
        app.config.from_prefixed_env("SSO")
    else:
        app.config.from_mapping(test_config)
    app.config.from_mapping(demo_settings)
    for part in (safety, problems, identity, pages, api, demo):
        part.init_app(app)
    return app
