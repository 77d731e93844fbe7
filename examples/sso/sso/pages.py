"""The pages: welcome, sign in, profile, sign out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from erlen import (
    Blueprint,
    Erlen,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)

from . import identity, logins, safety

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> str:
    """What this is, and a way in."""
    return render_template("index.html", set_up=bool(current_app.config["ISSUER"]))


@bp.get("/login")
def login() -> Response:
    """On to the provider; ``next`` is where to go afterwards, on this site."""
    target = request.args.get("next") or url_for("pages.profile")
    return identity.begin(safety.local_path(target))


@bp.get("/callback")
def callback() -> Response:
    """Back from the provider."""
    return redirect(identity.finish())


@bp.get("/profile")
def profile() -> Any:
    """What the provider says about whoever is signed in."""
    if (known := logins.current()) is None or (known := identity.fresh(known)) is None:
        return redirect(url_for("pages.login", next=url_for("pages.profile")))
    return render_template("profile.html", login=known, times=times(known))


@bp.post("/logout")
def logout() -> Response:
    """End the login here, or all logins of this person, then the one at the provider."""
    safety.check_form()
    known = logins.current()
    logins.end(everywhere=request.form.get("everywhere") == "1")
    return identity.farewell(known)


@bp.get("/signed-out")
def signed_out() -> str:
    """Signed out here; whether at the provider, too, is told by the state that it sends back."""
    return render_template("signed_out.html", everywhere=identity.has_said_goodbye())


def times(login: logins.Login) -> dict[str, datetime]:
    """When things began and will end."""
    return {
        "begun": datetime.fromtimestamp(login.begun, UTC),
        "ends": datetime.fromtimestamp(login.ends, UTC),
    }


def init_app(app: Erlen) -> None:
    app.register_blueprint(bp)
    app.context_processor(lambda: {"signed_in": logins.current})
