"""How long an engine takes for a frame, with nothing else running."""

import time
from collections.abc import Iterator, Sequence

from streamllie.backends.base import Engine
from streamllie.frame import Frame

ROUNDS = 3  # of all measurements in turn, so that a slow minute of the machine falls on all of them
WARM = 3  # frames before the first that counts: caches are warm in a whole run too
KEEP = 0.9  # share of memory kept, as in video


def durations_of(
    engine: Engine, dark: Sequence[Frame], *, count: int, least: int = 0, seconds: float = float("inf")
) -> Iterator[float]:
    """Seconds of each of `count` frames, the dark ones again and again; after so many seconds `least` are enough."""
    engine.reset()
    for frame in dark[:WARM]:
        engine(frame)
    end = time.perf_counter() + seconds
    for n in range(count):
        began = time.perf_counter()
        if n >= least and began > end:
            return
        engine(dark[n % len(dark)], keep=KEEP)
        yield time.perf_counter() - began
