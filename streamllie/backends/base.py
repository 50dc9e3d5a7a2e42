"""What every backend promises, and what all of them share: sizes, levels, depth and memory around a running graph."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from streamllie.errors import BackendError
from streamllie.frame import Frame, Plane, VideoFormat

# (y, u, v, state, keep, strength, levels) -> (y, u, v, next_state), as models/streaming.py defines them.
# Arrays that come back belong to the caller.
Run = Callable[[list[NDArray[np.generic]]], Sequence[NDArray[Any]]]


class Engine(Protocol):
    """A model opened by a backend for one VideoFormat, with its memory of earlier frames."""

    @property
    def backend(self) -> str:
        """Name of the backend, as `--backend` takes it."""
        ...

    @property
    def precision(self) -> str:
        """Precision in use: "fp32" or "bf16"."""
        ...

    def __call__(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Frame:
        """Enhance one frame: `keep` in [0, 1] is the share of memory kept, `strength` in [0, 1] the share of effect."""
        ...

    def reset(self) -> None:
        """Forget all earlier frames."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class GraphEngine:
    """An Engine around a function that runs the exported graph on arrays.

    It remembers the graph's state between calls; `reset` makes it forget. After `with` it is closed for good.
    """

    def __init__(self, run: Run, format: VideoFormat, *, backend: str, precision: str, state_size: int) -> None:
        self.backend, self.precision = backend, precision
        self._run: Run | None = run
        self._format = format
        self._levels = format.levels.array()  # (5,)
        self._state = np.zeros((1, state_size), dtype=np.float32)
        self._fresh = True  # nothing is remembered: keep counts as 0

    def __call__(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Frame:
        """See Engine. Odd sizes are padded here and cropped again."""
        for name, value in (("keep", keep), ("strength", strength)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must be between 0 and 1")
        if self._run is None:
            raise BackendError(f"this {self.backend} engine is closed; open a new one")
        planes = (frame.y, frame.u, frame.v)
        self._check(planes)
        dtype = np.uint8 if self._format.depth == 8 else np.float32
        inputs: list[NDArray[np.generic]] = [
            _even(plane, dtype, of) for plane, of in zip(planes, (2, 1, 1), strict=True)
        ]
        inputs += [self._state, _one(0.0 if self._fresh else keep), _one(strength), self._levels]
        *out, state = self._run(inputs)
        self._state = state.astype(np.float32, copy=False)
        self._fresh = False
        cropped = (
            p[0, 0, : q.shape[0], : q.shape[1]].astype(q.dtype, copy=False) for p, q in zip(out, planes, strict=True)
        )
        return frame.with_planes(*cropped)

    def reset(self) -> None:
        """See Engine."""
        self._state = np.zeros_like(self._state)
        self._fresh = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run = None

    def _check(self, planes: tuple[Plane, Plane, Plane]) -> None:
        h, w = self._format.height, self._format.width
        half = ((h + 1) // 2, (w + 1) // 2)
        dtype = np.uint8 if self._format.depth == 8 else np.uint16
        for name, plane, shape in zip("yuv", planes, ((h, w), half, half), strict=True):
            if plane.shape != shape or plane.dtype != dtype:
                raise ValueError(
                    f"plane {name} is {plane.shape} {plane.dtype}, this engine was opened for {shape} {np.dtype(dtype)}"
                )


def _one(value: float) -> NDArray[np.float32]:
    return np.array([value], dtype=np.float32)


def _even(plane: Plane, dtype: type[np.generic], multiple: int) -> NDArray[np.generic]:
    """(H, W) as contiguous (1, 1, H', W') of the graph's type, edges repeated up to the multiple."""
    below, beside = -plane.shape[0] % multiple, -plane.shape[1] % multiple
    if below or beside:
        plane = np.pad(plane, ((0, below), (0, beside)), mode="edge")
    return np.ascontiguousarray(plane, dtype=dtype)[None, None]
