"""What every backend promises: an Engine, a model opened on this machine for one frame size, with its memory."""

from types import TracebackType
from typing import Protocol, Self

from streamllie.frame import Frame


class Engine(Protocol):
    """A model opened by a backend for one VideoFormat. It remembers pooled statistics of earlier frames."""

    @property
    def backend(self) -> str:
        """Name of the backend, as `--backend` takes it."""
        ...

    @property
    def precision(self) -> str:
        """Precision in use: "fp32" or "bf16"."""
        ...

    def __call__(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Frame:
        """Enhance one frame; keep in [0, 1] is the share of memory kept, strength in [0, 1] the share of effect."""
        ...

    def reset(self) -> None:
        """Forget all earlier frames."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
