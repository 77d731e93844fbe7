"""The signals of an application, that tell when somebody starts to listen.

A request sends a signal only if its plan was made while somebody was connected,
therefore connecting and disconnecting bump the epoch.
"""

from __future__ import annotations

import typing as t

from blinker import ANY, NamedSignal, Namespace

from .state import epoch
from .watch import WatchedDict

__all__ = [
    "Namespace",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "got_request_exception",
    "got_websocket_exception",
    "message_flashed",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "template_rendered",
    "websocket_finished",
    "websocket_started",
    "websocket_tearing_down",
]

F = t.TypeVar("F", bound=t.Callable[..., t.Any])


class WatchedSignal(NamedSignal):
    """A named signal whose receivers are part of what plans are made from.

    Deaths of weakly held receivers are seen through ``receivers``; connecting
    an old receiver to a further sender doesn't touch it, so ``connect`` and
    ``disconnect`` bump as well.
    """

    def __setattr__(self, name: str, value: t.Any) -> None:
        if name == "receivers" and not isinstance(value, WatchedDict):
            value = WatchedDict(value)
        super().__setattr__(name, value)
        if name in ("receivers", "is_muted"):
            epoch.bump()

    def connect(self, receiver: F, sender: t.Any = ANY, weak: bool = True) -> F:
        """Call ``receiver`` when the signal is sent by ``sender``.

        Args:
            receiver: called with the sender and the signal's keyword arguments.
            sender: only listen to this object; default: any.
            weak: hold the receiver by a weak reference (default).

        Returns:
            The receiver, so that this can be used as a decorator.
        """
        try:
            return super().connect(receiver, sender, weak)
        finally:
            epoch.bump()

    def disconnect(self, receiver: t.Callable[..., t.Any], sender: t.Any = ANY) -> None:
        """Stop calling ``receiver`` for ``sender`` (default: for all)."""
        try:
            super().disconnect(receiver, sender)
        finally:
            epoch.bump()


class _WatchedNamespace(Namespace):
    """A namespace of watched signals; ``Namespace`` itself stays Blinker's."""

    def signal(self, name: str, doc: str | None = None) -> NamedSignal:
        """The signal of that name, made at first use."""
        if name not in self:
            self[name] = WatchedSignal(name, doc)
        return self[name]


_signals = _WatchedNamespace()

template_rendered = _signals.signal("template-rendered")
before_render_template = _signals.signal("before-render-template")
request_started = _signals.signal("request-started")
request_finished = _signals.signal("request-finished")
request_tearing_down = _signals.signal("request-tearing-down")
got_request_exception = _signals.signal("got-request-exception")
appcontext_tearing_down = _signals.signal("appcontext-tearing-down")
appcontext_pushed = _signals.signal("appcontext-pushed")
appcontext_popped = _signals.signal("appcontext-popped")
message_flashed = _signals.signal("message-flashed")
websocket_started = _signals.signal("websocket-started")
websocket_finished = _signals.signal("websocket-finished")
websocket_tearing_down = _signals.signal("websocket-tearing-down")
got_websocket_exception = _signals.signal("got-websocket-exception")
