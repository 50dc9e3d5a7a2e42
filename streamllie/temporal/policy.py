"""How much of what earlier frames told is kept at the next one, at any frame rate."""

import math
from fractions import Fraction

LONGEST = 1.0  # seconds; a gap this long says nothing about the picture after it


class Smoothing:
    """Turns an amount of smoothing and the times of frames into the `keep` that an engine takes.

    `amount` in [0, 1] is the root of the time constant in seconds: 0 forgets at once, 0.3 averages over 0.09
    s (about 3 frames at 30 fps), 0.5 over 0.25 s, 1 over 1 s. From one frame to the next, `dt` seconds
    later, keep = exp(-dt / amount**2): 15, 30 and 60 frames per second and a variable rate all fade alike.

    It remembers the time of the frame before; `forget` makes the next frame a first one.
    """

    def __init__(self, amount: float) -> None:
        if not 0 <= amount <= 1:
            raise ValueError(f"smoothing is {amount}; it must be between 0 and 1")
        self.seconds = amount**2  # the time constant
        self._before: Fraction | float | None = None

    def keep(self, time: Fraction | float, *, cut: bool = False) -> float:
        """The share of memory to keep at a frame of this time, in seconds.

        It is 0 for the first frame, for the first of a new scene (`cut`), and where time runs backwards,
        stands still or jumps by LONGEST or more.
        """
        before, self._before = self._before, time
        if before is None or cut or self.seconds == 0:
            return 0.0
        passed = float(time - before)
        return math.exp(-passed / self.seconds) if 0 < passed < LONGEST else 0.0

    def forget(self) -> None:
        """Take the next frame for the first."""
        self._before = None
