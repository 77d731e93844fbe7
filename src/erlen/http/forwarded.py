"""What proxies say about a request, and how much of it is believed.

Every proxy on the way adds at the right what it saw: the address it was called from, the
scheme, the host. What is further left is what others told it. So the list is read from
the right, for as long as the one who spoke is trusted; what stands left of that was
written by a stranger.
"""

from __future__ import annotations

import re
import typing as t
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"
HOST, PORT = "X-Forwarded-Host", "X-Forwarded-Port"
PREFIX, STANDARD = "X-Forwarded-Prefix", "Forwarded"
#: Every header that can be believed.
HEADERS = (FOR, PROTO, HOST, PORT, PREFIX, STANDARD)
#: The name of a peer that calls over a socket in the file system.
UNIX = "unix"

_PORTS = {"http": 80, "https": 443}
#: What proxies call a websocket's scheme is a websocket's only by its handshake.
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_NODE = re.compile(r"\[(?P<six>[^\[\]]+)\](?::(?P<six_port>\w+))?|(?P<four>[0-9.]+):\w+")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@-]+)+")
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"'
_PAIR = re.compile(rf"\s*({_TOKEN})=({_QUOTED}|[^\s\",;]*)\s*([,;]|$)")
_EMPTY = re.compile(r"[\s,]*")
#: RFC 7239 6.3: a name that a proxy made up for somebody.
_HIDDEN = re.compile(r"_[A-Za-z0-9._-]+(?::\w+)?")

#: Addresses whose trust is remembered, and headers whose meaning is; and how long these are.
_KEPT = 1024
_LONGEST_KEPT = 256
_MOST_SHOWN = 60
#: No chain of proxies is longer; nobody's time is spent on one that says so.
_MOST_HOPS = 100

Network = IPv4Network | IPv6Network


class BadForwarded(ValueError):
    """A trusted proxy sent a header that can't be what it is called."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        shown = value if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]}..."
        super().__init__(f"The header {name} {shown!a} is not {wanted}.")


class Claims(t.NamedTuple):
    """What is believed about a request; None where nothing was said.

    ``address`` is that of the visitor; None if the proxies know it and keep it to
    themselves. ``port`` has been taken into ``host`` where both are there.
    """

    address: str | None
    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    prefix: str = ""


class Trust:
    """Which peers are trusted, and which of their headers are believed.

    Args:
        proxies: Addresses and networks, such as ``10.0.0.0/8``, and ``unix``.
        headers: Those of :data:`HEADERS` that every one of them sets or removes.

    Raises:
        TypeError: A single text in place of a list.
        ValueError: An entry that can't be meant.
    """

    def __init__(self, proxies: t.Iterable[str], headers: t.Iterable[str]) -> None:
        self._networks: list[Network] = []
        self._unix = False
        for entry in _listed(proxies, "TRUSTED_PROXIES"):
            if entry == UNIX:
                self._unix = True
            else:
                self._networks.append(_network(entry))
        #: The headers that are believed.
        self.headers = _believed(headers)
        #: The same as WSGI and as ASGI have them.
        self.variables = tuple("HTTP_" + n.upper().replace("-", "_") for n in self.headers)
        self.raw = {name.lower().encode(): i for i, name in enumerate(self.headers)}
        self._known: dict[str, bool] = {}
        self._claims: dict[tuple[str | None, tuple[str | None, ...]], Claims] = {}

    def trusts(self, address: str | None) -> bool:
        """Whether a peer is one of the proxies.

        Args:
            address: Its address; None or empty for a socket in the file system.
        """
        if not address:
            return self._unix
        found = self._known.get(address)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[address] = self._contains(address)
        return found

    def _contains(self, address: str) -> bool:
        try:
            found = _unmapped(address.partition("%")[0])
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def read(self, peer: str | None, values: tuple[str | None, ...]) -> Claims:
        """Read the headers of a request that a trusted peer has sent.

        Args:
            peer: Its address.
            values: Those of :attr:`headers`, in their order; None for one that is not there.

        Returns:
            What is believed.

        Raises:
            BadForwarded: A header that can't be what it is called.
        """
        claims = self._claims.get((peer, values))
        if claims is None:
            claims = self._read(peer, dict(zip(self.headers, values, strict=True)))
            # Most visitors come again, and have short headers.
            if sum(map(len, filter(None, values))) < _LONGEST_KEPT:
                if len(self._claims) >= _KEPT:
                    self._claims.clear()
                self._claims[peer, values] = claims
        return claims

    def _read(self, peer: str | None, told: dict[str, str | None]) -> Claims:
        standard = told.get(STANDARD)
        if standard:
            claims, hop = self._standard(peer, elements_of(standard))
        else:
            nodes = _values(told.get(FOR))
            address, hop = self._walk(peer, nodes, FOR)
            claims = Claims(
                address,
                _scheme(PROTO, _at(_values(told.get(PROTO)), hop)),
                _host(HOST, _at(_values(told.get(HOST)), hop)),
                _port(_at(_values(told.get(PORT)), hop)),
            )
        # Each proxy has cut off its own piece, the outermost the first one.
        pieces = _values(told.get(PREFIX))[-hop:]
        return claims._replace(prefix="".join(map(_prefix, pieces)))

    def _walk(self, peer: str | None, nodes: list[str], name: str) -> tuple[str | None, int]:
        """The visitor's address, and how many from the right its entry is."""
        address: str | None = peer
        for hop, node in enumerate(reversed(nodes), 1):
            address = _address(name, node)
            if address is None or not self.trusts(address):
                return address, hop
            if hop == _MOST_HOPS:
                raise BadForwarded(name, node, f"one of at most {_MOST_HOPS} proxies")
        return address, len(nodes) or 1

    def _standard(self, peer: str | None, elements: list[dict[str, str]]) -> tuple[Claims, int]:
        nodes = [element.get("for", "unknown") for element in elements]
        address, hop = self._walk(peer, nodes, STANDARD)
        if not elements:
            return Claims(address), hop
        element = elements[-hop]
        scheme = _scheme(STANDARD, element.get("proto"))
        return Claims(address, scheme, _host(STANDARD, element.get("host"))), hop


