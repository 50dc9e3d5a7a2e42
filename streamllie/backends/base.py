"""What every backend promises, and what all of them share: sizes, levels, depth and memory around a running graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from streamllie.errors import BackendError
from streamllie.frame import Frame, Plane, VideoFormat

PLANES = ("y", "u", "v")
NEXT = "next_"  # an output of this name, less the prefix, is the input of that name for the next frame
Arrays = Mapping[str, NDArray[Any]]
Shapes = Mapping[str, tuple[int, ...]]


class Engine(Protocol):
    """A model opened by a backend for one VideoFormat, with its memory of earlier frames."""

    @property
    def backend(self) -> str:
        """Name of the backend, as `--backend` takes it."""
        ...

    @property
    def precision(self) -> str:
        """Precision in use, as `--precision` takes it."""
        ...

    @property
    def in_flight(self) -> int:
        """How many frames may be started before the first of them is taken: more than 1 hides copies."""
        ...

    def __call__(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Frame:
        """Enhance one frame: `keep` in [0, 1] is the share of memory kept, `strength` in [0, 1] the share of effect."""
        ...

    def start(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Callable[[], Frame]:
        """Begin to enhance a frame, and give a function that waits for it. Results are taken in order."""
        ...

    def reset(self) -> None:
        """Forget all earlier frames."""
        ...

    def remember(self, memory: Arrays) -> None:
        """Go on from another engine's memory of the same model."""
        ...

    @property
    def memory(self) -> Arrays:
        """What is remembered of earlier frames; empty where nothing is, or where it stays on a device."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Running:
    """A frame that the graph was given."""

    take: Callable[[], Arrays]  # waits for the planes "y_out", "u_out", "v_out"; they belong to the caller
    states: Arrays = field(default_factory=dict[str, NDArray[Any]])  # for the next frame; none: the graph keeps them

    @classmethod
    def done(cls, outputs: Arrays) -> "Running":
        """What a library that computes at once has computed."""
        states = {name.removeprefix(NEXT): array for name, array in outputs.items() if name.startswith(NEXT)}
        return cls(take=lambda: outputs, states=states)


# The exported graph on arrays, inputs by name as models/streaming.py defines them.
Run = Callable[[Arrays], Running]


class GraphEngine:
    """An Engine around a function that runs the exported graph on arrays.

    It hands the graph's states from one call to the next; `reset` makes it forget. After `with` it is closed for
    good. `states` are the shapes of the graph's states; luma is padded to a `multiple`, chroma to half of it: 2 for the
    graph as it is exported, which pads further by itself, more for one in blocks, 1 where `run` pads.
    """

    def __init__(
        self,
        run: Run,
        format: VideoFormat,
        *,
        backend: str,
        precision: str,
        states: Shapes,
        multiple: int = 2,
        in_flight: int = 1,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.backend, self.precision, self.in_flight = backend, precision, in_flight
        self._run: Run | None = run
        self._close = close
        self._multiples = (multiple, max(multiple // 2, 1), max(multiple // 2, 1))
        self._format = format
        self._levels = format.levels.array()  # (5,)
        self._blank: Arrays = {name: np.zeros(shape, dtype=np.float32) for name, shape in states.items()}
        self._states = self._blank
        self._fresh = True  # nothing is remembered: keep counts as 0

    def __call__(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Frame:
        """See Engine. Odd sizes are padded and cropped again."""
        return self.start(frame, keep=keep, strength=strength)()

    def start(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Callable[[], Frame]:
        """See Engine."""
        for name, value in (("keep", keep), ("strength", strength)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must be between 0 and 1")
        if self._run is None:
            raise BackendError(f"this {self.backend} engine is closed; open a new one")
        planes = (frame.y, frame.u, frame.v)
        self._check(planes)
        running = self._run(
            {
                **dict(zip(PLANES, self._inputs(planes), strict=True)),
                **self._states,
                "keep": _one(0.0 if self._fresh else keep),
                "strength": _one(strength),
                "levels": self._levels,
            }
        )
        self._states = {name: state.astype(np.float32, copy=False) for name, state in running.states.items()}
        self._fresh = False
        return lambda: frame.with_planes(*_cropped(running.take(), planes))

    def reset(self) -> None:
        """See Engine."""
        self._states = self._blank
        self._fresh = True

    @property
    def memory(self) -> Arrays:
        """See Engine."""
        return {} if self._fresh else self._states

    def remember(self, memory: Arrays) -> None:
        """See Engine."""
        self._states, self._fresh = memory or self._blank, not memory

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._run is not None:
            self._run = None
            self._close()

    def _inputs(self, planes: tuple[Plane, Plane, Plane]) -> list[NDArray[np.generic]]:
        dtype = np.uint8 if self._format.depth == 8 else np.float32
        return [_padded(plane, dtype, of) for plane, of in zip(planes, self._multiples, strict=True)]

    def _check(self, planes: tuple[Plane, Plane, Plane]) -> None:
        h, w = self._format.height, self._format.width
        half = ((h + 1) // 2, (w + 1) // 2)
        dtype = np.uint8 if self._format.depth == 8 else np.uint16
        for name, plane, shape in zip(PLANES, planes, ((h, w), half, half), strict=True):
            if plane.shape != shape or plane.dtype != dtype:
                raise ValueError(
                    f"plane {name} is {plane.shape} {plane.dtype}, this engine was opened for {shape} {np.dtype(dtype)}"
                )


def _cropped(outputs: Arrays, planes: tuple[Plane, Plane, Plane]) -> list[Plane]:
    """The planes of a frame, in the sizes and types in which they came in."""
    return [
        outputs[f"{name}_out"][0, 0, : plane.shape[0], : plane.shape[1]].astype(plane.dtype, copy=False)
        for name, plane in zip(PLANES, planes, strict=True)
    ]


def _one(value: float) -> NDArray[np.float32]:
    return np.array([value], dtype=np.float32)


def _padded(plane: Plane, dtype: type[np.generic], multiple: int) -> NDArray[np.generic]:
    """(H, W) as contiguous (1, 1, H', W') of the graph's type, edges repeated up to the multiple."""
    below, beside = -plane.shape[0] % multiple, -plane.shape[1] % multiple
    if below or beside:
        plane = np.pad(plane, ((0, below), (0, beside)), mode="edge")
    return np.ascontiguousarray(plane, dtype=dtype)[None, None]
