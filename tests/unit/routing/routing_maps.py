"""Random rules, maps and paths, and the comparison with Werkzeug's own answers."""

from __future__ import annotations

import re
import typing as t

import werkzeug.routing as wz
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, ValidationError

from erlen.routing import Rule


class EvenConverter(BaseConverter):
    """Refuses after the pattern has matched, and when building."""

    regex = r"\d+"
    weight = 40

    def to_python(self, value: str) -> int:
        number = int(value)
        if number % 2:
            raise ValidationError
        return number

    def to_url(self, value: t.Any) -> str:
        if int(value) % 2:
            raise ValidationError
        return str(value)


class OptionalConverter(BaseConverter):
    """Matches the empty part."""

    regex = "[^/]*"
    part_isolating = True
    weight = 150


class GroupsConverter(BaseConverter):
    """Has groups of its own, one with a name."""

    regex = "(x+)(?P<tail>y*)"


class RestConverter(BaseConverter):
    """Crosses slashes, and may be empty."""

    regex = ".*?"
    part_isolating = False
    weight = 300


class ReversedConverter(BaseConverter):
    def to_python(self, value: str) -> str:
        return value[::-1]

    def to_url(self, value: t.Any) -> str:
        return super().to_url(str(value)[::-1])


CONVERTERS: dict[str, type[BaseConverter]] = {
    "even": EvenConverter,
    "opt": OptionalConverter,
    "groups": GroupsConverter,
    "rest": RestConverter,
    "rev": ReversedConverter,
}

TEXTS = ["a", "b", "x", "1", "22", "a.b", "é", "-", "x y", "%"]
KINDS = [
    "",
    "",
    "int:",
    "int:",
    "path:",
    "path:",
    "string(length=2):",
    "string(minlength=2, maxlength=3):",
    "any(a, b, 'x-y'):",
    "int(fixed_digits=2):",
    "int(min=2, max=20):",
    "int(signed=True):",
    "float:",
    "float(signed=True):",
    "uuid:",
    "even:",
    "opt:",
    "groups:",
    "rest:",
    "rev:",
]
NAMES = ["p", "q", "r", "s"]
UUID = "12345678-1234-5678-1234-56781234abcd"
PIECES = [
    *TEXTS,
    "",
    "",
    "-1",
    "1.5",
    "-2.5",
    "xy",
    "xxy",
    "x-y",
    "٣",
    UUID,
    "a\n",
    "\n",
    "123",
    "a-1",
]
METHODS = ["GET", "POST", "PUT", "HEAD", "OPTIONS"]


@st.composite
def segments(draw: st.DrawFn, names: list[str]) -> str:
    """Draw one part of a rule; takes its variables from the names left."""
    shape = draw(st.sampled_from(["text", "text", "var", "var", "mixed"]))
    if shape == "text" or not names:
        return draw(st.sampled_from(TEXTS))
    variable = f"<{draw(st.sampled_from(KINDS))}{names.pop()}>"
    if shape == "var":
        return variable
    before = draw(st.sampled_from(["", "a", "x", "-"]))
    after = draw(st.sampled_from(["", "b", "-", "."]))
    if names and draw(st.booleans()):
        after += f"<{draw(st.sampled_from(KINDS))}{names.pop()}>"
    return before + variable + after


@st.composite
def rule_arguments(draw: st.DrawFn, hosts: bool, subdomains: bool) -> tuple[str, dict[str, t.Any]]:
    """Draw what a rule is made of, once for each of the two maps."""
    names = draw(st.permutations(NAMES))
    options: dict[str, t.Any] = {}
    if hosts or subdomains:
        domain = draw(st.sampled_from([None, "", "www", "<p>", "<int:p>.x"]))
        options["host" if hosts else "subdomain"] = domain
        if domain and "p>" in domain:
            names.remove("p")
    used = list(names)
    parts = draw(st.lists(segments(names), max_size=4))
    slash = draw(st.sampled_from(["/", "/", "/", "/", "//"]))
    string = "/" + slash.join(parts) + draw(st.sampled_from(["", "", "/"]))
    variables = [name for name in used if name not in names]
    options["endpoint"] = draw(st.sampled_from(["e1", "e2", "e3"]))
    if draw(st.booleans()):
        options["methods"] = draw(st.lists(st.sampled_from(METHODS), min_size=1, max_size=3))
    if draw(st.sampled_from([False, False, True])):
        name = draw(st.sampled_from([*NAMES, *variables]))
        if f"<{name}>" in string or name not in variables:
            options["defaults"] = {name: draw(st.sampled_from([1, 2, "a"]))}
    rare = st.sampled_from([None, None, None, True, False])
    options["strict_slashes"] = draw(rare)
    options["merge_slashes"] = draw(rare)
    options["build_only"] = draw(st.sampled_from([False] * 7 + [True]))
    options["alias"] = draw(st.sampled_from([False] * 7 + [True]))
    options["redirect_to"] = draw(st.sampled_from([None] * 7 + ["/else/x", "<p>", _redirect]))
    if draw(st.sampled_from([False] * 9 + [True])):
        options["websocket"] = True
        if "methods" in options:
            options["methods"] = ["GET"]
    return string, options


