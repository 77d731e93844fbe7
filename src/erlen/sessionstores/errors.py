"""What goes wrong with sessions that are kept on the server."""

from __future__ import annotations

from werkzeug.exceptions import Conflict, ServiceUnavailable

#: Seconds after which a client is asked to come again.
RETRY_AFTER = 2


class StoreUnavailable(ServiceUnavailable):
    """The store of the sessions does not answer: 503 with ``Retry-After``.

    Args:
        store: What kind of store it is.
        reason: What happened, for the log; clients are not told.
    """

    #: Answered by itself also where other errors become 500: in after hooks.
    is_outage = True

    def __init__(self, store: str = "", reason: str = "") -> None:
        super().__init__(
            "The sessions can't be reached just now. Please try again in a moment.",
            retry_after=RETRY_AFTER,
        )
        self.store = store
        self.reason = reason

    def __str__(self) -> str:
        return f"The session store ({self.store}) does not answer: {self.reason}"


class SessionEnded(Conflict):
    """The session was ended elsewhere while the request ran: signed out, or given a new id."""

    description = "The session has ended meanwhile."
