"""What a live run is like: frames per second, latency, drops, for the last second and over all."""

import math
import time
from collections import deque
from dataclasses import dataclass

from streamllie.timing import percentile

RECENT = 10_000  # latencies that are kept: enough for a p99, and a run of days stays small
EVERY = 1.0  # seconds of one report


@dataclass(frozen=True, kw_only=True)
class Stats:
    """One report. Latency is from capture to display, in milliseconds."""

    fps: float
    p50_ms: float
    p99_ms: float
    dropped: int  # since the beginning
    frames: int  # since the beginning
    mode: str
    size: str
    backend: str
    notice: str | None = None  # a sentence while the source is away
    seconds: float = 0.0  # since the first frame

    def event(self) -> dict[str, object]:
        """The line of `--json`."""
        return {
            "event": "stats",
            "fps": round(self.fps, 2),
            "latency_ms": {"p50": _ms(self.p50_ms), "p99": _ms(self.p99_ms)},
            "dropped": self.dropped,
            "frames": self.frames,
            "mode": self.mode,
            "size": self.size,
            "backend": self.backend,
            "notice": self.notice,
            "seconds": round(self.seconds, 2),
        }

    def line(self) -> str:
        """The same for people."""
        late = f"{self.p50_ms:3.0f}/{self.p99_ms:.0f} ms" if math.isfinite(self.p50_ms) else "no time known"
        told = f"{self.fps:4.1f} fps  {late}  {self.dropped} dropped"
        return f"{told}  {self.mode}  {self.backend}" if self.notice is None else self.notice


class Tally:
    """Counts shown frames and their latencies. Remembers the last second, and RECENT latencies for the whole."""

    def __init__(self) -> None:
        self.frames = 0
        self.latencies: deque[float] = deque(maxlen=RECENT)  # seconds
        self._recent: list[float] = []
        self._began = self._last = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the first frame; 0 before it."""
        return time.perf_counter() - self._began if self.frames else 0.0

    def begin(self) -> None:
        """The first frame was shown."""
        self.frames = 1
        self._began = self._last = time.perf_counter()

    def saw(self, latency: float) -> None:
        """One frame was shown so many seconds after its capture."""
        self.frames += 1
        self.latencies.append(latency)
        self._recent.append(latency)

    def due(self) -> bool:
        """Whether a report is due."""
        return time.perf_counter() - self._last >= EVERY

    def recent(self) -> tuple[float, list[float]]:
        """Frames per second and latencies since the last call."""
        now = time.perf_counter()
        latencies, self._recent = self._recent, []
        passed, self._last = now - self._last, now
        return len(latencies) / max(passed, 1e-9), latencies


def milliseconds(latencies: list[float], share: float) -> float:
    """A percentile of seconds, in milliseconds."""
    return 1000 * percentile(latencies, share)


def _ms(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None  # nan of no frames