def _redirect(adapter: wz.MapAdapter, **values: t.Any) -> str:
    return f"{adapter.server_name}/{sorted(values)}"


@st.composite
def maps(draw: st.DrawFn) -> tuple[wz.Map, wz.Map]:
    """Draw the same map twice: with this package's rules and with Werkzeug's."""
    hosts = draw(st.sampled_from([False, False, False, True]))
    subdomains = draw(st.sampled_from([False, False, True]))
    options: dict[str, t.Any] = {
        "host_matching": hosts,
        "default_subdomain": draw(st.sampled_from(["", "", "", "", "", "www"])),
        "strict_slashes": draw(st.sampled_from([True, True, False])),
        "merge_slashes": draw(st.sampled_from([True, True, False])),
        "redirect_defaults": draw(st.sampled_from([True, True, False])),
        "sort_parameters": draw(st.sampled_from([False, False, True])),
        "converters": CONVERTERS,
    }
    from erlen.routing import WatchedMap

    ours, theirs = WatchedMap(**options), wz.Map(**options)
    for string, arguments in draw(
        st.lists(rule_arguments(hosts, subdomains), min_size=1, max_size=8)
    ):
        mine, its = Rule(string, **arguments), wz.Rule(string, **arguments)
        try:
            theirs.add(its)
        except Exception as error:
            _refused(ours, mine, error)
        else:
            ours.add(mine)
    return ours, theirs


def _refused(ours: wz.Map, rule: wz.Rule, error: Exception) -> None:
    try:
        ours.add(rule)
    except Exception as mine:
        assert type(mine) is type(error), (mine, error)
        return
    raise AssertionError(f"{rule.rule} was taken; Werkzeug says {error!r}")


_variable = re.compile(r"<(?:(\w+)(\([^)]*\))?:)?\w+>")

# Values that mostly fit; the converters' arguments may still refuse them.
FITTING = {
    None: ["a", "22", "x y", "é", "a-1"],
    "int": ["1", "22", "12", "-2", "٣"],
    "path": ["a", "a/b", "x/y/x", "1/-/b", "a//b"],
    "string": ["22", "ab", "abc"],
    "any": ["a", "b", "x-y"],
    "float": ["1.5", "-2.5"],
    "uuid": [UUID],
    "even": ["2", "1"],
    "opt": ["", "a"],
    "groups": ["x", "xxy"],
    "rest": ["", "a/b/", "x"],
    "rev": ["ab", "x"],
}


@st.composite
def near_paths(draw: st.DrawFn, rules: list[str]) -> str:
    """Draw a path that fits a rule, or nearly."""

    def value(variable: re.Match[str]) -> str:
        fitting = FITTING[variable[1]]
        return draw(st.sampled_from([*fitting, *fitting, draw(st.sampled_from(PIECES))]))

    piece = st.sampled_from(PIECES)
    path = _variable.sub(value, draw(st.sampled_from(rules)))
    change = draw(
        st.sampled_from([None, None, None, None, None, "add", "cut", "double", "more", "first"])
    )
    if change == "add":
        path += "/"
    elif change == "cut":
        path = path.rstrip("/")
    elif change == "double":
        path = path.replace("/", "//", draw(st.integers(1, 3)))
    elif change == "more":
        path += "/" + draw(piece)
    elif change == "first":
        path = path.lstrip("/")
    return path


paths = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=5).map(lambda parts: "/" + "/".join(parts)),
    st.lists(st.sampled_from(PIECES), max_size=5).map(lambda parts: "/".join(parts)),
    st.text(alphabet="ab1/-x\n.é", max_size=12).map(lambda text: "/" + text),
)

adapters = st.fixed_dictionaries(
    {
        "server_name": st.sampled_from(["example.org", "www", "3.x"]),
        "script_name": st.sampled_from(["/", "/app", "/app/", ""]),
        "url_scheme": st.sampled_from(["http", "http", "http", "https", "ws"]),
        "default_method": st.sampled_from(["GET", "GET", "POST"]),
        "query_args": st.sampled_from([None, "a=b", {"x": "y z"}, {}]),
    }
)
subdomains = st.sampled_from([None, None, None, None, "", "www", "3.x"])


def bind(url_map: wz.Map, arguments: dict[str, t.Any], subdomain: str | None) -> wz.MapAdapter:
    if url_map.host_matching:
        subdomain = None
    return url_map.bind(subdomain=subdomain, **arguments)


def outcome(call: t.Callable[[], t.Any]) -> t.Any:
    """Give a call's result, or what its error says, in a form that compares."""
    try:
        return call()
    except MethodNotAllowed as error:
        assert error.valid_methods is not None
        return MethodNotAllowed, sorted(error.valid_methods)
    except wz.RequestRedirect as error:
        return wz.RequestRedirect, error.new_url, error.code
    except wz.BuildError as error:
        return wz.BuildError, str(error), str(error.suggested)
    except HTTPException as error:
        return type(error), error.description
    except Exception as error:
        # Such as a redirect_to that names a value the rule has not.
        return type(error), str(error)


def describe(rule: wz.Rule) -> tuple[t.Any, ...]:
    """Give what tells a rule from the others of its map, without its class."""
    return rule.rule, rule.endpoint, rule.methods, rule.defaults, rule.websocket, rule.subdomain
