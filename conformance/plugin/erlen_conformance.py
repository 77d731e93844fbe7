"""A pytest plugin: runs a suite on Erlen or on Flask and writes down every outcome.

Loaded with ``-p`` and therefore before any ``conftest.py`` and any installed plugin can
import Flask. ``CONFORMANCE_ON`` says on what to run, ``CONFORMANCE_REPORT`` where to write.
"""

import json
import os
import sys

ON = os.environ["CONFORMANCE_ON"]

if ON == "erlen":
    from erlen.flask_alias import install_as_flask

    install_as_flask(children=True)

outcomes: dict[str, list[str]] = {}


def pytest_runtest_logreport(report) -> None:
    _note(report.nodeid, report, call=report.when == "call")


def pytest_collectreport(report) -> None:
    if report.failed:
        _note(report.nodeid or "collection", report, call=True)


def _note(nodeid: str, report, *, call: bool) -> None:
    if report.failed:
        outcomes[nodeid] = ["failed" if call else "error", _first_line(report)]
    elif report.skipped and nodeid not in outcomes:
        outcomes[nodeid] = ["skipped", _first_line(report)]
    elif call and nodeid not in outcomes:
        outcomes[nodeid] = ["passed", ""]


def _first_line(report) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return f"{os.path.basename(crash.path)}:{crash.lineno}: {crash.message.splitlines()[0]}"
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    lines = str(report.longrepr).strip().splitlines()
    return lines[-1] if lines else ""


def pytest_sessionfinish(session) -> None:
    home = "erlen" if ON == "erlen" else "flask"
    strangers = sorted(
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "flask"
        and f"{os.sep}{home}{os.sep}" not in (getattr(module, "__file__", None) or f"/{home}/")
    )
    with open(os.environ["CONFORMANCE_REPORT"], "w") as file:
        json.dump({"outcomes": outcomes, "strangers": strangers}, file)
