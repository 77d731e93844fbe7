"""The compiled URL builder: what ``MapAdapter.build`` says, at a fraction of its cost."""

from __future__ import annotations

import functools
import re
import typing as t
from urllib.parse import quote, urlencode

import werkzeug.routing as wz
from werkzeug.datastructures import iter_multi_items
from werkzeug.routing import BaseConverter, IntegerConverter, Map, MapAdapter

# What a path and a query may hold as they are (WHATWG URL, path and query state),
# in the words of Werkzeug's own converters and query encoder.
_PATH_SAFE = "!$&'()*+,/:;=@"
_QUERY_SAFE = "!$'()*,/:;?@"
_clean_path = re.compile(r"[A-Za-z0-9_.\-~!$&'()*+,/:;=@]*").fullmatch
# A space is clean too: it becomes a plus.
_clean_query = re.compile(r"[A-Za-z0-9_.\-~!$'()*,/:;?@ ]*").fullmatch

Values = t.Mapping[str, t.Any]
Maker = t.Callable[[Values], "str | None"]


def quote_path(value: t.Any) -> str:
    """Give a value as a path segment, as ``BaseConverter.to_url`` does.

    Args:
        value: any object; its text is percent-encoded as UTF-8.
    """
    text = value if type(value) is str else str(value)
    return text if _clean_path(text) else quote(text, safe=_PATH_SAFE)


def encode_query(values: Values, but: t.Container[str] = ()) -> str:
    """Give values as a query string, without the question mark.

    Args:
        values: name to value; a list, tuple or set repeats the name, None is left
            out.
        but: names to leave out.
    """
    query = ""
    for name, value in values.items():
        if name in but:
            continue
        kind = type(value)
        if kind is str and _clean_query(value):
            if " " in value:
                value = value.replace(" ", "+")
        elif value is None:
            continue
        elif kind is not int:
            return _encode_any({k: v for k, v in values.items() if k not in but})
        # Names that Python takes as keywords are nearly always plain.
        if not (name.isascii() and name.isidentifier()) and (" " in name or not _clean_query(name)):
            return _encode_any({k: v for k, v in values.items() if k not in but})
        query = f"{query}&{name}={value}" if query else f"{name}={value}"
    return query


def _encode_any(values: t.Any) -> str:
    items = [item for item in iter_multi_items(values) if item[1] is not None]
    return urlencode(items, safe=_QUERY_SAFE)


class _Candidate:
    """One rule of an endpoint, and the function that makes its path.

    Attributes:
        rule: the rule.
        make: makes the path from the values, None where the rule does not suit.
    """

    __slots__ = ("make", "rule")

    def __init__(self, rule: wz.Rule) -> None:
        self.rule = rule
        self.make: Maker = self._first_make

    def _first_make(self, values: Values) -> str | None:
        self.make = make = make_maker(self.rule)
        return make(values)

    def takes(self, method: str) -> bool:
        methods = self.rule.methods
        return methods is None or method in methods


