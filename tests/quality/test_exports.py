"""Every name that Flask exports is here, with the parameters that it has there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

MODULES = (
    "flask flask.app flask.blueprints flask.cli flask.config flask.ctx flask.debughelpers"
    " flask.globals flask.helpers flask.json flask.json.provider flask.json.tag flask.logging"
    " flask.sansio.app flask.sansio.blueprints flask.sansio.scaffold flask.sessions flask.signals"
    " flask.templating flask.testing flask.typing flask.views flask.wrappers"
).split()

# Names without an underscore that are no part of Flask: names of its own imports, type variables.
NOT_EXPORTED = {"F", "T", "annotations", "default_exceptions", "t", "urlsplit"}

# Semi-private names that extensions reach for.
ALSO = {
    "flask.sansio.scaffold": ["_endpoint_from_view_func"],
    "flask.ctx": ["_AppCtxGlobals"],
    "flask.globals": ["app_ctx", "request_ctx", "_cv_app", "_cv_request"],
    "flask.templating": ["_render", "_default_template_ctx_processor"],
    "flask.cli": ["pass_script_info", "run_command", "shell_command", "routes_command"],
}

# Parameters which differ, with the reason.
OTHER_PARAMETERS: dict[str, str] = {}

# Members which are elsewhere, with the reason.
OTHER_MEMBERS = {
    "App.test_cli_runner_class": "Flask declares it on both classes",
    "App.test_client_class": "Flask declares it on both classes",
}

PROBE = """
import importlib, inspect, json, sys, types, typing

def parameters(value):
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    return [[p.name, p.kind.name] for p in signature.parameters.values()]

def describe(value):
    if isinstance(value, type):
        members = {}
        for name in dir(value):
            if not name.startswith("_"):
                member = inspect.getattr_static(value, name)
                call = isinstance(member, (types.FunctionType, classmethod, staticmethod))
                found = parameters(getattr(value, name)) if call else None
                # What a method calls itself is its own affair.
                own = isinstance(member, types.FunctionType) and found
                members[name] = found[1:] if own else found
        return {"members": members, "parameters": parameters(value)}
    if isinstance(value, types.FunctionType):
        return {"parameters": parameters(value)}
    return {}

wanted = json.loads(sys.argv[2])
out = {}
if sys.argv[1] == "erlen":
    import erlen.flask_alias
    erlen.flask_alias.install_as_flask()
for module_name in wanted:
    module = importlib.import_module(module_name)
    out[module_name] = names = {}
    for name in wanted[module_name] or list(vars(module)):
        try:
            value = getattr(module, name)
        except AttributeError:
            continue
        if not wanted[module_name]:
            if isinstance(value, (types.ModuleType, typing.TypeVar)):
                continue
            home = value.__module__ if isinstance(value, (type, types.FunctionType)) else None
            if home is not None and home.partition(".")[0] != "flask":
                continue
        names[name] = describe(value)
print(json.dumps(out))
"""

Names = dict[str, dict[str, dict[str, object]]]


@pytest.fixture(scope="module")
def flask(python: Callable[..., str]) -> Names:
    found = json.loads(python(PROBE, "flask", json.dumps({name: [] for name in MODULES})))
    for module, names in found.items():
        for name in list(names):
            private = name.startswith("_") and name not in ALSO.get(module, [])
            if private or name in NOT_EXPORTED or name.startswith("T_"):
                del names[name]
    return found


@pytest.fixture(scope="module")
def erlen(python: Callable[..., str], flask: Names) -> Names:
    wanted = {module: [*names, *ALSO.get(module, [])] for module, names in flask.items()}
    return json.loads(python(PROBE, "erlen", json.dumps(wanted)))


@pytest.mark.parametrize("module", MODULES)
def test_names(flask: Names, erlen: Names, module: str) -> None:
    missing = sorted({*flask[module], *ALSO.get(module, [])} - set(erlen[module]))
    assert missing == [], missing


@pytest.mark.parametrize("module", MODULES)
def test_members_of_classes(flask: Names, erlen: Names, module: str) -> None:
    missing = []
    for name, facts in flask[module].items():
        ours = erlen[module].get(name, {}).get("members", {})
        missing += [f"{name}.{member}" for member in facts.get("members", {}) if member not in ours]
    missing = [member for member in missing if member not in OTHER_MEMBERS]
    assert missing == [], missing


@pytest.mark.parametrize("module", MODULES)
def test_parameters(flask: Names, erlen: Names, module: str) -> None:
    wrong = {}
    for name, theirs in signatures(flask[module]).items():
        ours = signatures(erlen[module]).get(name)
        if ours is not None and not accepts(ours, theirs) and name not in OTHER_PARAMETERS:
            wrong[name] = f"{ours} for {theirs}"
    assert wrong == {}


def signatures(names: dict[str, dict[str, object]]) -> dict[str, list[list[str]]]:
    found = {}
    for name, facts in names.items():
        if facts.get("parameters") is not None:
            found[name] = facts["parameters"]
        for member, parameters in facts.get("members", {}).items():
            if parameters is not None:
                found[f"{name}.{member}"] = parameters
    return found


def accepts(ours: list[list[str]], theirs: list[list[str]]) -> bool:
    """Whether what can be passed there can be passed here: the same names in the same order."""
    kinds = [kind for _, kind in ours]
    if "VAR_POSITIONAL" in kinds and "VAR_KEYWORD" in kinds:
        return True
    positional = [p[0] for p in theirs if p[1] == "POSITIONAL_OR_KEYWORD"]
    here = [p[0] for p in ours if p[1] == "POSITIONAL_OR_KEYWORD"]
    keywords = {p[0] for p in theirs if p[1] == "KEYWORD_ONLY"}
    known = {p[0] for p in ours} if "VAR_KEYWORD" not in kinds else keywords | set(here)
    stars = {k for k in ("VAR_POSITIONAL", "VAR_KEYWORD") if k in {p[1] for p in theirs}}
    return here[: len(positional)] == positional and keywords <= known and stars <= set(kinds)
