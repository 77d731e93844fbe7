"""Routing: Werkzeug's rules as the truth, compiled for matching and building."""

from __future__ import annotations

from .build import UrlBuilder as UrlBuilder
from .rules import Rule as Rule
from .rules import WatchedMap as WatchedMap
from .rules import watched as watched
from .table import UNSURE as UNSURE
from .table import RouteTable as RouteTable
from .table import compile_table as compile_table
from .target import Target as Target
