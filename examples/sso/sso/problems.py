"""What can go wrong with a sign-in: a status, and a page that says what to do."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from erlen import Erlen, render_template, request

#: Kind of problem: status, title, what happened and what to do.
KINDS = {
    "stale": (
        400,
        "This sign-in has run out",
        "It was started in another browser, finished before, or waited too long. "
        "Start it again from here.",
    ),
    "mixed": (
        400,
        "That answer came from somebody else",
        "Another sign-in service than the one you were sent to has answered. Nobody was signed in. "
        "Start again from here, and do not follow a link from elsewhere.",
    ),
    "invalid": (
        400,
        "The sign-in could not be verified",
        "What the sign-in service says about you does not hold, so nobody was signed in. Try "
        "again; if it stays like this, tell those who run this site.",
    ),
    "refused": (
        403,
        "You were not signed in",
        "You, or the sign-in service, said no. Nothing has changed here; you may try again.",
    ),
    "elsewhere": (
        400,
        "That link leads to another site",
        "After the sign-in you would have ended up elsewhere. Start from the first page instead.",
    ),
    "form": (
        400,
        "This form is out of date",
        "It was opened before you signed in or out. Go back, load the page again and repeat it.",
    ),
    "away": (
        503,
        "The sign-in service does not answer",
        "It is down, or too slow. Try again in a minute; whoever is signed in already stays so.",
    ),
    "unset": (
        503,
        "There is no sign-in service yet",
        "Whoever runs this site has to set SSO_ISSUER and SSO_CLIENT_ID. To try it "
        "without a service, start it with: python -m erlen --app sso demo",
    ),
}
RETRY_AFTER = "30"


class Problem(HTTPException):
    """One of `KINDS`, as an HTTP error.

    Args:
        kind: Which.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.code, self.title, text = KINDS[kind]
        super().__init__(text)


def show(error: HTTPException) -> Any:
    """Turn any HTTP error, and any crash as 500, into a page, or into JSON for the API."""
    code = error.code or 500
    headers = [pair for pair in error.get_headers() if pair[0] in ("Allow", "WWW-Authenticate")]
    if code == 503:
        headers.append(("Retry-After", RETRY_AFTER))
    if request.path.startswith("/api/"):
        kind = error.kind if isinstance(error, Problem) else error.name
        return {"error": kind, "error_description": error.description}, code, headers
    title = error.title if isinstance(error, Problem) else error.name
    again = isinstance(error, Problem) and error.kind not in ("form", "unset")
    page = render_template(
        "problem.html", code=code, title=title, text=error.description, again=again
    )
    return page, code, headers


def init_app(app: Erlen) -> None:
    app.register_error_handler(HTTPException, show)
