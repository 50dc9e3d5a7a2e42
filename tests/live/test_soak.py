"""What a soak calls growth."""

from dataclasses import replace

import pytest

from tests.soak import Cycle, grown

CALM = Cycle(
    cycle=0, seconds=0.0, fps=30.0, p50_ms=20.0, p99_ms=40.0, dropped=0, returns=0, mode="full", sizes=["640x480"],
    memory_mb=200.0, threads=15, handles=8,
)  # fmt: skip


def cycles(**growth: float) -> list[Cycle]:
    """Twelve of them, each with so much more of something than the one before, and two returns of the source."""
    return [
        replace(CALM, cycle=n, returns=2 * n, **{name: getattr(CALM, name) + n * step for name, step in growth.items()})
        for n in range(12)
    ]


@pytest.mark.parametrize(
    "growth", [{"threads": 1}, {"handles": 1}, {"memory_mb": 3.0}, {"p50_ms": 2.0}, {"p99_ms": 4.0}]
)
def test_what_every_return_of_the_source_leaves_behind_is_growth(growth):
    (sentence,) = grown(cycles(**growth))
    assert next(iter(growth)) in sentence


def test_a_calm_run_and_a_worker_that_a_pool_starts_late_are_none():
    assert grown(cycles()) == []
    late = [replace(cycle, threads=cycle.threads + (cycle.cycle > 6)) for cycle in cycles()]
    assert grown(late) == []


def test_cycles_on_a_busy_machine_are_no_growth_but_latency_that_stays_is():
    short = [replace(cycle, cycle=n) for n, cycle in enumerate(cycles()[:6])]
    busy = replace(short[0], p50_ms=60.0, p99_ms=90.0, returns=12)
    assert grown([*short[:5], busy]) == []
    assert grown([*short[:4], busy, busy]) == ["p50_ms went from 20 to 60"]


def test_too_short_a_run_says_how_many_cycles_are_needed():
    (sentence,) = grown(cycles()[:4])
    assert sentence == "there were 4 cycles and 5 are needed: one to warm up, the rest to compare"


def test_a_source_that_did_not_come_back_is_told():
    (sentence,) = grown([replace(cycle, returns=3) for cycle in cycles()])
    assert sentence == "the source came back only 3 times"
