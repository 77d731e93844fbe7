"""Close codes of a websocket (RFC 6455 7.4), and what an HTTP status comes to as one."""

from __future__ import annotations

#: Bytes of UTF-8 that a close frame has room for behind its code (RFC 6455 5.5).
MAX_REASON = 123

NORMAL = 1000
GOING_AWAY = 1001
NO_STATUS = 1005
ABNORMAL = 1006
INVALID_DATA = 1007
POLICY = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

#: Those below 3000 that may stand in a frame; the others are made up by the receiver.
_SENDABLE = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_BY_STATUS = {413: TOO_BIG, 503: TRY_AGAIN_LATER}


def check_close(code: int, reason: str) -> None:
    """Refuse a close frame that could not be sent.

    Args:
        code: The close code.
        reason: The text behind it.

    Raises:
        ValueError: The code may not be sent, or the reason is too long.
    """
    if type(code) is not int or not (code in _SENDABLE or 3000 <= code <= 4999):
        raise ValueError(
            f"{code!r} is no close code that may be sent. Use 1000 for an ordinary end,"
            " or one of your own from 4000 to 4999."
        )
    if len(reason.encode()) > MAX_REASON:
        raise ValueError(
            f"The reason of a close has {MAX_REASON} bytes of UTF-8 at most,"
            f" not {len(reason.encode())}. Send longer texts as a message before."
        )


def code_for_status(status: int) -> int:
    """The close code for an HTTP status that comes too late to be sent as one.

    Args:
        status: The HTTP status code.

    Returns:
        1000 for a success or redirect, 1008 for most errors of the client, 1009 for
        413, 1013 for 503, 1011 for all other errors of the server.
    """
    if status < 400:
        return NORMAL
    return _BY_STATUS.get(status) or (POLICY if status < 500 else INTERNAL_ERROR)


def short_reason(text: str) -> str:
    """As much of a text as a close frame has room for.

    Args:
        text: Any text.
    """
    return text.encode("utf-8", "replace")[:MAX_REASON].decode("utf-8", "ignore")
