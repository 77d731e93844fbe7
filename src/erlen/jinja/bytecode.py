"""Bytecode caches that keep our templates apart from Jinja's."""

from __future__ import annotations

import typing as t

import jinja2
from jinja2 import BytecodeCache

from .compiler import REVISION

if t.TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.bccache import Bucket

#: Jinja's own version matters too: the stock generator changes with it.
FINGERPRINT = f"erlen-{REVISION}-jinja-{jinja2.__version__}"


class KeyedBytecodeCache(BytecodeCache):
    """A user's bytecode cache, asked under names of our own.

    A folder or a memcached that Flask has filled is never read by us, nor the
    other way round, so both may share it.

    Args:
        cache: the cache that stores the code; everything else is its doing.
    """

    def __init__(self, cache: BytecodeCache) -> None:
        self.cache = cache

    def get_bucket(
        self, environment: Environment, name: str, filename: str | None, source: str
    ) -> Bucket:
        """Find the place of a template's code.

        Args:
            environment: the one that the template belongs to.
            name: the template's name.
            filename: its file, if it has one.
            source: its text.
        """
        return self.cache.get_bucket(environment, f"{name}|{FINGERPRINT}", filename, source)

    def set_bucket(self, bucket: Bucket) -> None:
        """Store compiled code.

        Args:
            bucket: the place and the code.
        """
        self.cache.set_bucket(bucket)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read code into a place.

        Args:
            bucket: the place.
        """
        self.cache.load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write code out of a place.

        Args:
            bucket: the place and the code.
        """
        self.cache.dump_bytecode(bucket)

    def clear(self) -> None:
        """Empty the cache."""
        self.cache.clear()

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self.cache, name)
