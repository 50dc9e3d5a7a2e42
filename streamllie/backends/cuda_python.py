"""Device memory on cuda-python's runtime API."""

import ctypes
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamllie.backends.cuda import Memory, fail

cuda: Any = importlib.import_module("cuda.bindings.runtime")  # has no types
_KIND = cuda.cudaMemcpyKind


def open_memory() -> Memory:
    """The first GPU."""
    _do(cuda.cudaSetDevice(0))
    return _Memory()


class _Memory:
    """See cuda.Memory. The runtime's context is the device's own, so any thread may call."""

    name = "cuda-python"

    def __init__(self) -> None:
        self._frees: list[Callable[[], Any]] = []

    def stream(self) -> int:
        stream = _do(cuda.cudaStreamCreateWithFlags(cuda.cudaStreamNonBlocking))
        self._frees.append(lambda: cuda.cudaStreamDestroy(stream))
        return int(stream)

    def allocate(self, size: int) -> int:
        pointer = int(_do(cuda.cudaMalloc(size)))
        self._frees.append(lambda: cuda.cudaFree(pointer))
        _do(cuda.cudaMemset(pointer, 0, size))
        return pointer

    def pinned(self, size: int) -> NDArray[np.uint8]:
        pointer = int(_do(cuda.cudaHostAlloc(size, cuda.cudaHostAllocDefault)))
        self._frees.append(lambda: cuda.cudaFreeHost(pointer))
        return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_uint8)), (size,))

    def upload(self, target: int, source: NDArray[Any], stream: int) -> None:
        _do(cuda.cudaMemcpyAsync(target, source.ctypes.data, source.nbytes, _KIND.cudaMemcpyHostToDevice, stream))

    def download(self, target: NDArray[Any], source: int, stream: int) -> None:
        _do(cuda.cudaMemcpyAsync(target.ctypes.data, source, target.nbytes, _KIND.cudaMemcpyDeviceToHost, stream))

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        _do(cuda.cudaMemcpyAsync(target, source, size, _KIND.cudaMemcpyDeviceToDevice, stream))

    def mark(self, stream: int) -> Callable[[], None]:
        event = _do(cuda.cudaEventCreateWithFlags(cuda.cudaEventDisableTiming))
        _do(cuda.cudaEventRecord(event, stream))

        def wait() -> None:
            try:
                _do(cuda.cudaEventSynchronize(event))
            finally:
                cuda.cudaEventDestroy(event)

        return wait

    def record(self, work: Callable[[], None], stream: int) -> Callable[[], None] | None:
        _do(cuda.cudaStreamBeginCapture(stream, cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal))
        try:
            work()
        finally:
            graph = _do(cuda.cudaStreamEndCapture(stream))
        launchable = _do(cuda.cudaGraphInstantiate(graph, 0))
        _do(cuda.cudaGraphDestroy(graph))
        self._frees.append(lambda: cuda.cudaGraphExecDestroy(launchable))

        def launch() -> None:
            _do(cuda.cudaGraphLaunch(launchable, stream))

        return launch

    def close(self) -> None:
        try:
            _do(cuda.cudaDeviceSynchronize())
        finally:
            while self._frees:
                self._frees.pop()()


def _do(result: tuple[Any, ...]) -> Any:
    """The value of a call, whose first is its error code."""
    code, *values = result
    if int(code):
        _, name = cuda.cudaGetErrorName(code)
        _, reason = cuda.cudaGetErrorString(code)
        fail(int(code), bytes(name).decode(), bytes(reason).decode())
    return values[0] if values else None
