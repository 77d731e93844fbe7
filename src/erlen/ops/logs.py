"""Logs that machines read: the request's id in every record, one line of JSON for each."""

from __future__ import annotations

import json
import logging
import math
import sys
import typing as t
from datetime import UTC, datetime
from time import perf_counter

from ..logging import default_handler, has_level_handler, printable
from .current import Observation, observation

ACCESS = "erlen.access"

#: What every record has; all else was given with ``extra=``.
_STANDARD = set(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
_STANDARD |= {"message", "asctime", "taskName", "request_fields", "request_id"}


class RequestRecord(logging.LogRecord):
    """A log record that knows the request it was made in.

    ``%(request_id)s`` may stand in any format; outside of a request it is ``-``. A record
    that was given ``extra={"request_id": ...}`` keeps what it was given.
    """

    #: What is known of the request: ``request_id``, ``method``, ``path``.
    request_fields: dict[str, t.Any] | None

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        found = observation()
        self.request_fields = None if found is None else found.fields

    def __getattr__(self, name: str) -> t.Any:
        # Not set at once: ``extra`` may not have the name of what is there already.
        if name == "request_id":
            return (self.__dict__.get("request_fields") or {}).get("request_id") or "-"
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def getMessage(self) -> str:
        """The message; a formatter asks for it before it looks at anything else."""
        self.__dict__.setdefault("request_id", self.request_id)
        return super().getMessage()


def install_records() -> None:
    """Make every log record of the process know its request."""
    factory = logging.getLogRecordFactory()
    if factory is logging.LogRecord:
        logging.setLogRecordFactory(RequestRecord)
    elif factory is not RequestRecord and not getattr(factory, "_erlen", False):
        logging.setLogRecordFactory(_joined(factory))


def _joined(factory: t.Callable[..., logging.LogRecord]) -> t.Callable[..., logging.LogRecord]:
    """Another library's records, with what we know added."""

    def make(*args: t.Any, **kwargs: t.Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        found = observation()
        record.request_fields = None if found is None else found.fields
        record.request_id = (found.id if found is not None else None) or "-"
        return record

    make._erlen = True  # type: ignore[attr-defined]
    return make


class JsonFormatter(logging.Formatter):
    """Writes each record as one line of JSON, whatever is in it.

    The keys: ``timestamp`` (RFC 3339, UTC), ``level``, ``logger``, ``message``; within a
    request ``request_id``, ``method``, ``path``; of the access log ``status``,
    ``duration_ms`` and more; ``exception`` and ``stack`` as text; and what was given with
    ``extra=``. All that isn't ASCII is escaped, so that nothing ends the line early or
    steers a terminal.

    Args:
        static: Added to every line, e.g. ``{"service": "shop"}``.
    """

    def __init__(self, static: dict[str, t.Any] | None = None) -> None:
        super().__init__()
        self.static = dict(static or {})

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end.

        Args:
            record: The record.
        """
        made = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, t.Any] = {
            "timestamp": made.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        line.update(self.static)
        fields = getattr(record, "request_fields", None)
        if fields:
            line.update((key, value) for key, value in fields.items() if value is not None)
        own = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        # What tells where the line is from cannot be changed by what is logged.
        line.update((key, value) for key, value in own.items() if key not in line)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return _dump(line)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        # A wrong format string is no reason to lose the record.
        return f"{record.msg!s} (not formatted with {record.args!r}: {error})"


def _dump(line: dict[str, t.Any]) -> str:
    try:
        return json.dumps(line, default=_text, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        # NaN, a circle, a key that is no text.
        plain = {str(key): _plain(value) for key, value in line.items()}
        return json.dumps(plain, default=_text, allow_nan=False)


def _plain(value: t.Any) -> t.Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    return _text(value)


def _text(value: t.Any) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


class _Stderr(logging.StreamHandler[t.TextIO]):
    """Writes to what ``sys.stderr`` is at the time; the one handler of ``LOG_FORMAT``."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> t.TextIO:  # type: ignore[override]
        """The standard error stream."""
        return sys.stderr


def log_as_json(name: str) -> None:
    """Have the root logger write JSON to the standard error stream; a second time: nothing.

    Args:
        name: Of the application's logger, which leaves it to the root.
    """
    root = logging.getLogger()
    logging.getLogger(name).removeHandler(default_handler)
    if not any(isinstance(handler, _Stderr) for handler in root.handlers):
        handler = _Stderr()
        handler.setFormatter(JsonFormatter())
        root.addHandler(handler)


def access_logger() -> logging.Logger:
    """The logger of finished requests; it gets a handler if none is there for it."""
    logger = logging.getLogger(ACCESS)
    if not logger.level:
        logger.setLevel(logging.INFO)
    if not has_level_handler(logger):
        handler = _Stderr()
        handler.setFormatter(logging.Formatter("[%(asctime)s] %(request_id)s %(message)s"))
        logger.addHandler(handler)
    return logger


def write_access(seen: Observation) -> None:
    """Log a request that has ended.

    Args:
        seen: Its observation.
    """
    logger = logging.getLogger(ACCESS)
    if not logger.isEnabledFor(logging.INFO):
        return
    took = round((perf_counter() - seen.began) * 1000, 3)
    # A peer that leaves before there is an answer: the code is Nginx's.
    status = seen.status or 499
    path = printable(seen.path)
    fields = {
        "status": status,
        "duration_ms": took,
        "method": seen.method,
        "path": seen.path,
        "route": seen.rule,
        "endpoint": seen.endpoint,
        "client": seen.client,
    }
    text = f"{printable(seen.method)} {path} {status} {took} ms"
    # Without arguments it is no format: a percent sign of the path stays one.
    logger.info(text, extra=fields)
