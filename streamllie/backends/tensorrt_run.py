"""One TensorRT context for one frame size: its buffers, its stream, and two frames in flight.

While the GPU works on a frame, the CPU fills pinned memory with the next one and empties that of the last. All work
is in one stream, so it is done in order and the states of the network never leave the device.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamllie.backends.base import NEXT, Arrays, Running
from streamllie.backends.cuda import Memory
from streamllie.backends.graphs import padded, state_shape
from streamllie.errors import BackendError, OutOfMemory
from streamllie.frame import VideoFormat

IN_FLIGHT = 2  # frames: one that the GPU works on, one that the CPU copies


class Contexts(Protocol):
    """Where contexts come from, see kernels.py."""

    @property
    def records(self) -> bool:
        """Whether its contexts record CUDA graphs by themselves."""
        ...

    def context(self, engine: Any) -> Any:
        """An execution context, or None if there is no memory for one."""
        ...

    def keep(self) -> None:
        """Keep for the next time what this one took long to make."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Tensor:
    """An input or output of the engine, with its memory on the device."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pointer: int

    @property
    def size(self) -> int:
        """Bytes."""
        return prod(self.shape) * self.dtype.itemsize


class _Slot:
    """Pinned host memory for one frame on its way."""

    def __init__(self, up: list[_Tensor], down: list[_Tensor], memory: Memory) -> None:
        self.arrays: dict[str, NDArray[Any]] = {
            t.name: memory.pinned(t.size).view(t.dtype).reshape(t.shape) for t in (*up, *down)
        }
        self.busy = False


class Execution:
    """An engine as the Run of a GraphEngine: frames in, frames out, states stay inside."""

    def __init__(self, engine: Any, format: VideoFormat, memory: Memory, *, kernels: Contexts, log: Any) -> None:
        self._memory, self._kernels, self._log = memory, kernels, log
        self._stream = memory.stream()
        self._context: Any = kernels.context(engine)
        if self._context is None:
            raise OutOfMemory(f"the GPU has no room for an engine of this size: {log.reason()}")
        self._format = format
        self._choose_profile(engine)
        tensors = self._allocate(engine)
        states = {name: tensors[NEXT + name] for name in tensors if NEXT + name in tensors}
        self._states = [(tensors[name], after) for name, after in states.items()]
        known = {t.name for pair in self._states for t in pair}
        inputs = {name for name in tensors if engine.get_tensor_mode(name).name == "INPUT"}
        self._up = [t for t in tensors.values() if t.name in inputs and t.name not in known]
        self._down = [t for t in tensors.values() if t.name not in inputs and t.name not in known]
        self._slots = [_Slot(self._up, self._down, memory) for _ in range(IN_FLIGHT)]
        self._turn = 0
        self._launch = self._enqueue

    def __call__(self, inputs: Arrays) -> Running:
        """Put a frame's work into the stream. States among the inputs replace those on the device."""
        slot = self._slots[self._turn % IN_FLIGHT]
        if slot.busy:
            raise BackendError(f"{IN_FLIGHT} frames are in flight; take the first before another is started")
        for tensor in self._up:
            _fill(slot.arrays[tensor.name], inputs[tensor.name])
            self._memory.upload(tensor.pointer, slot.arrays[tensor.name], self._stream)
        self._restore(inputs)
        self._launch()
        for before, after in self._states:
            self._memory.copy(before.pointer, after.pointer, before.size, self._stream)
        for tensor in self._down:
            self._memory.download(slot.arrays[tensor.name], tensor.pointer, self._stream)
        wait = self._memory.mark(self._stream)
        slot.busy = True
        self._turn += 1
        if self._turn == 1 and not self._kernels.records:
            self._record()
        return Running(take=lambda: self._take(slot, wait))

    def close(self) -> None:
        """Let go of the context. The memory is the caller's to close."""
        with suppress(BackendError):  # of a GPU that has failed
            self._memory.mark(self._stream)()  # frames that nobody took may still run
        self._kernels.keep()
        self._launch = self._enqueue
        self._context = None

    def _take(self, slot: _Slot, wait: Callable[[], None]) -> Arrays:
        try:
            wait()
        finally:
            slot.busy = False
        return {t.name: slot.arrays[t.name].copy() for t in self._down}

    def _record(self) -> None:
        """After the first frame everything is compiled, so the work of the next ones can be one CUDA graph."""
        launch = self._memory.record(self._enqueue, self._stream)
        if launch is not None:
            self._launch = launch

    def _enqueue(self) -> None:
        if not self._context.execute_async_v3(self._stream):
            raise BackendError(f"TensorRT failed on a frame: {self._log.reason()}; use --backend openvino")

    def _restore(self, inputs: Arrays) -> None:
        """Take over states of another engine. The host memory must outlive the copy, so wait for it."""
        given = [(before, inputs[before.name]) for before, _ in self._states if before.name in inputs]
        for tensor, values in given:
            array = np.ascontiguousarray(values, dtype=tensor.dtype)
            if array.shape != tensor.shape:
                raise BackendError(f"the memory {tensor.name} is {array.shape}, this engine's is {tensor.shape}")
            self._memory.upload(tensor.pointer, array, self._stream)
            self._memory.mark(self._stream)()

    def _choose_profile(self, engine: Any) -> None:
        size = padded(self._format.height, self._format.width)
        for index in range(engine.num_optimization_profiles):
            least, _, most = engine.get_tensor_profile_shape("y", index)
            fits = all(a <= b <= c for a, b, c in zip(tuple(least)[2:], size, tuple(most)[2:], strict=True))
            if fits:
                self._context.set_optimization_profile_async(index, self._stream)
                self._memory.mark(self._stream)()
                return
        raise BackendError(
            f"this engine is not for frames of {self._format.width}x{self._format.height}; "
            "build one with `streamllie engine build --size`"
        )

    def _allocate(self, engine: Any) -> dict[str, _Tensor]:
        """Memory for every input and output, in the shapes that follow from the frame size."""
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        height, width = padded(self._format.height, self._format.width)
        planes = {"y": (1, 1, height, width)} | dict.fromkeys("uv", (1, 1, height // 2, width // 2))
        for name in names:
            dims = tuple(engine.get_tensor_shape(name))
            if engine.get_tensor_mode(name).name == "INPUT" and -1 in dims:
                shape = planes.get(name) or state_shape(dims, self._format)
                if not self._context.set_input_shape(name, shape):
                    raise BackendError(f"TensorRT refuses {name} of {shape}: {self._log.reason()}")
        tensors: dict[str, _Tensor] = {}
        for name in names:
            shape = tuple(self._context.get_tensor_shape(name))
            dtype = np.dtype(_TYPES[engine.get_tensor_dtype(name).name])
            pointer = self._memory.allocate(prod(shape) * dtype.itemsize)
            tensors[name] = _Tensor(name=name, shape=shape, dtype=dtype, pointer=pointer)
            self._context.set_tensor_address(name, pointer)
        return tensors


_TYPES = {"FLOAT": np.float32, "HALF": np.float16, "UINT8": np.uint8, "INT32": np.int32, "INT64": np.int64}


def _fill(target: NDArray[Any], source: NDArray[Any]) -> None:
    """Copy an array; a plane goes into the corner of a larger one, and its edges are repeated."""
    if target.shape == source.shape:
        target[...] = source
        return
    height, width = source.shape[2:]
    target[:, :, :height, :width] = source
    target[:, :, :height, width:] = source[:, :, :, -1:]
    target[:, :, height:] = target[:, :, height - 1 : height]
