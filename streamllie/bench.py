"""Measure this machine: the engine alone, the codecs alone, a whole run, and its memory."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from streamllie.backends import open_engine
from streamllie.backends.base import Engine
from streamllie.backends.switch import Switching
from streamllie.bench_engine import ROUNDS, durations_of
from streamllie.bench_memory import as_child, in_a_process, memory_mb
from streamllie.defaults import MODEL
from streamllie.enhance import enhance_video
from streamllie.errors import BackendError
from streamllie.frame import Frame, VideoFormat
from streamllie.night import make_night
from streamllie.pipeline import run
from streamllie.shelf import Model, find
from streamllie.timing import Progress, percentile
from streamllie.video import VideoSink, VideoSource

KEPT = 30  # dark frames in memory for the engine; one is like another to it
EARLY, LATE = 300, 3000  # frames at which memory is compared


@dataclass(frozen=True, kw_only=True)
class EngineTimes:
    """How long an engine takes for a frame, with nothing else running."""

    backend: str
    precision: str
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What takes minutes to measure."""

    startup_s: float  # of `streamllie --help`
    early_mb: float  # resident memory at frame EARLY of a run
    late_mb: float  # and at frame LATE


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What one measurement of this machine gave. Milliseconds are per frame."""

    size: str
    engines: list[EngineTimes]  # the first is the one that a whole run uses
    transcode_ms: float  # decode the source, encode frames that were enhanced beforehand
    enhance_ms: float  # the whole run, file to file
    peak_mb: float  # of a process that does one whole run
    extras: Extras | None = None

    @property
    def overhead(self) -> float:
        """What a whole run costs beyond its engine and its codecs: 0 is nothing, 1 as much again."""
        return self.enhance_ms / (self.engines[0].p50_ms + self.transcode_ms) - 1

    def event(self) -> dict[str, object]:
        """The line of `bench --json`."""
        event: dict[str, object] = {
            "size": self.size,
            "engines": [
                {
                    "backend": e.backend,
                    "precision": e.precision,
                    "p50_ms": _two(e.p50_ms),
                    "p99_ms": _two(e.p99_ms),
                }
                for e in self.engines
            ],
            "transcode_ms": _two(self.transcode_ms),
            "enhance_ms": _two(self.enhance_ms),
            "overhead": round(self.overhead, 3),
            "peak_mb": round(self.peak_mb),
        }
        if self.extras is not None:
            event |= {name: _two(value) for name, value in vars(self.extras).items()}
        return event

    def lines(self) -> Iterator[str]:
        """The same for people."""
        for engine in self.engines:
            name = f"engine {engine.backend} {engine.precision}"
            yield f"{name:26} {engine.p50_ms:7.1f} ms (slowest in a hundred: {engine.p99_ms:.1f} ms)"
        yield f"{'decode and encode':26} {self.transcode_ms:7.1f} ms"
        yield f"{f'enhance {self.size}':26} {self.enhance_ms:7.1f} ms, {1000 / self.enhance_ms:.1f} fps"
        yield f"{'overhead':26} {100 * self.overhead:7.1f} % over engine and codecs alone"
        yield f"{'peak memory':26} {self.peak_mb:7.0f} MB"
        if self.extras is not None:
            growth = self.extras.late_mb / self.extras.early_mb - 1
            yield f"{f'memory at frame {EARLY}':26} {self.extras.early_mb:7.0f} MB"
            yield f"{f'memory at frame {LATE}':26} {self.extras.late_mb:7.0f} MB, {100 * growth:+.1f} %"
            yield f"{'streamllie --help':26} {1000 * self.extras.startup_s:7.0f} ms"


def bench(
    *,
    height: int,
    width: int,
    model: str | Path = MODEL,
    backend: str = "auto",
    frames: int = 120,
    more: bool = False,
    on_step: Callable[[str], None] = lambda step: None,
) -> Bench:
    """Measure everything in one run, in turns, and give the medians. Takes a minute at 1280x720."""
    find(model)  # what is wrong with it is said before any work
    with tempfile.TemporaryDirectory(prefix="streamllie-bench-") as folder:
        night = Path(folder) / "night.mp4"
        on_step(f"making a dark clip of {frames} frames, {width}x{height}")
        make_night(night, height=height, width=width, frames=frames)
        on_step("peak memory of a whole run")
        peak = in_a_process("streamllie.bench", night, model, backend)["peak_mb"]
        engines, transcode, enhance = _times(night, model, backend, on_step)
        format = VideoFormat(height=height, width=width)
        extras = _extras(night, format, model, backend, on_step) if more else None
    return Bench(
        size=f"{width}x{height}",
        engines=engines,
        transcode_ms=1000 * transcode,
        enhance_ms=1000 * enhance,
        peak_mb=peak,
        extras=extras,
    )


def _times(
    night: Path, model: str | Path, backend: str, on_step: Callable[[str], None]
) -> tuple[list[EngineTimes], float, float]:
    """Engine times, and seconds per frame of the codecs and of whole runs."""
    with VideoSource(night) as source:
        format = source.format
        dark = list(source)
    transcode: list[float] = []
    whole: list[float] = []
    target = night.with_name("day.mp4")
    with ExitStack() as stack:
        engines = [stack.enter_context(engine) for engine in _engines(find(model), format, backend)]
        alone: list[list[float]] = [[] for _ in engines]
        bright = [engines[0](frame) for frame in dark]
        del dark[KEPT:]
        for turn in range(ROUNDS):
            on_step(f"measuring, {turn + 1} of {ROUNDS}")
            for engine, durations in zip(engines, alone, strict=True):
                durations.extend(durations_of(engine, dark, count=len(bright)))
            transcode.append(_transcode(night, bright, target) / len(bright))
            report = enhance_video(night, target, model=model, backend=backend, overwrite=True)
            whole.append(report.seconds / report.frames)
    times = [
        EngineTimes(
            backend=engine.backend,
            precision=engine.precision,
            p50_ms=1000 * percentile(durations, 0.5),
            p99_ms=1000 * percentile(durations, 0.99),
        )
        for engine, durations in zip(engines, alone, strict=True)
    ]
    return times, statistics.median(transcode), statistics.median(whole)


def _engines(model: Model, format: VideoFormat, backend: str) -> list[Engine]:
    """The engine that "auto" takes, then the same backend in its other precisions."""
    first = open_engine(model, format, backend=backend)
    if isinstance(first, Switching):
        with first:  # it ends when TensorRT's engine is built: what is measured is one engine from the first frame on
            pass
        first = open_engine(model, format, backend=backend)
    engines = [first]
    for precision in ("bf16", "fp32"):
        if precision != engines[0].precision:
            try:
                engines.append(open_engine(model, format, backend=engines[0].backend, precision=precision))
            except BackendError:
                continue  # this machine has no such precision: then there is nothing to measure
    return engines


def _transcode(night: Path, bright: list[Frame], target: Path) -> float:
    """Seconds for a whole run whose engine is a list of frames enhanced beforehand."""
    ready = iter(bright)
    with VideoSource(night) as source:
        with VideoSink(target, source.format, copy_from=night, overwrite=True) as sink:
            meter = run(source, lambda frame: next(ready), sink)
        return meter.seconds


def _extras(
    night: Path, format: VideoFormat, model: str | Path, backend: str, on_step: Callable[[str], None]
) -> Extras:
    on_step("start-up")
    startup = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "streamllie", "--help"], check=True, capture_output=True)
        startup.append(time.perf_counter() - began)
    on_step(f"memory over {LATE} frames, some minutes")
    long = night.with_name("long.mp4")
    make_night(long, height=format.height, width=format.width, frames=LATE + 1)
    memory = in_a_process("streamllie.bench", long, model, backend)
    return Extras(startup_s=statistics.median(startup), early_mb=memory["early_mb"], late_mb=memory["late_mb"])


def _measure_memory(night: str, model: str, backend: str) -> None:
    seen: dict[int, float] = {}

    def look(progress: Progress) -> None:
        if progress.frames in (EARLY, LATE):
            seen[progress.frames] = memory_mb("VmRSS")

    target = Path(night).with_name("measured.mp4")
    enhance_video(night, target, model=model, backend=backend, overwrite=True, on_progress=look)
    memory = {"peak_mb": memory_mb("VmHWM"), "early_mb": seen.get(EARLY), "late_mb": seen.get(LATE)}
    print(json.dumps(memory))


def _two(value: float) -> float:
    return round(value, 2)


if __name__ == "__main__":
    as_child(_measure_memory)
