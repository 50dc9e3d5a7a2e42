"""How long to wait before a source or an output is opened again."""

FIRST, LONGEST = 0.25, 8.0  # seconds


class Pauses:
    """Doubles from one attempt to the next; what came back for long enough begins anew."""

    def __init__(self) -> None:
        self._next = FIRST

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        pause, self._next = self._next, min(2 * self._next, LONGEST)
        return pause

    def begin_anew(self) -> None:
        """It was there again, and not for a moment only."""
        self._next = FIRST
