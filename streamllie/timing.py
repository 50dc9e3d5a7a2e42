"""How fast a run is, and what it did."""

import time
from collections.abc import Iterable
from dataclasses import dataclass


def percentile(durations: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the durations do not exceed; nan of none."""
    ranked = sorted(durations)
    if not ranked:
        return float("nan")
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]


class Meter:
    """Counts frames on the monotonic clock."""

    def __init__(self) -> None:
        self.frames = 0
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time since this meter was made."""
        return time.perf_counter() - self._began

    def count(self) -> int:
        """One more frame is done: gives how many there are now."""
        self.frames += 1
        return self.frames


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is, after a frame was written."""

    frames: int
    estimate: int | None  # frames in total, if the source can tell; an estimate, for a progress bar only
    seconds: float
    backend: str
    precision: str

    @property
    def fps(self) -> float:
        """Frames per second since the start."""
        return self.frames / max(self.seconds, 1e-9)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a finished run did."""

    frames: int  # written
    seconds: float  # from the first frame until the file has its name
    backend: str  # that ran the model, such as "openvino"
    precision: str  # of its arithmetic: "fp32", "bf16" or "fp16"
    model: str  # its name
    output: str  # path of the file
    bitrate_ratio: float | None = None  # bytes of output video over bytes of source video; None for a picture
    notes: tuple[str, ...] = ()  # what was converted, dropped or chosen, a sentence each

    @property
    def fps(self) -> float:
        """Frames per second over the whole run."""
        return self.frames / max(self.seconds, 1e-9)

    def event(self) -> dict[str, object]:
        """The last line of `enhance --json`."""
        return {
            "event": "done",
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 3),
            "backend": self.backend,
            "model": self.model,
            "output": self.output,
            "bitrate_ratio": self.bitrate_ratio,
        }

    def sentence(self) -> str:
        """The same for people."""
        words = [f"{self.frames} frame{'s' * (self.frames != 1)} in {self.seconds:.1f} s"]
        if self.bitrate_ratio is not None:
            words += [f"{self.fps:.1f} fps", f"bit rate {self.bitrate_ratio:.2f} times the source's"]
        return f"{self.output}: {', '.join([*words, f'{self.model} on {self.backend} {self.precision}'])}"
