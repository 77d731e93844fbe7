"""Measures how a site scales with workers, and says how it goes on from there.

    python bench/scaling                    measure with 1, 2 and 4 workers, then extrapolate
    python bench/scaling --seconds 10       longer rounds
    python bench/scaling simulate           the simulation alone, with the costs given

Needs Debian's ``wrk`` and ``redis-server``, and the packages of requirements/test.txt.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from model import Costs, Usl, capacity, fit_usl, mean_wait, slots_needed  # noqa: E402
from simulate import Cluster, constant, exponential  # noqa: E402

BIN = Path(sys.executable).parent
THREADS = 8
COMMANDS = {
    "gunicorn": f"{BIN}/gunicorn -b 127.0.0.1:{{port}} --no-control-socket --workers {{workers}}"
    f" --threads {THREADS} shop:app",
    "granian": f"{BIN}/granian --interface asgi --port {{port}} --workers {{workers}}"
    " --no-ws shop:app",
}
WORKERS = (1, 2, 4)
PATHS = ("/page", "/wait")
#: Kept connections may all be one worker's; a balancer that makes one for each request, as
#: nginx and HAProxy do unless told otherwise, spreads them.
CLOSE = ["-H", "Connection: close"]


class Unmeasured(Exception):
    """A round that came to nothing."""


class Round(NamedTuple):
    """One measurement."""

    rate: float
    median: str
    late: str
    #: CPU seconds of a request.
    costs: Costs
    load: float


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python bench/scaling", description=__doc__.split("\n")[0]
    )
    parser.add_argument("what", nargs="?", choices=["measure", "simulate"], default="measure")
    parser.add_argument("--seconds", type=int, default=5, help="of one round (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="the best counts (default 3)")
    parser.add_argument("--clients", type=int, default=64, help="connections (default 64)")
    parser.add_argument("--worker-ms", type=float, default=1.0, help="CPU of a request")
    parser.add_argument("--redis-ms", type=float, default=0.02, help="CPU of Redis for it")
    options = parser.parse_args()
    if options.what == "simulate":
        extrapolate(Costs(options.worker_ms / 1000, options.redis_ms / 1000))
    else:
        measure(options.seconds, options.clients, options.rounds)


def measure(seconds: int, clients: int, rounds: int) -> None:
    """Measure all servers, and extrapolate from the page's least costs."""
    for tool in ("wrk", "redis-server"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing; on Debian: apt-get install wrk redis-server")
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before; {clients}"
        f" connections, the best of {rounds} rounds of {seconds} s; wrk and Redis on the same"
        " cores\n"
    )
    found: dict[tuple[str, str, int], Round] = {}
    with redis() as store:
        for number in range(rounds):
            for path, name, workers in itertools.product(PATHS, COMMANDS, WORKERS):
                try:
                    one = one_round(name, path, workers, seconds, clients, store)
                except Unmeasured as error:
                    if not number:
                        raise
                    print(f"left out: {error}", file=sys.stderr, flush=True)
                    continue
                known = found.get((path, name, workers), one)
                found[path, name, workers] = better(known, one)
            print(f"round {number + 1} of {rounds} has ended", file=sys.stderr, flush=True)
    for path in PATHS:
        tell(path, found)
    extrapolate(found["/page", "gunicorn", 1].costs)


def better(one: Round, other: Round) -> Round:
    """The faster one, with the least costs of both: other work on the machine only adds to them."""
    least = Costs(*map(min, one.costs, other.costs))
    return max(one, other)._replace(costs=least)