def _listed(values: t.Any, setting: str) -> list[str]:
    if isinstance(values, str):
        raise TypeError(f"The setting {setting} is a list of texts: write [{values!r}].")
    listed = list(values)
    for value in listed:
        if not isinstance(value, str):
            raise TypeError(f"The setting {setting} is a list of texts; {value!r} is none.")
    return listed


def _network(entry: str) -> Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise ValueError(
            f"The setting TRUSTED_PROXIES has {entry!r} in it: {error}. Write an address"
            " ('192.0.2.1'), a network ('10.0.0.0/8', '0.0.0.0/0' for every address) or 'unix'."
        ) from None


def _believed(headers: t.Iterable[str]) -> tuple[str, ...]:
    wanted = {name.lower() for name in _listed(headers, "TRUSTED_PROXY_HEADERS")}
    unknown = wanted - {name.lower() for name in HEADERS}
    if unknown:
        raise ValueError(
            f"The setting TRUSTED_PROXY_HEADERS has {sorted(unknown)} in it. Known are:"
            f" {', '.join(HEADERS)}."
        )
    found = tuple(name for name in HEADERS if name.lower() in wanted)
    if STANDARD in found and {FOR, PROTO, HOST, PORT} & {*found}:
        # A proxy that sets one hands on the other as the visitor wrote it.
        raise ValueError(
            "The setting TRUSTED_PROXY_HEADERS has both Forwarded and X-Forwarded-... in it."
            " Only believe what your proxies set: one of the two, and X-Forwarded-Prefix."
        )
    return found


def _values(text: str | None) -> list[str]:
    return [] if not text else [value for part in text.split(",") if (value := part.strip())]


def _at(values: list[str], hop: int) -> str | None:
    """The value of a proxy: each has added one, or put one in place of the others'."""
    return values[-min(hop, len(values))] if values else None


def _unmapped(text: str) -> IPv4Address | IPv6Address:
    """An address; that of IPv4 if it only looks like one of IPv6."""
    found = ip_address(text)
    return getattr(found, "ipv4_mapped", None) or found


def _address(name: str, node: str) -> str | None:
    if node.lower().partition(":")[0] == "unknown" or _HIDDEN.fullmatch(node):
        return None
    match = _NODE.fullmatch(node)
    text = node if match is None else match["six"] or match["four"]
    try:
        if "%" in text:
            # A zone of the proxy's, which may have anything in it.
            raise ValueError
        return str(_unmapped(text))
    except ValueError:
        raise BadForwarded(name, node, "a list of addresses") from None


def _scheme(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    scheme = _SCHEMES.get(value.lower())
    if scheme is None:
        raise BadForwarded(name, value, "http or https")
    return scheme


def _host(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    match = _HOST.fullmatch(value)
    if match is None or (match[1] and not 0 < int(match[1]) < 65536):
        raise BadForwarded(name, value, "a host")
    return value


def _port(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 6 and 0 < int(value) < 65536):
        raise BadForwarded(PORT, value, "a port")
    return int(value)


def _prefix(value: str) -> str:
    prefix = value.removesuffix("/")
    if not prefix:
        return ""
    if _PREFIX.fullmatch(prefix) is None or {".", ".."} & {*prefix.split("/")}:
        raise BadForwarded(PREFIX, value, "a path such as /app")
    return prefix


def elements_of(text: str) -> list[dict[str, str]]:
    """The elements of a ``Forwarded`` header, from the first proxy to the last.

    Args:
        text: The header (RFC 7239 4), several of them joined by commas.

    Raises:
        BadForwarded: It is no such header, is endless, or says something twice.
    """
    elements: list[dict[str, str]] = []
    element: dict[str, str] = {}
    place = t.cast("re.Match[str]", _EMPTY.match(text)).end()
    while place < len(text):
        match = _PAIR.match(text, place)
        name = "" if match is None else match[1].lower()
        if match is None or name in element or len(elements) == _MOST_HOPS:
            raise BadForwarded(STANDARD, text, "one of RFC 7239: for=192.0.2.1;proto=https")
        value = match[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        element[name] = value
        place = match.end()
        if match[3] != ";":
            elements.append(element)
            element = {}
            place = t.cast("re.Match[str]", _EMPTY.match(text, place)).end()
    if element:
        elements.append(element)
    return elements


def joined(claims: Claims, host: str | None, scheme: str) -> str | None:
    """The Host header that the visitor's request had.

    Args:
        claims: What is believed.
        host: The header as it came.
        scheme: The visitor's.

    Returns:
        None if it stays as it is.
    """
    if claims.port is None:
        return claims.host
    name = claims.host or host
    if not name:
        return None
    bare = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]
    return bare if claims.port == _PORTS[scheme] else f"{bare}:{claims.port}"


def server_of(host: str, scheme: str) -> tuple[str, int]:
    """Name and port of the server that a Host header names.

    Args:
        host: A valid one.
        scheme: For the port that is left out.
    """
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        return host, _PORTS[scheme]
    return name, int(port)
