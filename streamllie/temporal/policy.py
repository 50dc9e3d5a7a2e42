"""How much of what earlier frames told is kept at the next one, at any frame rate."""

import math
from fractions import Fraction

LONGEST = 1.0  # seconds; a gap this long says nothing about the picture after it
YOUNG = 3.0  # the time constant of a memory that is t seconds old is t / YOUNG at most
AT_BIRTH = 0.05  # seconds that it counts as old at its first frame


class Smoothing:
    """Turns an amount of smoothing and the times of frames into the `keep` that an engine takes.

    `amount` in [0, 1] is the root of the time constant in seconds: 0 forgets at once, 0.3 averages over 0.09
    s (about 3 frames at 30 fps), 0.5 over 0.25 s, 1 over 1 s. From one frame to the next, `dt` seconds
    later, keep = exp(-dt / amount**2): 15, 30 and 60 frames per second and a variable rate all fade alike.

    The first frame after a beginning or a cut counts for no more than others: it is noisier than those after it, which
    are averaged over time, and what it says would show for a second. So a young memory follows faster.

    It remembers the times of the first frame and of the one before; `forget` makes the next frame a first one.
    """

    def __init__(self, amount: float) -> None:
        self.change(amount)
        self._before: Fraction | float | None = None
        self._first: Fraction | float = 0.0

    def change(self, amount: float) -> None:
        """Take another amount from the next frame on, and go on with what is remembered."""
        if not 0 <= amount <= 1:
            raise ValueError(f"smoothing is {amount}; it must be between 0 and 1")
        self.seconds = amount**2  # the time constant

    def keep(self, time: Fraction | float, *, cut: bool = False) -> float:
        """The share of memory to keep at a frame of this time, in seconds.

        It is 0 for the first frame, for the first of a new scene (`cut`), and where time runs backwards,
        stands still or jumps by LONGEST or more.
        """
        before, self._before = self._before, time
        passed = float(time - before) if before is not None else 0.0
        if cut or self.seconds == 0 or not 0 < passed < LONGEST:
            self._first = time
            return 0.0
        age = float(time - self._first) + AT_BIRTH
        return min(math.exp(-passed / self.seconds), ((age - passed) / age) ** YOUNG)

    def forget(self) -> None:
        """Take the next frame for the first."""
        self._before = None
