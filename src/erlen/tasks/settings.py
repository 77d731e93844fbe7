"""Settings of Celery that differ between those who send tasks and those who run them."""

from __future__ import annotations

import typing as t

Settings = dict[str, t.Any]

#: A worker may wait for its broker; a visitor of a page may not.
_RETRIES = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2}

#: Seconds.
_CONNECT, _ANSWER = 2, 5


def sender_settings(settings: Settings) -> Settings:
    """What senders have beside what the application set: few retries, short waits.

    Args:
        settings: The application's, which outrank these. Of settings that are
            dictionaries, each entry does.
    """
    broker = str(settings.get("broker_url") or "")
    transport: Settings = dict(_RETRIES)
    if broker.startswith(("redis", "sentinel")):
        transport |= {"socket_connect_timeout": _CONNECT, "socket_timeout": _ANSWER}
    elif _is_amqp(settings):
        # With confirmation, what was sent is known to have arrived.
        transport |= {"read_timeout": _ANSWER, "write_timeout": _ANSWER, "confirm_publish": True}
    defaults: Settings = {
        "broker_connection_timeout": _CONNECT,
        "broker_transport_options": transport,
        "task_publish_retry_policy": dict(_RETRIES),
        "redis_socket_connect_timeout": _CONNECT,
        "redis_socket_timeout": _ANSWER,
    }
    return {name: _merged(default, settings.get(name)) for name, default in defaults.items()}


def worker_settings(settings: Settings, celery_defaults: t.Mapping[str, t.Any]) -> Settings:
    """What a worker has in their place: what the application set, else Celery's own
    (but confirmed messages on RabbitMQ).

    Args:
        settings: The application's.
        celery_defaults: Celery's.
    """
    names = sender_settings(settings)
    found = {name: settings.get(name, celery_defaults.get(name)) for name in names}
    if _is_amqp(settings):
        # Tasks send tasks: that these have arrived is as good to know.
        transport = found["broker_transport_options"] or {}
        found["broker_transport_options"] = {"confirm_publish": True, **transport}
    return found


def _is_amqp(settings: Settings) -> bool:
    return str(settings.get("broker_url") or "").startswith(("amqp", "pyamqp"))


def _merged(default: t.Any, said: t.Any) -> t.Any:
    if said is None:
        return default
    if isinstance(default, dict) and isinstance(said, dict):
        return {**default, **said}
    return said
