"""What goes wrong with channels."""

from __future__ import annotations


class ChannelsUnavailable(ConnectionError):
    """The backend can't be reached; the message was not passed on."""
