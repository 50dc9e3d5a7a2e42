"""Device memory on pycuda, for machines where cuda-python has no wheel, such as Jetsons."""

import functools
import importlib
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamllie.backends.cuda import Memory, fail

cuda: Any = importlib.import_module("pycuda.driver")  # has no types
_CODES = {"out of memory": 2, "not initialized": 3, "no device": 100, "no kernel image": 209, "illegal memory": 700}


def open_memory() -> Memory:
    """The first GPU."""
    with _told():
        cuda.init()
        return _Memory(cuda.Device(0).retain_primary_context())  # the one that TensorRT uses too


class _Memory:
    """See cuda.Memory. A context belongs to a thread, so each call takes it and gives it back."""

    name = "pycuda"

    def __init__(self, context: Any) -> None:
        self._context = context
        self._streams: dict[int, Any] = {}
        self._frees: list[Callable[[], Any]] = []

    def stream(self) -> int:
        with self._current():
            stream = cuda.Stream(1)  # CU_STREAM_NON_BLOCKING
        self._streams[int(stream.handle)] = stream
        return int(stream.handle)

    def allocate(self, size: int) -> int:
        with self._current():
            block = cuda.mem_alloc(size)
            self._frees.append(block.free)
            cuda.memset_d8(block, 0, size)
        return int(block)

    def pinned(self, size: int) -> NDArray[np.uint8]:
        with self._current():
            array = cuda.pagelocked_empty(size, np.uint8)
        self._frees.append(array.base.free)
        return array

    def upload(self, target: int, source: NDArray[Any], stream: int) -> None:
        with self._current():
            cuda.memcpy_htod_async(target, source, self._streams[stream])

    def download(self, target: NDArray[Any], source: int, stream: int) -> None:
        with self._current():
            cuda.memcpy_dtoh_async(target, source, self._streams[stream])

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        with self._current():
            cuda.memcpy_dtod_async(target, source, size, self._streams[stream])

    def mark(self, stream: int) -> Callable[[], None]:
        with self._current():
            event = cuda.Event(cuda.event_flags.DISABLE_TIMING)
            event.record(self._streams[stream])
        return functools.partial(self._wait, event)

    def record(self, work: Callable[[], None], stream: int) -> Callable[[], None] | None:
        return None  # pycuda has no words for it

    def close(self) -> None:
        with self._current():
            self._context.synchronize()
            while self._frees:
                self._frees.pop()()
            self._streams.clear()
        self._context.detach()

    def _wait(self, event: Any) -> None:
        with self._current():
            event.synchronize()

    @contextmanager
    def _current(self) -> Generator[None]:
        with _told():
            self._context.push()
            try:
                yield
            finally:
                cuda.Context.pop()


@contextmanager
def _told() -> Generator[None]:
    """pycuda says "cuMemAlloc failed: out of memory" where others have a code."""
    try:
        yield
    except cuda.Error as error:
        text = str(error)
        code = next((code for words, code in _CODES.items() if words in text), 999)
        name = re.match(r"\w+", text)
        fail(code, name[0] if name else "CUDA", text)
