"""Measure in software how late pictures are, from capture to display, with a source that plays in real time."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamllie.defaults import MODEL
from streamllie.errors import SourceError
from streamllie.live.session import Live
from streamllie.live.stage import Controls, Shown
from streamllie.night import make_night
from streamllie.place import redacted
from streamllie.timing import percentile
from streamllie.video.inputs import resolve

CLIP = 150  # frames of the dark clip; it is played again and again
WARM_UP = 2.0  # seconds before counting begins


@dataclass(frozen=True, kw_only=True)
class Latency:
    """What was measured, over all frames after the warm-up."""

    source: str
    size: str
    rate: float  # frames per second that the source gave
    seconds: float
    frames: int  # shown
    dropped: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    modes: tuple[str, ...]  # that were in use
    backend: str

    def event(self) -> dict[str, object]:
        """The line of `latency --json`."""
        figures = {name: round(value, 2) if isinstance(value, float) else value for name, value in vars(self).items()}
        return {"event": "latency", **figures}

    def lines(self) -> list[str]:
        """The same for people."""
        share = 100 * self.dropped / max(1, self.frames + self.dropped)
        return [
            f"{self.source} {self.size} at {self.rate:.1f} fps for {self.seconds:.0f} s on {self.backend}",
            f"capture to display  p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, worst {self.worst_ms:.1f} ms",
            f"frames              {self.frames} shown, {self.dropped} dropped ({share:.2f} %)",
            f"modes               {', '.join(self.modes)}",
        ]


def latency(
    source: str | None,
    *,
    size: tuple[int, int],
    duration: float,
    budget: float,
    model: str | Path = MODEL,
    backend: str = "auto",
    precision: str = "auto",
    on_step: Callable[[str], None] = lambda step: None,
) -> Latency:
    """Play a source in real time, without a screen, and measure from capture to display.

    Without a source it is a dark clip of 30 frames per second, made here. `size` is (height, width), `duration`
    and `budget` are seconds.
    """
    with tempfile.TemporaryDirectory(prefix="streamllie-latency-") as folder:
        name = source
        if source is None:
            source, name = str(Path(folder) / "night.mp4"), "a dark clip"
            on_step(f"making a dark clip, {size[1]}x{size[0]}")
            make_night(Path(source), height=size[0], width=size[1], frames=CLIP)
        on_step(f"playing it for {duration:g} s")
        live = Live(
            resolve(source, size=size), model=model, backend=backend, precision=precision, budget=budget,
            controls=Controls(always=True),
        )  # fmt: skip
        with live:
            return _measured(live, redacted(name or source), duration)


def _measured(live: Live, source: str, duration: float) -> Latency:
    latencies: list[float] = []
    modes: dict[str, None] = {}
    dropped_before = came_before = 0
    began = end = 0.0
    last: Shown | None = None
    for picture in live:
        if picture is None:
            continue
        live.shown(picture)
        now = time.perf_counter()
        if live.tally.seconds < WARM_UP:
            dropped_before, came_before, began = live.dropped, live.source.frames, now
            continue
        latencies.append(now - picture.captured)
        modes[picture.mode] = None
        last, end = picture, now
        if now - began >= duration:
            break
    if last is None:
        raise SourceError(f'"{source}" gave nothing after the first {WARM_UP:g} s; name a longer one')
    return Latency(
        source=source,
        size=f"{last.format.width}x{last.format.height}",
        rate=(live.source.frames - came_before) / (end - began),
        seconds=end - began,
        frames=len(latencies),
        dropped=live.dropped - dropped_before,
        p50_ms=1000 * percentile(latencies, 0.5),
        p99_ms=1000 * percentile(latencies, 0.99),
        worst_ms=1000 * max(latencies),
        modes=tuple(modes),
        backend=last.backend,
    )
