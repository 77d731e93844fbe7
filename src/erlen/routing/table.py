"""The compiled matcher: what ``MapAdapter.match`` says, at a fraction of its cost."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote, urljoin

from werkzeug.routing import Map, MapAdapter, RequestRedirect, Rule, ValidationError

from .nodes import LEAF, MIXED, Compiler, Node, TargetFactory
from .search import Hit, NeedsSlash, Search
from .segments import INT, PATH, STR
from .target import Target

#: What :meth:`RouteTable.find` gives where only the full answer will do.
UNSURE: tuple[()] = ()

Found = tuple[Target, dict[str, t.Any]]
QueryArgs = t.Mapping[str, t.Any] | str | None

# The characters that a URL path may hold as they are (WHATWG URL, path state).
_PATH_SAFE = "!$&'()*+,/:;=@"
_many_slashes = re.compile("/{2,}")
_placeholder = re.compile(r"<([^>]+)>")


class RouteTable:
    """What a map's rules say, compiled; made by :func:`compile_table`.

    Attributes:
        url_map: the map it was compiled from.
        root: the node at which a domain and a path are matched.
        plain: whether every rule is for the map's default subdomain and host
            matching is off, so that the path alone decides.
        static: path to method to target, where a hit is the whole answer; copy
            ``target.args``. Empty unless ``plain``.
    """

    __slots__ = ("_compiler", "_entry", "_start", "plain", "root", "static", "url_map")

    def __init__(self, url_map: Map, compiler: Compiler) -> None:
        self.url_map = url_map
        self._compiler = compiler
        self.root = root = compiler.node(url_map._matcher._root)
        domain = url_map.default_subdomain or ""
        self.plain = not (url_map.host_matching or root.steps or root.static.keys() - {domain})
        self.static: dict[str, dict[str, Target]] = {}
        self._entry = Node(1)
        self._start = Node(2)
        if self.plain and domain in root.static:
            # Every rule begins with a slash, so its first part is empty.
            self._start = _without_double_slash(root.static[domain].static[""])
            _collect_static(self._start, "", self.static)
        self._entry.static[""] = self._start

    def find(self, path: str, method: str) -> Found | tuple[()] | None:
        """Match the path of a plain table's request that is no websocket handshake.

        Args:
            path: the decoded path.
            method: the request's method in upper case.

        Returns:
            The target and the arguments (a new dict); None if this is a 404 for
            sure; ``UNSURE`` (false as well) if :meth:`match` has to say what it is.
        """
        node = self._entry
        values: list[str] = []
        for part in path.split("/"):
            following = node.static.get(part)
            if following is not None:
                node = following
                continue
            kind = node.kind
            if kind == STR:
                if not part:
                    return self._stuck(node, path, method)
                values.append(part)
            elif kind == INT:
                # str.isdecimal is what \d means to re: category Nd.
                if not part.isdecimal():
                    return self._stuck(node, path, method)
                values.append(part)
            elif kind == LEAF:
                return self._stuck(node, path, method)
            elif kind == PATH:
                rest = path.split("/", node.depth - 1)[-1]
                if node.steps[0].test(rest) is None:
                    return self._stuck(node, path, method)
                values.append(rest)
                node = node.only
                break
            elif kind == MIXED or not part:
                return self._continue(node, path, method, values)
            else:
                for step in node.steps:
                    found = step.test(part)
                    if found is not None:
                        break
                else:
                    return self._stuck(node, path, method)
                values += found
                node = step.node
                continue
            node = node.only
        target = node.targets.get(method)
        if target is None:
            return self._stuck(node, path, method, True)
        fill = target.fill
        try:
            return target, fill(values)
        except ValueError:
            # A converter refused; match() says what that means.
            return UNSURE

    def _stuck(
        self, node: Node, path: str, method: str, at_end: bool = False
    ) -> Found | tuple[()] | None:
        """Answer where the straight way through the nodes came to its end."""
        if path[:1] != "/" or path[:2] == "//":
            return UNSURE
        if (at_end and (node.rules or node.slashed)) or node.forked:
            return self._search(self._start, path, method, 2, [])
        return UNSURE if "//" in path else None

    def _continue(
        self, node: Node, path: str, method: str, values: list[str]
    ) -> Found | tuple[()] | None:
        """Go on where the next part needs more than one look."""
        if path[:1] != "/" or path[:2] == "//":
            return UNSURE
        if node.forked:
            return self._search(self._start, path, method, 2, [])
        return self._search(node, path, method, node.depth, values)

    def _search(
        self, node: Node, path: str, method: str, index: int, values: list[str]
    ) -> Found | tuple[()] | None:
        search = Search(method, False)
        try:
            hit = search.run(node, ["", *path.split("/")], index, values)
        except NeedsSlash:
            return UNSURE
        if hit is None:
            return None if search.clean and "//" not in path else UNSURE
        rule, values = hit
        if not self._compiler.is_simple(rule):
            return UNSURE
        target = self._compiler.target(rule, method)
        try:
            return target, target.fill(values)
        except ValueError:
            return UNSURE

    def match(
        self,
        domain: str,
        path: str,
        method: str,
        websocket: bool,
        adapter: t.Callable[[], MapAdapter],
        query_args: QueryArgs = None,
    ) -> Found:
        """Match like Werkzeug's ``MapAdapter.match(return_rule=True)``, on any map.

        Args:
            domain: the subdomain, or the server's name with host matching.
            path: the decoded path; may be empty.
            method: the request's method in upper case.
            websocket: whether the request is a websocket handshake.
            adapter: gives the bound adapter; called only for a redirect.
            query_args: the query for a redirect; default that of the adapter.

        Returns:
            The target and the arguments (a new dict).

        Raises:
            RequestRedirect: the path belongs elsewhere (slashes, defaults, alias,
                ``redirect_to``).
            MethodNotAllowed: the path exists for the methods in ``valid_methods``.
            WebsocketMismatch: the path exists for the other protocol only.
            NotFound: nothing matches.
        """
        path = f"/{path.lstrip('/')}" if path else ""
        search = Search(method, websocket)
        hit = self._locate(search, domain, path)
        if isinstance(hit, str):
            bound = adapter()
            url = bound.make_redirect_url(quote(hit, safe=_PATH_SAFE), _query(bound, query_args))
            raise RequestRedirect(url)
        rule, values = hit
        target = self._compiler.target(rule, method)
        try:
            args = target.fill(values)
        except ValueError:
            args = _convert(rule, values, search)
        if not self._compiler.is_simple(rule):
            self._redirect(rule, args, f"{domain}|{path}", method, adapter(), query_args)
        return target, args

    def match_adapter(
        self,
        adapter: MapAdapter,
        path: str | None = None,
        method: str | None = None,
        query_args: QueryArgs = None,
        websocket: bool | None = None,
    ) -> Found:
        """Match what a bound adapter would; ``adapter.match(return_rule=True)``.

        Args:
            adapter: an adapter of the table's map.
            path: the path; default the adapter's.
            method: the method; default the adapter's.
            query_args: see :meth:`match`.
            websocket: default whether the adapter's scheme is a websocket's.

        Returns:
            As :meth:`match`, which also says what is raised.
        """
        domain = adapter.server_name
        if not self.url_map.host_matching and adapter.subdomain is not None:
            domain = adapter.subdomain
        return self.match(
            domain,
            adapter.path_info if path is None else path,
            (method or adapter.default_method).upper(),
            adapter.websocket if websocket is None else websocket,
            lambda: adapter,
            query_args,
        )

    def _locate(self, search: Search, domain: str, path: str) -> Hit | str:
        """Give the rule and its values, or the path to redirect to."""
        merged = path
        try:
            hit = search.run(self.root, [domain, *path.split("/")], 0, [])
            if hit is not None:
                return hit
            if self.url_map.merge_slashes and "//" in path:
                merged = _many_slashes.sub("/", path)
                hit = search.run(self.root, [domain, *merged.split("/")], 0, [])
        except NeedsSlash:
            return merged + "/"
        if hit is None or hit[0].merge_slashes is False:
            raise search.error()
        return merged

    def _redirect(
        self,
        rule: Rule,
        args: dict[str, t.Any],
        path: str,
        method: str,
        adapter: MapAdapter,
        query_args: QueryArgs,
    ) -> None:
        """Raise the redirect that a match of the rule leads to, if it does."""
        if self.url_map.redirect_defaults:
            query = _query(adapter, query_args)
            if rule.alias:
                url: str | None = adapter.make_alias_redirect_url(
                    path, rule.endpoint, args, method, query
                )
            else:
                url = adapter.get_default_redirect(rule, method, args, query)
            if url is not None:
                raise RequestRedirect(url)
        if rule.redirect_to is not None:
            raise RequestRedirect(_redirect_to(rule, args, adapter))


def compile_table(url_map: Map, default_target_factory: TargetFactory | None = None) -> RouteTable:
    """Compile the matcher of a map as it is now.

    Args:
        url_map: a Werkzeug map; compile again after it has changed.
        default_target_factory: makes the target of a rule and a method; default
            :class:`Target`.

    Returns:
        The table; it holds no per-request state and may be shared by threads.
    """
    url_map.update()
    return RouteTable(url_map, Compiler(url_map, default_target_factory or Target))


def _without_double_slash(start: Node) -> Node:
    """Copy the node after a path's first slash so that no second one leads on.

    Werkzeug takes away all leading slashes before it matches, so a rule that
    begins with two can't be reached by a path that does.
    """
    node = Node(start.depth, start.forked)
    for name in ("kind", "only", "other", "rules", "slashed", "steps", "targets"):
        setattr(node, name, getattr(start, name))
    node.static = dict(start.static)
    if "" in node.static:
        root = start.static[""]
        node.static[""] = leaf = Node(root.depth, root.forked)
        for name in ("other", "rules", "slashed", "targets"):
            setattr(leaf, name, getattr(root, name))
    return node


def _collect_static(node: Node, path: str, into: dict[str, dict[str, Target]]) -> None:
    """Enter the targets of all nodes that written parts alone lead to.

    Written parts are tried before all else, so what they lead to is the answer.
    """
    for part, following in node.static.items():
        here = f"{path}/{part}"
        if following.targets:
            into[here] = following.targets
        _collect_static(following, here, into)


def _query(adapter: MapAdapter, query_args: QueryArgs) -> t.Mapping[str, t.Any] | str:
    if query_args is None:
        return adapter.query_args or {}
    return query_args


def _convert(rule: Rule, values: list[str], search: Search) -> dict[str, t.Any]:
    """Convert the values one by one, to tell a refusal from a converter's own error."""
    args: dict[str, t.Any] = {}
    try:
        for (name, converter), value in zip(rule._converters.items(), values, strict=False):
            args[str(name)] = converter.to_python(value)
    except ValidationError as error:
        raise search.error() from error
    args.update(rule.defaults or {})
    return args


def _redirect_to(rule: Rule, args: dict[str, t.Any], adapter: MapAdapter) -> str:
    """Give the address that a rule's ``redirect_to`` leads to."""
    if isinstance(rule.redirect_to, str):

        def fill(placeholder: re.Match[str]) -> str:
            name = placeholder[1]
            return rule._converters[name].to_url(args[name])

        address = _placeholder.sub(fill, rule.redirect_to)
    else:
        assert rule.redirect_to is not None
        address = rule.redirect_to(adapter, **args)
    host = adapter.server_name
    if adapter.subdomain:
        host = f"{adapter.subdomain}.{host}"
    scheme = adapter.url_scheme or "http"
    return urljoin(f"{scheme}://{host}{adapter.script_name}", address)
