"""Routing: Werkzeug's rules as the truth, compiled for matching and building."""

from __future__ import annotations

from .rules import Rule as Rule
from .rules import watched as watched
from .rules import WatchedMap as WatchedMap
from .table import compile_table as compile_table
from .table import RouteTable as RouteTable
from .table import UNSURE as UNSURE
from .target import Target as Target
from .build import UrlBuilder as UrlBuilder
