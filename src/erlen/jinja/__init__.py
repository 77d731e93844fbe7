"""What makes Jinja templates fast; knows Jinja2 and MarkupSafe only."""

from .context import Context as Context
from .context import Deferred as Deferred
from .environment import FastEnvironment as FastEnvironment