class UrlBuilder:
    """Builds the URLs of a map as it is now; make a new one after it has changed.

    Args:
        url_map: a Werkzeug map.
    """

    __slots__ = ("_candidates", "_domain", "url_map")

    def __init__(self, url_map: Map) -> None:
        url_map.update()
        self.url_map = url_map
        self._domain = None if url_map.host_matching else url_map.default_subdomain or ""
        # Filled per endpoint on first use: bounded by the map.
        self._candidates: dict[t.Any, tuple[_Candidate, ...]] = {}

    def path(
        self,
        endpoint: t.Any,
        values: dict[str, t.Any],
        method: str | None = None,
        default_method: str | None = None,
    ) -> str | None:
        """Build an endpoint's path and query, within the default subdomain.

        Args:
            endpoint: the endpoint.
            values: the values; those that are None are left out, unknown ones go
                into the query. Not changed.
            method: only rules with this method; default any.
            default_method: without *method*, rules with this one come first (the
                method of the request); default none.

        Returns:
            The path from the application's root, with one slash at its start.
            None where this builder has no answer (no such endpoint, values that
            do not suit, a rule for another domain or for websockets): ask
            :meth:`build`, which gives it or raises the ``BuildError``.

        Raises:
            Exception: what a converter's ``to_url`` raises.
        """
        candidates = self._candidates.get(endpoint)
        if candidates is None:
            candidates = self._open(endpoint)
        if method is None:
            if len(candidates) == 1:
                return candidates[0].make(values)
            if default_method is not None:
                path = _first_path(candidates, values, default_method)
                if path is not None:
                    return path
        return _first_path(candidates, values, method)

    def build(
        self,
        adapter: MapAdapter,
        endpoint: t.Any,
        values: t.Mapping[str, t.Any] | None = None,
        method: str | None = None,
        force_external: bool = False,
        append_unknown: bool = True,
        url_scheme: str | None = None,
    ) -> str:
        """Build a URL like Werkzeug's ``MapAdapter.build``, on any map.

        Args:
            adapter: an adapter of the builder's map.
            endpoint: the endpoint.
            values: the values; default none.
            method: only rules with this method; default the adapter's first, then
                any.
            force_external: whether to give an absolute URL; default only where
                the rule is for another domain or for websockets.
            append_unknown: whether unknown values go into the query; default True.
            url_scheme: the scheme of an absolute URL; default the adapter's.

        Raises:
            BuildError: no rule of the endpoint suits the values and the method.
        """
        if append_unknown and (values is None or type(values) is dict):
            path = self.path(endpoint, values or {}, method, adapter.default_method)
            if path is not None:
                if force_external or adapter.subdomain != self._domain:
                    return self.absolute(adapter, path, url_scheme)
                return adapter.script_name.rstrip("/") + path
        return adapter.build(endpoint, values, method, force_external, append_unknown, url_scheme)

    def absolute(self, adapter: MapAdapter, path: str, url_scheme: str | None = None) -> str:
        """Make a path of :meth:`path` absolute.

        Args:
            adapter: says the host, the application's root and the scheme.
            path: the path from the application's root.
            url_scheme: default the adapter's; empty for a URL without a scheme.
        """
        scheme = adapter.url_scheme if url_scheme is None else url_scheme
        if scheme:
            scheme = "https:" if scheme in ("https", "wss") else "http:"
        host = adapter.get_host(self._domain) if self._domain != "" else adapter.server_name
        root = adapter.script_name
        return f"{scheme}//{host}{root[:-1] if len(root) > 1 else ''}{path}"

    def _open(self, endpoint: t.Any) -> tuple[_Candidate, ...]:
        rules = self.url_map._rules_by_endpoint.get(endpoint)
        if rules is None:
            return ()
        candidates: tuple[_Candidate, ...] = ()
        if all(_is_local(rule, self._domain) for rule in rules):
            candidates = tuple(_Candidate(rule) for rule in rules)
        self._candidates[endpoint] = candidates
        return candidates


def _first_path(
    candidates: tuple[_Candidate, ...], values: Values, method: str | None
) -> str | None:
    for candidate in candidates:
        if method is None or candidate.takes(method):
            path = candidate.make(values)
            if path is not None:
                return path
    return None


# A rule class of the user's that overrides one of these builds by itself.
_BUILDING = ("build", "suitable_for", "_encode_query_vars")


def _is_local(rule: wz.Rule, domain: str | None) -> bool:
    """Say whether the rule's URL is a path on the default domain, built as usual."""
    own = rule.subdomain or ""
    if domain is None or own != domain or "<" in own or quote(own, safe=_PATH_SAFE) != own:
        return False
    if rule.websocket:
        return False
    return all(getattr(type(rule), name) is getattr(wz.Rule, name) for name in _BUILDING)


def make_maker(rule: wz.Rule) -> Maker:
    """Make the function that builds a rule's path and query.

    Args:
        rule: a bound rule whose domain has no variable part.

    Returns:
        A function from the values, None among them or not, to the path; it gives
        None where the values do not suit the rule.
    """
    if rule.defaults:
        return _general_maker(rule)
    names: list[str] = []
    texts = [""]
    path = rule._trace[rule._trace.index((False, "|")) + 1 :]
    for is_dynamic, data in path:
        if is_dynamic:
            names.append(data)
            texts.append("")
        else:
            texts[-1] += quote(data, safe=_PATH_SAFE)
    converters = [rule._converters[name] for name in names]
    kinds = "".join(_kind(converter) for converter in converters)
    if not kinds:
        return _constant_maker("/" + texts[0].lstrip("/"), rule)
    # Leading slashes are made one; a written first part needs no look.
    strip = texts[0] == "/" or texts[0][:2] == "//"
    factory = _maker_factory(kinds, strip)
    return factory(names, texts, [c.to_url for c in converters], _query_maker(names, rule))


