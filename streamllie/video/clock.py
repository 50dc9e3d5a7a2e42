"""A rising timestamp for every decoded frame, also where the file gives none or goes back in time."""

from collections import deque
from fractions import Fraction

RAW_RATE = Fraction(25)  # frames per second that libav takes for granted in raw streams
JUMP_BACK = 1  # seconds; less is disorder, more is another recording appended to this one
DECODER_DEPTH = 256  # packets that a decoder may hold; more waiting times than this are leftovers of damage


class FrameClock:
    """Remembers the last pts, the decoding times of packets without pts, and clock jumps."""

    def __init__(self, *, time_base: Fraction, rate: Fraction | None, numbered: bool = False) -> None:
        """`numbered`: a pts is none, see `tags.is_numbered`."""
        self._time_base, self._numbered = time_base, numbered
        self._step = max(1, round(1 / (rate or RAW_RATE) / time_base))
        self._decoding_times: deque[int] = deque(maxlen=DECODER_DEPTH)
        self._last: int | None = None
        self._offset = 0
        self._has_pts = False
        self.disordered = 0  # frames whose pts did not rise
        self.jumps = 0  # places where the clock went back
        self.invented = 0  # frames without any time of their own
        self.longest_gap = self._step  # between two frames, in units of time_base

    def saw_packet(self, dts: int | None) -> None:
        """Remember when a packet is decoded: avi knows no other time."""
        if dts is not None:
            self._decoding_times.append(dts)

    def stamp(self, pts: int | None) -> int:
        """The time of the next frame in display order, in units of time_base."""
        waiting = self._decoding_times.popleft() if self._decoding_times else None
        pts = None if self._numbered else pts
        self._has_pts = self._has_pts or pts is not None
        if pts is None and not self._has_pts:
            # One packet is one picture, so the n-th picture shown takes the n-th decoding time.
            pts = waiting
        if pts is None:
            self.invented += 1
            value = 0 if self._last is None else self._last + self._step
        else:
            value = pts + self._offset
        if self._last is not None and value <= self._last:
            if (self._last - value) * self._time_base > JUMP_BACK:
                self.jumps += 1
                self._offset += self._last + self._step - value
                value = self._last + self._step
            else:
                self.disordered += 1
                value = self._last + 1
        if self._last is not None:
            self.longest_gap = max(self.longest_gap, value - self._last)
        self._last = value
        return value

    @property
    def last(self) -> Fraction | None:
        """The time of the last frame, in seconds."""
        return None if self._last is None else self._last * self._time_base
