"""Run for a long time against a source of trouble, and see that latency, memory, threads and handles stay.

    python -m tests.soak --minutes 20 --cycle 60

One JSON object per cycle, measured in its calm part, then a summary; exit code 1 if something grew. See
shaky.py for what the source does. soak.jsonl is the log of 20 minutes, made when its pictures had 640x480 and 480x360.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from streamllie.bench_memory import memory_mb
from streamllie.live.session import Live
from streamllie.timing import percentile
from streamllie.video.inputs import resolve
from tests.handles import count_handles
from tests.shaky import SILENT_FROM

CALM_FROM = 0.2  # share of a cycle after which the first, calm part is measured; before it the source comes back
BUDGET = 1.0  # seconds: a busy machine must not change the work whose memory is watched
LATER = 0.25  # share by which latency may grow, and
NOISE = 3.0  # milliseconds that are nobody's fault
GROWTH = 0.05  # share by which memory may grow
LEAST, FEW = 2, 3  # cycles
WORKERS = 1  # threads that a library's pool may start late, when all its others are busy for the first time


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """What the calm part of one cycle was like."""

    cycle: int
    seconds: float  # since the beginning
    fps: float
    p50_ms: float
    p99_ms: float
    dropped: int  # since the beginning
    returns: int  # of the source, since the beginning
    mode: str  # at the end of the calm part
    sizes: list[str]  # seen in the cycle before
    memory_mb: float  # resident
    threads: int
    handles: int


def soak(*, minutes: float, period: float) -> Iterator[Cycle]:
    """Watch the source of trouble and give the figures of each cycle."""
    with _shaky(period) as port, Live(resolve(f"tcp://127.0.0.1:{port}"), budget=BUDGET) as live:
        began = time.perf_counter()  # the source's cycles begin when it is first read
        number = 0
        latencies: list[float] = []
        sizes: set[str] = set()
        for picture in live:
            now = time.perf_counter()
            if picture is not None:
                live.shown(picture)
                sizes.add(f"{picture.format.width}x{picture.format.height}")
            phase = (now - began) - number * period
            if phase < CALM_FROM * period:
                live.stats()  # the figures of the calm part begin at its beginning
            elif picture is not None:
                latencies.append(now - picture.captured)
            if phase >= SILENT_FROM * period:
                yield _cycle(live, number, latencies, sorted(sizes), seconds=now - began)
                number += 1
                latencies, sizes = [], set()
                if number * period >= 60 * minutes:
                    return


def grown(cycles: list[Cycle]) -> list[str]:
    """What is not as it was: a sentence each.

    The first third is compared with the last one, after the first cycle, in which both sizes are met for the
    first time: the least latency, as what stays late is late in every cycle and a busy machine only in some, and the
    most of everything else. A third of fewer than FEW cycles says nothing about p99: a few frames, late because the
    machine was busy, are all there is of it.
    """
    known = cycles[1:]
    if len(known) < 2 * LEAST:
        return [f"there were {len(cycles)} cycles and {1 + 2 * LEAST} are needed: one to warm up, the rest to compare"]
    some = max(LEAST, len(known) // 3)
    found: list[str] = []
    for name, allowed, of in (
        ("p50_ms", LATER, min),
        ("p99_ms", LATER, min),
        ("memory_mb", GROWTH, max),
        ("threads", 0, max),
        ("handles", 0, max),
    ):
        if name == "p99_ms" and some < FEW:
            continue
        before, after = (float(of(getattr(c, name) for c in part)) for part in (known[:some], known[-some:]))
        spare = NOISE if name.endswith("_ms") else WORKERS if name == "threads" else 0
        if not after <= before * (1 + allowed) + spare:
            found.append(f"{name} went from {before:g} to {after:g}")
    if known[-1].returns < len(cycles) - 1:
        found.append(f"the source came back only {known[-1].returns} times")
    return found


def _cycle(live: Live, number: int, latencies: list[float], sizes: list[str], *, seconds: float) -> Cycle:
    return Cycle(
        cycle=number,
        seconds=round(seconds, 1),
        fps=round(live.stats().fps, 2),
        p50_ms=round(1000 * percentile(latencies, 0.5), 1),
        p99_ms=round(1000 * percentile(latencies, 0.99), 1),
        dropped=live.dropped,
        returns=live.source.returns,
        mode=live.pace.mode,
        sizes=sizes,
        memory_mb=round(memory_mb("VmRSS"), 1),
        threads=len(list(Path("/proc/self/task").iterdir())),
        handles=count_handles() - 1,  # the one that lists them
    )


@contextmanager
def _shaky(period: float) -> Generator[int]:
    """The source of trouble in a process of its own; gives its port."""
    command = [sys.executable, "-m", "tests.shaky", str(period)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def main() -> None:
    """Print the log; exit with 1 if something grew."""
    parser = argparse.ArgumentParser(description="Run against a source of trouble and see that nothing grows.")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--cycle", type=float, default=60, help="seconds, at least 20; a run needs five of them")
    asked = parser.parse_args()
    cycles: list[Cycle] = []
    for cycle in soak(minutes=asked.minutes, period=asked.cycle):
        cycles.append(cycle)
        print(json.dumps(asdict(cycle)), flush=True)
    found = grown(cycles)
    print(json.dumps({"minutes": asked.minutes, "cycles": len(cycles), "grown": found}), flush=True)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
