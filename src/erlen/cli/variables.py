"""``ERLEN_X`` beside ``FLASK_X``: one meaning, and the first one wins.

Click finds the variable of an option by putting the group's prefix before the
option's name, and knows one prefix only.  So while a command runs, the
variables that its own options read are lent the value of their ``ERLEN_``
namesakes.  No other variable is touched: an application that reads its
settings from ``FLASK_*`` must see the same under the command line and under a
server.
"""

from __future__ import annotations

import os
from functools import partial

import click

OURS = "ERLEN"
THEIRS = "FLASK"


def lend_variables(ctx: click.Context, command: click.Command, prefix: str) -> None:
    """Give the ``FLASK_`` variables of a command the values of the ``ERLEN_`` ones.

    Args:
        ctx: When this context is closed, the variables are set back.
        command: Its options are looked at, and those of all commands below it.
        prefix: What click puts before the options' names, such as ``FLASK_RUN``.
    """
    if prefix.split("_", 1)[0] != THEIRS or not _any_ours():
        return

    for param in command.params:
        if param.name:
            _lend(ctx, f"{prefix}_{param.name.upper()}")

    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            lend_variables(ctx, child, command_prefix(prefix, name))


def command_prefix(prefix: str, name: str) -> str:
    """The prefix that click gives to a command below a group."""
    return f"{prefix}_{name.upper()}".replace("-", "_")


def _any_ours() -> bool:
    return any(name.startswith(f"{OURS}_") for name in os.environ)


def _lend(ctx: click.Context, name: str) -> None:
    # An empty variable is an unset one, as for click.
    value = os.environ.get(OURS + name.removeprefix(THEIRS))

    if value and value != os.environ.get(name):
        ctx.call_on_close(partial(_set_back, name, os.environ.get(name)))
        os.environ[name] = value


def _set_back(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
