"""Which part of a file is wanted, and by how much its clock moves on the way to the output."""

import math
from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer

from streamllie.errors import SourceError
from streamllie.video.opening import container_start

FAR = 1e9  # seconds, 30 years: beyond every film, and within the 64 bits of microseconds that libav counts in
LATE_START = 10  # seconds; a broadcast recording may start at hour 20, which only a transport stream can say


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A span of the input's clock, in seconds: begin <= time < end. None: no limit."""

    begin: Fraction | None = None
    end: Fraction | None = None
    file_start: Fraction = Fraction(0)

    @classmethod
    def of(cls, container: InputContainer, *, start: float | None, duration: float | None) -> "Timeline":
        """`start` counts from the beginning of the file, whatever its clock says there."""
        for name, value in (("start", start), ("duration", duration)):
            if value is not None and math.isnan(value):
                raise SourceError(f"the {name} must be a number of seconds, it is {value}; leave it out for all")
        if start is not None and start < 0:
            raise SourceError(f"the start must not be negative, it is {start:g} s; leave it out to start at 0")
        if duration is not None and duration <= 0:
            raise SourceError(f"the duration must be positive, it is {duration:g} s; leave it out for all")
        file_start = container_start(container)
        begin = None if start is None else file_start + exact(min(start, FAR))
        end = None if duration is None else (file_start if begin is None else begin) + exact(min(duration, FAR))
        return cls(begin=begin, end=end, file_start=file_start)

    @property
    def trimmed(self) -> bool:
        """Whether the beginning of the file is left out."""
        return self.begin is not None and self.begin > self.file_start

    @property
    def earliest(self) -> Fraction:
        """A moment before every packet, for a seek to the beginning of the file."""
        return Fraction(0) if self.file_start >= 0 else self.file_start - LATE_START

    def has(self, time: Fraction) -> bool:
        """Whether a moment lies within."""
        return (self.begin is None or time >= self.begin) and (self.end is None or time < self.end)

    def shift(self, *, keep_late_start: bool) -> Fraction:
        """What to subtract from every time: a trimmed output starts near 0, any other keeps its times.

        A file whose clock starts very late starts at 0 too, unless the container is made for such clocks:
        an mp4 would show hours of nothing. One that starts below 0 does so too: few containers can say that.
        """
        if self.begin is not None:
            return self.begin
        if self.file_start < 0:
            return self.file_start
        if self.file_start > LATE_START and not keep_late_start:
            return self.file_start
        return Fraction(0)


def exact(seconds: float) -> Fraction:
    """The decimal number that was typed, not its binary neighbour: 0.2 is 1/5."""
    return Fraction(seconds).limit_denominator(1_000_000)