def tell(path: str, found: dict[tuple[str, str, int], Round]) -> None:
    """Print the table of one page."""
    columns = "server | workers | requests/s | median | 99 % | worker CPU ms | Redis CPU ms | load"
    print(f"`{path}`\n\n| {columns} |\n|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in COMMANDS:
        for workers in WORKERS:
            one = found[path, name, workers]
            print(
                f"| {name} | {workers} | {one.rate:,.0f} | {one.median} | {one.late}"
                f" | {one.costs.worker * 1000:.3f} | {one.costs.redis * 1000:.4f}"
                f" | {one.load:.1f} |"
            )
        tell_fit(name, fit_usl([(n, found[path, name, n].rate) for n in WORKERS]))
    print()


def tell_fit(name: str, law: Usl) -> None:
    """Print a law, below the rows it was fitted to."""
    peak = "none" if law.peak == float("inf") else f"{max(law.peak, 1):.0f} workers"
    print(
        f"| {name}, law | | {law.rate:,.0f} × n | σ {law.contention:.3f} | κ "
        f"{law.coherence:.4f} | peak: {peak} | | |"
    )


@contextlib.contextmanager
def process(command: list[str], port: int, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block."""
    paths = os.pathsep.join([str(HERE), str(HERE.parents[1] / "src")])
    environ = {**os.environ, "PYTHONPATH": paths, **env}
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(
        command, env=environ, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        else:
            raise Unmeasured(f"does not listen: {' '.join(command)}")
        yield server
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def redis() -> Iterator[tuple[int, int]]:
    """A Redis that keeps nothing; gives its port and its process."""
    port = free_port()
    command = f"redis-server --port {port} --bind 127.0.0.1 --appendonly no --save".split()
    # An empty argument turns snapshots off.
    with process([*command, ""], port) as server:
        yield port, server.pid


def cpu(pid: int) -> float:
    """CPU seconds of a process and its children, so far."""
    import psutil

    total = 0.0
    parent = psutil.Process(pid)
    for each in (parent, *parent.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def one_round(
    name: str, path: str, workers: int, seconds: int, clients: int, store: tuple[int, int]
) -> Round:
    """Measure one server with one number of workers."""
    port = free_port()
    command = COMMANDS[name].format(port=port, workers=workers).split()
    with process(command, port, REDIS_PORT=str(store[0])) as server:
        url = f"http://127.0.0.1:{port}{path}"
        # Gunicorn listens before its workers do.
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer.read()
        # Every worker has answered something before it counts.
        wrk(url, 2, clients)
        before = cpu(server.pid), cpu(store[1])
        text = wrk(url, seconds, clients)
        after = cpu(server.pid), cpu(store[1])
    count = int(value(r"(\d+) requests in", text))
    costs = Costs((after[0] - before[0]) / count, (after[1] - before[1]) / count)
    rate = float(value(r"Requests/sec:\s+([\d.]+)", text))
    median, late = value(r"50%\s+(\S+)", text), value(r"99%\s+(\S+)", text)
    return Round(rate, median, late, costs, os.getloadavg()[0])


def wrk(url: str, seconds: int, clients: int) -> str:
    """What wrk writes; raises Unmeasured if an answer was not 200."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", *CLOSE, url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise Unmeasured(f"{url} was not always answered:\n{text}")
    return text


def value(pattern: str, text: str) -> str:
    """The part of a text that a pattern finds."""
    found = re.search(pattern, text)
    if found is None:
        raise Unmeasured(f"wrk wrote something else:\n{text}")
    return found[1]


def extrapolate(costs: Costs) -> None:
    """Print what more replicas come to, by the formulas and by the simulation."""
    print(
        f"A request takes {costs.worker * 1000:.3f} ms of a worker and "
        f"{costs.redis * 1000:.4f} ms of Redis. Replicas of one core each, 70 % busy:\n"
    )
    print(
        "| replicas | requests/s | limited by | wait, M/M/c | simulated: random | round robin "
        "| least connections | 99 % of these | Redis busy |"
    )
    print("|--:|--:|---|--:|--:|--:|--:|--:|--:|")
    for replicas in (1, 2, 4, 8, 16, 32, 64, 128):
        rate, limit = capacity(costs, replicas)
        wait = mean_wait(replicas, rate, costs.worker)
        runs = {
            policy: Cluster(
                replicas,
                1,
                exponential(costs.worker),
                constant(costs.redis / 2) if costs.redis > 0 else None,
                policy=policy,
            ).run(rate, 40_000)
            for policy in ("random", "roundrobin", "leastconn")
        }
        least = runs["leastconn"]
        cells = " | ".join(f"{run.mean_wait * 1000:.2f} ms" for run in runs.values())
        print(
            f"| {replicas} | {rate:,.0f} | {limit} | {wait * 1000:.2f} ms | {cells} "
            f"| {least.latency(0.99) * 1000:.2f} ms | {least.redis_busy:.0%} |",
            flush=True,
        )
    print("\nSlots for requests that wait 20 ms each, at most 5 % of them waiting 10 ms more:\n")
    print("| requests/s | slots |\n|--:|--:|")
    for rate in (100, 1_000, 10_000):
        print(f"| {rate:,} | {slots_needed(rate, 0.02, 0.01):,} |")


if __name__ == "__main__":
    main()
