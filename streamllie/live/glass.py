"""Measure from glass to glass: blink on a screen that the camera sees, and wait for the blink in the picture."""

import math
import random
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import pygame

from streamllie.errors import SinkError, SourceError
from streamllie.live.session import Live
from streamllie.live.stage import Controls, Shown
from streamllie.live.window import open_display
from streamllie.timing import percentile
from streamllie.video.inputs import resolve

LEAST, MOST = 0.4, 0.8  # seconds between blinks; uneven, so that no clock hides in them
LOST = 3.0  # seconds after which a blink was not seen
STEP = 0.25  # share of the darkest to the brightest picture seen that counts as a change


@dataclass(frozen=True, kw_only=True)
class Glass:
    """From a change on the screen to the enhanced picture that shows it, ready for the screen. Milliseconds."""

    source: str
    blinks: int
    seen: int
    p50_ms: float
    worst_ms: float

    def event(self) -> dict[str, object]:
        """The line of `latency --glass --json`."""
        figures = {name: round(value, 2) if isinstance(value, float) else value for name, value in vars(self).items()}
        return {"event": "glass", **figures}

    def lines(self) -> list[str]:
        """The same for people."""
        figures = f"p50 {self.p50_ms:.1f} ms, worst {self.worst_ms:.1f} ms"
        return [f"glass to glass through {self.source}: {figures}; {self.seen} of {self.blinks} blinks seen"]


def glass_to_glass(source: str, *, size: tuple[int, int] | None, duration: float, **options: Any) -> Glass:
    """Blink for `duration` seconds. The camera must see the screen, which the window fills; size is (height, width).

    `options` are those of `Live`.

    Raises:
        SourceError: no blink was seen.
        SinkError: no window can be opened.
    """
    input = resolve(source, size=size)
    delays: list[float] = []
    with _Blinker() as blinker, Live(input, controls=Controls(smoothing=0), duration=duration, **options) as live:
        due = math.inf  # nothing blinks before the first picture has come
        for picture in live:
            now = time.perf_counter()
            if picture is not None:
                live.shown(picture)
                due = min(due, now + LOST)
                if blinker.waits and blinker.sees(picture):
                    delays.append(time.perf_counter() - blinker.switched)
                    due = now + random.uniform(LEAST, MOST)
            pygame.event.pump()
            if now > due:
                blinker.switch()
                due = now + LOST
    if not delays:
        raise SourceError(f'"{input.name}" does not see the screen blink; point it there')
    return Glass(
        source=input.name,
        blinks=blinker.count,
        seen=len(delays),
        p50_ms=1000 * percentile(delays, 0.5),
        worst_ms=1000 * max(delays),
    )


class _Blinker:
    """A full screen that is black or white. Remembers the darkest and the brightest picture of it."""

    def __init__(self) -> None:
        self.count = 0
        self.switched = 0.0
        self.waits = False  # for the picture that shows the last switch
        self._white = False
        self._range = [255.0, 0.0]

    def __enter__(self) -> Self:
        open_display("run it where the camera sees the screen, or measure without --glass")
        try:
            self._screen = pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        except pygame.error as error:
            raise SinkError(f"no window can be opened here ({error})") from error
        pygame.mouse.set_visible(False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pygame.quit()

    def switch(self) -> None:
        """Black becomes white, white becomes black."""
        self._white = not self._white
        self._screen.fill((255, 255, 255) if self._white else (0, 0, 0))
        pygame.display.flip()
        self.switched = time.perf_counter()
        self.waits = True
        self.count += 1

    def sees(self, picture: Shown) -> bool:
        """Whether this picture shows the last switch."""
        light = float(np.mean(picture.after.y[::8, ::8]))
        self._range = [min(self._range[0], light), max(self._range[1], light)]
        span = self._range[1] - self._range[0]
        share = (light - self._range[0]) / span if span > 10 else float(not self._white)
        if share > 1 - STEP if self._white else share < STEP:
            self.waits = False
            return True
        return False