def _constant_maker(path: str, rule: wz.Rule) -> Maker:
    query = _query_maker((), rule)

    def make(values: Values) -> str | None:
        return path + query(values) if values else path

    return make


def _general_maker(rule: wz.Rule) -> Maker:
    """Make the maker of a rule with defaults: Werkzeug's own."""

    def make(values: Values) -> str | None:
        given = {name: value for name, value in values.items() if value is not None}
        built = rule.build(given) if rule.suitable_for(given) else None
        return None if built is None else "/" + built[1].lstrip("/")

    return make


def _query_maker(names: t.Collection[str], rule: wz.Rule) -> t.Callable[[Values], str]:
    url_map = rule.map
    known = frozenset(names)

    def make(values: Values) -> str:
        if url_map.sort_parameters:
            unknown = {k: v for k, v in values.items() if v is not None and k not in known}
            query = _encode_any(sorted(iter_multi_items(unknown), key=url_map.sort_key))
        else:
            query = encode_query(values, known)
        return "?" + query if query else ""

    return make


def _kind(converter: BaseConverter) -> str:
    """Give "s" for text that is quoted, "i" for a plain int, else "c"."""
    if "to_url" in getattr(converter, "__dict__", ()):
        return "c"
    if type(converter).to_url is BaseConverter.to_url:
        return "s"
    if (
        type(converter) is IntegerConverter
        and IntegerConverter.to_url is _int_to_url
        and converter.num_convert is int
        and not converter.fixed_digits
    ):
        return "i"
    return "c"


_int_to_url = IntegerConverter.to_url

_FORMS = {
    "s": "a{0} if type(a{0}) is str and clean(a{0}) else quote(a{0})",
    "i": "str(a{0} if type(a{0}) is int else int(a{0}))",
    "c": "c{0}(a{0})",
}


@functools.cache
def _maker_factory(kinds: str, strip: bool) -> t.Callable[..., Maker]:
    """Compile the maker of path makers for one sequence of converter kinds.

    Generated because it is three times faster than a loop over the parts. Only
    numbers are put into the source, and the shapes that an application uses are
    few, so the cache is small.
    """
    count = range(len(kinds))
    parts = ["t0"]
    for i, kind in enumerate(kinds):
        parts += [f"({_FORMS[kind].format(i)})", f"t{i + 1}"]
    lines = [
        "def factory(names, texts, converters, query):",
        f"    {', '.join(f'n{i}' for i in count)}, = names",
        f"    {', '.join(f't{i}' for i in range(len(kinds) + 1))}, = texts",
        f"    {', '.join(f'c{i}' for i in count)}, = converters",
        "    def make(values):",
        "        try:",
        *(f"            a{i} = values[n{i}]" for i in count),
        "        except KeyError:",
        "            return None",
        f"        if {' or '.join(f'a{i} is None' for i in count)}:",
        "            return None",
    ]
    if "c" in kinds:
        lines += [
            "        try:",
            f"            path = ''.join(({', '.join(parts)}))",
            "        except ValidationError:",
            "            return None",
        ]
    else:
        lines.append(f'        path = f"{"".join("{" + part + "}" for part in parts)}"')
    if strip:
        lines.append("        path = '/' + path.lstrip('/')")
    lines.append(f"        return path if len(values) == {len(kinds)} else path + query(values)")
    lines.append("    return make")
    namespace: dict[str, t.Any] = {
        "ValidationError": wz.ValidationError,
        "clean": _clean_path,
        "quote": quote_path,
    }
    exec("\n".join(lines), namespace)
    return t.cast("t.Callable[..., Maker]", namespace["factory"])
