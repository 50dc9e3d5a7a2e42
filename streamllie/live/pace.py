"""How much work is done for a frame, so that none comes late: less when it would, more again when there is room."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Literal

from streamllie.defaults import BUDGET

Mode = Literal["full", "half", "skip", "pass"]
MODES: tuple[Mode, ...] = ("full", "half", "skip", "pass")  # half the size; every second frame of that; nothing
WINDOW, TOO_MANY = 15, 5  # so many late frames among so many are no hiccup
SETTLING = 0.5  # seconds after a change that say nothing: caches are cold
CALM, LONGEST_CALM = 2.0, 60.0  # seconds without trouble before the next better mode is tried; doubles when that fails
TRIAL = 10.0  # seconds after which a better mode counts as good
WORTH = 0.15  # share of the budget that work must take; less work cannot help where there is less
BUSY = 0.85  # share of the time between frames that work may take; above it a drop is our own fault
FEW = 3  # frames, after the first, that tell whether the work of a trial is too much: before they are late


class Pace:
    """Chooses the mode of the next frame from how late the last ones were.

    Steps down when too many frames of the last WINDOW were late. After a while without trouble it tries the
    next better mode; a trial that fails makes the next one wait twice as long. One whose first frames already take
    longer than the source leaves is given up before it makes frames late.
    """

    def __init__(self, *, budget: float = BUDGET, clock: Callable[[], float] = time.perf_counter) -> None:
        self.budget = budget  # seconds
        self._clock = clock
        self._level = 0
        self._calm = CALM
        self._trial = False  # the present mode was tried, not fallen back to
        self._late: deque[bool] = deque(maxlen=WINDOW)
        self._work: deque[float] = deque(maxlen=WINDOW)
        self._first: list[float] = []  # the work of the first frames since the last change
        self._changed = self._quiet_since = clock()

    @property
    def mode(self) -> Mode:
        """What to do for the next frame."""
        return MODES[self._level]

    def settle(self) -> None:
        """Something was opened: what the next frames show says nothing about the machine."""
        self._late.clear()
        self._work.clear()
        self._first.clear()
        self._changed = self._quiet_since = self._clock()

    def saw(self, latency: float, *, work: float, interval: float, dropped: int) -> None:
        """A frame was shown, `latency` seconds after its capture and after `work` seconds of enhancement.

        `interval` is the source's time between frames, `dropped` how many gave way since the frame before.
        """
        now = self._clock()
        interval *= 2 if self.mode == "skip" else 1  # there is time for every second frame
        if len(self._first) <= FEW:
            self._first.append(work)
        if self._trial and len(self._first) > FEW and min(self._first[1:]) > BUSY * interval:
            self._give_up(now)
            return
        if now - self._changed < SETTLING:
            return
        late = latency > self.budget or (dropped > 0 and work > BUSY * interval)
        self._late.append(late)
        self._work.append(work)
        if late:
            self._quiet_since = now
        heavy = median(self._work) > WORTH * self.budget
        if sum(self._late) >= TOO_MANY and heavy and self._level < len(MODES) - 1:
            self._give_up(now)
        elif self._level and now - self._quiet_since > self._calm:
            self._go(self._level - 1)
        elif now - self._changed > TRIAL and not self._level:
            self._calm = CALM

    def _give_up(self, now: float) -> None:
        """Do less; what was only tried is tried again more rarely."""
        if self._trial and now - self._changed < TRIAL:
            self._calm = min(2 * self._calm, LONGEST_CALM)
        self._go(self._level + 1)

    def _go(self, level: int) -> None:
        self._trial = level < self._level
        self._level = level
        self.settle()
