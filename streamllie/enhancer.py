"""Enhance pictures in memory, one after the other, from any thread."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from streamllie.backends import open_engine
from streamllie.defaults import MODEL
from streamllie.enhance import Steady, check_strength
from streamllie.errors import BackendError
from streamllie.frame import USUAL_RATE, Frame, VideoFormat
from streamllie.pictures import Picture, Rgb
from streamllie.shelf import find
from streamllie.temporal.policy import Smoothing

SIZES = 4  # engines that an Enhancer keeps, at most: a folder of photos has few shapes
PIXELS = 8_000_000  # of their pictures in all: a million take 65 MB on a CPU. The newest stays, however large
APART = 1 / USUAL_RATE  # seconds between pictures of which nobody tells the time
TICKS = 1_000_000  # per second, in which an Enhancer counts time


class Enhancer:
    """A model for pictures in memory: (H, W, 3) uint8 RGB in, the same out. A context manager.

    With `smoothing` > 0 it remembers earlier pictures, until a cut or `reset`; pictures of each size are a
    sequence of their own, with a clock of their own. It keeps the engines of the last SIZES sizes, fewer of large
    ones. With strength=0 every picture comes back exactly.

    Threads may share it: it does one picture at a time. Who leaves the `with` closes it for good. A copy, also one
    that was pickled, has the same settings and remembers nothing.

        with Enhancer("lite") as enhance:
            bright = enhance(rgb)
    """

    def __init__(
        self,
        model: str | Path = MODEL,
        *,
        backend: str = "auto",
        precision: str = "auto",
        cuda: str = "auto",
        strength: float = 1.0,
        smoothing: float = 0.0,
    ) -> None:
        """Find the model; its engine opens with the first picture. All options as in enhance_video.

        `backend` and `precision` say afterwards what was asked for, and from the first picture on what runs.

        Raises:
            ModelNotFound, ModelError: there is no such model, or it is damaged.
            ValueError: strength or smoothing is out of range.
        """
        check_strength(strength)
        Smoothing(smoothing)  # out of range is told here, not at the first picture
        self.model = find(model)
        self.backend, self.precision = backend, precision  # as asked for; "auto" becomes what it took
        self._asked = backend, precision, cuda
        self._strength, self._smoothing = strength, smoothing
        self._begin()

    def _begin(self) -> None:
        self._sequences: OrderedDict[tuple[int, ...], _Sequence] = OrderedDict()  # by height and width
        self._lock = Lock()  # an engine runs one picture at a time
        self._closed = False

    def __call__(self, rgb: Rgb, *, time: float | None = None) -> Rgb:
        """Enhance one picture, (H, W, 3) uint8 RGB, to the same shape and type.

        `time`, in seconds, says how far it is from others; by default it is 1/30 s after the one before. A time that
        does not rise, or rises by a second or more, begins a new sequence.

        Raises:
            ValueError: it is not such an array, or no such time.
            BackendError: no backend can run the model, or it failed, or the Enhancer is closed.
        """
        kind, shape = getattr(getattr(rgb, "dtype", None), "name", type(rgb).__name__), getattr(rgb, "shape", ())
        if kind != "uint8" or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise ValueError(f"a picture is (H, W, 3) uint8 RGB, not {f'{shape} ' if shape else ''}{kind}")
        now = None if time is None else _seconds(time)
        picture = Picture.of(rgb)
        with self._lock:
            if self._closed:
                raise BackendError("this Enhancer is closed, as its `with` was left; make a new one")
            sequence = self._sequence(rgb.shape[:2])
            sequence.time = sequence.time + APART if now is None else now
            pts = round(sequence.time * TICKS)
            frame = Frame(y=picture.y, u=picture.u, v=picture.v, pts=pts, time_base=Fraction(1, TICKS))
            bright = sequence.steady(frame)
        return picture.enhanced(bright.y, bright.u, bright.v)

    def reset(self) -> None:
        """Forget all earlier pictures. The engines stay."""
        with self._lock:
            for sequence in self._sequences.values():
                sequence.steady.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            while self._sequences:
                self._close_oldest()

    def __getstate__(self) -> dict[str, Any]:
        mine = {"_sequences", "_lock", "_closed"}
        return {name: value for name, value in vars(self).items() if name not in mine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def _sequence(self, size: tuple[int, ...]) -> "_Sequence":
        if size not in self._sequences:
            while self._sequences and not self._has_room(size):
                self._close_oldest()
            format = VideoFormat(height=size[0], width=size[1], full_range=True)
            backend, precision, cuda = self._asked
            engine = open_engine(self.model, format, backend=backend, precision=precision, cuda=cuda)
            self.backend, self.precision = engine.backend, engine.precision
            policy = Smoothing(self._smoothing)
            steady = Steady(engine.__enter__(), format, policy, strength=self._strength)
            self._sequences[size] = _Sequence(steady)
        self._sequences.move_to_end(size)
        return self._sequences[size]

    def _has_room(self, size: tuple[int, ...]) -> bool:
        sizes = [*self._sequences, size]
        return len(sizes) <= SIZES and sum(map(math.prod, sizes)) <= PIXELS

    def _close_oldest(self) -> None:
        _, sequence = self._sequences.popitem(last=False)
        sequence.steady.engine.__exit__(None, None, None)


@dataclass
class _Sequence:
    """The pictures of one size."""

    steady: Steady
    time: Fraction = Fraction(0)  # of the last, seconds


def _seconds(time: float) -> Fraction:
    """Exactly, of any kind of number."""
    try:
        if math.isfinite(time):
            return Fraction(float(time))
    except OverflowError:
        raise ValueError("the time of a picture is too large; give seconds, or leave it out") from None
    except TypeError:  # no number
        pass
    raise ValueError(f"the time of a picture is {time!r}; give seconds, or leave it out")
