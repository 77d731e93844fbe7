"""One framework in a process of its own; answers one JSON line per JSON line.

python worker.py FRAMEWORK
"""

from __future__ import annotations

import gc
import io
import json
import sys
import time
import traceback
from typing import Any

import extended
import frameworks
import workloads


class Worker:
    """Builds applications as they are asked for, and times requests to them."""

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.apps: dict[str, Any] = {}
        self.known = {w.name: w for w in workloads.all_workloads()}
        self.app: Any = None
        self.requests: list[Any] = []

    def prepare(self, workload: str) -> dict[str, Any]:
        """Choose a workload; check its answers; count what a request leaves to the collector."""
        entry = self.known.get(workload)
        if entry is None:
            entry = named(workload)
        if (self.framework, workload) in frameworks.LACKING:
            return {"skip": frameworks.LACKING[self.framework, workload]}
        if entry.kind not in self.apps:
            self.apps[entry.kind] = frameworks.build(self.framework, entry.kind)
        self.app, self.requests = self.apps[entry.kind], entry.requests
        if self.framework != "null":
            for template, body in self.requests[:10]:
                answer = workloads.call(self.app, template, body)
                if not entry.check(answer):
                    return {"skip": f"answers {answer.status} {answer.body[:60]!r}"}
        self.time(20)
        gc.collect()
        self.time(50)
        garbage = gc.collect() / 50
        gc.freeze()
        return {"garbage": garbage}

    def time(self, count: int) -> dict[str, Any]:
        """Seconds of CPU time for `count` requests."""
        app, requests, stream = self.app, self.requests, io.BytesIO
        many, last = len(requests), [None]

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            last[0] = headers

        began = time.process_time()
        for i in range(count):
            template, body = requests[i % many]
            environ = template.copy()
            environ["wsgi.input"] = stream(body)
            result = app(environ, start_response)
            for _ in result:
                pass
            if hasattr(result, "close"):
                result.close()
        return {"seconds": time.process_time() - began}

    def url(self, form: str) -> dict[str, Any]:
        """Microseconds to build a URL, inside a request."""
        from timeit import repeat

        api = __import__(self.framework)
        if "base" not in self.apps:
            self.apps["base"] = frameworks.build(self.framework, "base")
        code = {
            "static rule": "url_for('hello')",
            "two arguments": "url_for('post', user=7, slug='first')",
            "with a query": "url_for('post', user=7, slug='first', page=2, q='a b')",
            "external": "url_for('hello', _external=True)",
        }[form]
        with self.apps["base"].test_request_context("/"):
            names, clock = {"url_for": api.url_for}, time.process_time
            rounds = repeat(code, globals=names, timer=clock, number=2000, repeat=5)
        return {"seconds": min(rounds) / 2000}


def named(workload: str) -> workloads.Workload:
    """A workload that is not in the table of requests."""
    if workload in extended.SETS:
        return workloads.extended_workload(workload, extended.SETS[workload])
    return workloads.routes_workload(int(workload.removeprefix("routes")))


def main() -> None:
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        try:
            reply = getattr(worker, order.pop("do"))(**order)
        except (frameworks.NotThere, ImportError) as error:
            reply = {"skip": str(error)}
        except Exception as error:
            traceback.print_exc()
            reply = {"skip": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
