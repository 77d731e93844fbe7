"""How much of a body a request takes."""

from __future__ import annotations

from werkzeug.wrappers import Request as WerkzeugRequest

from ..state import get_current
from .fields import Fields


class Limits(Fields):
    """The limits of a request: its own, or the application's settings."""

    _max_content_length: int | None = None
    _max_form_memory_size: int | None = None
    _max_form_parts: int | None = None

    @property
    def max_content_length(self) -> int | None:
        """Most bytes of the body; more is a 413. ``None``: no limit here.

        Defaults to the setting ``MAX_CONTENT_LENGTH``; can be set per request.
        """
        own = self._max_content_length
        if own is not None:
            return own
        return _setting("MAX_CONTENT_LENGTH", WerkzeugRequest.max_content_length)

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    @property
    def max_form_memory_size(self) -> int | None:
        """Most bytes of a multipart field that is not a file; more is a 413.

        Defaults to the setting ``MAX_FORM_MEMORY_SIZE``; can be set per request.
        """
        if self._max_form_memory_size is not None:
            return self._max_form_memory_size
        return _setting("MAX_FORM_MEMORY_SIZE", WerkzeugRequest.max_form_memory_size)

    @max_form_memory_size.setter
    def max_form_memory_size(self, value: int | None) -> None:
        self._max_form_memory_size = value

    @property  # type: ignore[override]
    def max_form_parts(self) -> int | None:
        """Most parts of a multipart body, fields and files; more is a 413.

        Defaults to the setting ``MAX_FORM_PARTS``; can be set per request.
        """
        if self._max_form_parts is not None:
            return self._max_form_parts
        return _setting("MAX_FORM_PARTS", WerkzeugRequest.max_form_parts)

    @max_form_parts.setter
    def max_form_parts(self, value: int | None) -> None:
        self._max_form_parts = value


def _setting(name: str, default: int | None) -> int | None:
    ctx = get_current(None)
    return default if ctx is None else ctx.app.config[name]
