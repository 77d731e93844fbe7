"""The formulas and the simulation behind docs/scaling.md, each against the other."""

from __future__ import annotations

import importlib.util
import math
import sys
import typing as t
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FOLDER = Path(__file__).resolve().parents[2] / "bench" / "scaling"


def load(name: str) -> t.Any:
    spec = importlib.util.spec_from_file_location(f"scaling_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


model, simulate = load("model"), load("simulate")


# -- the law --------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.floats(1, 1e5),
    st.one_of(st.just(0.0), st.floats(0.001, 0.9)),
    st.one_of(st.just(0.0), st.floats(0.0001, 0.1)),
)
def test_the_fit_finds_the_law_that_made_the_points(rate: float, s: float, k: float) -> None:
    law = model.Usl(rate, s, k)
    found = model.fit_usl([(n, law(n)) for n in (1, 2, 4, 8, 16)])
    for n in (1, 3, 32, 100):
        assert found(n) == pytest.approx(law(n), rel=1e-3)


def test_the_fit_has_no_coefficient_below_zero() -> None:
    # Better than linear: as noise on a busy machine may make it.
    found = model.fit_usl([(1, 100), (2, 220), (4, 450)])
    assert found.contention == found.coherence == 0
    assert found(8) == pytest.approx(8 * found.rate)


def test_the_peak() -> None:
    law = model.Usl(100, 0.1, 0.001)
    assert law.peak == pytest.approx(30)
    assert law(30) > law(20)
    assert law(30) > law(40)
    assert model.Usl(100, 0.1, 0).peak == math.inf


@pytest.mark.parametrize("points", [[], [(0, 1)], [(1, 0)]])
def test_points_that_cannot_be(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        model.fit_usl(points)


# -- waiting ---------------------------------------------------------------------------


def test_erlang_c_by_the_textbook() -> None:
    # One server: the part that waits is how busy it is. Two: a²/(2+a).
    assert model.erlang_c(1, 0.7) == pytest.approx(0.7)
    assert model.erlang_c(2, 1.0) == pytest.approx(1 / 3)
    # Ten servers and eight erlangs: 0.4092 in tables.
    assert model.erlang_c(10, 8) == pytest.approx(0.4092, abs=1e-4)
    assert 0 < model.erlang_c(2000, 1900) < 1


def test_too_much_load() -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        model.erlang_c(4, 4)


def test_slots() -> None:
    slots = model.slots_needed(1000, 0.02, 0.01)
    assert model.late_share(slots, 1000, 0.02, 0.01) <= 0.05
    assert model.late_share(slots - 1, 1000, 0.02, 0.01) > 0.05


def test_capacity_names_what_limits() -> None:
    costs = model.Costs(worker=0.001, redis=0.00002)
    assert model.capacity(costs, 4) == (pytest.approx(2800), "workers")
    assert model.capacity(costs, 100) == (pytest.approx(35000), "Redis")
    assert model.capacity(model.Costs(0.001, 0), 100)[1] == "workers"


# -- the simulation ----------------------------------------------------------------------


@pytest.mark.parametrize(("slots", "busy"), [(1, 0.5), (1, 0.8), (4, 0.8), (16, 0.9)])
def test_one_replica_waits_as_the_formula_says(slots: int, busy: float) -> None:
    rate = busy * slots / 0.01
    run = simulate.Cluster(1, slots, simulate.exponential(0.01)).run(rate, 120_000)
    assert run.mean_wait == pytest.approx(model.mean_wait(slots, rate, 0.01), rel=0.12)
    assert run.throughput == pytest.approx(rate, rel=0.02)


def test_replicas_chosen_at_random_are_queues_of_their_own() -> None:
    run = simulate.Cluster(8, 1, simulate.exponential(0.01), policy="random").run(560, 120_000)
    assert run.mean_wait == pytest.approx(model.mean_wait(1, 70, 0.01), rel=0.12)


def test_a_balancer_that_counts_is_nearly_one_queue() -> None:
    waits = {
        policy: simulate.Cluster(8, 1, simulate.exponential(0.01), policy=policy)
        .run(560, 60_000)
        .mean_wait
        for policy in ("random", "roundrobin", "leastconn")
    }
    ideal = model.mean_wait(8, 560, 0.01)
    assert ideal < waits["leastconn"] < 0.5 * waits["roundrobin"]
    assert waits["roundrobin"] < waits["random"]


def test_redis_is_as_busy_as_its_commands_make_it() -> None:
    cluster = simulate.Cluster(
        16, 1, simulate.exponential(0.01), simulate.constant(0.0002), visits=2
    )
    run = cluster.run(800, 60_000)
    assert run.redis_busy == pytest.approx(800 * 2 * 0.0002, rel=0.05)


def test_redis_limits_what_the_replicas_could() -> None:
    cluster = simulate.Cluster(64, 1, simulate.constant(0.001), simulate.constant(0.0005))
    run = cluster.run(3_000, 20_000)
    assert run.throughput == pytest.approx(1 / (2 * 0.0005), rel=0.02)
    assert run.redis_busy > 0.98


def test_nothing_gets_lost_and_the_same_seed_is_the_same_run() -> None:
    runs = [
        simulate.Cluster(3, 2, simulate.exponential(0.01), seed=7).run(400, 5_000) for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].latencies) == 4_500
    assert min(runs[0].waits) >= 0


def test_a_balancer_nobody_knows() -> None:
    with pytest.raises(ValueError, match="No balancer"):
        simulate.Cluster(1, 1, simulate.constant(1), policy="best")
