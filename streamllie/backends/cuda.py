"""Device memory, copies and streams, in the few words that an engine needs: on cuda-python, or on pycuda.

Pointers and streams are plain integers, as TensorRT takes them. Everything is on the first GPU.
"""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from streamllie.errors import BackendError, BackendMissing, OutOfMemory

LAYERS = ("cuda-python", "pycuda")  # in the order in which "auto" prefers them
_MODULES = {"cuda-python": "cuda.bindings", "pycuda": "pycuda"}
_HOMES = {"cuda-python": "streamllie.backends.cuda_python", "pycuda": "streamllie.backends.cuda_pycuda"}
_EXTRAS = {"cuda-python": "tensorrt", "pycuda": "pycuda"}
_OUT_OF_MEMORY = 2  # cudaErrorMemoryAllocation, CUDA_ERROR_OUT_OF_MEMORY
_WAYS_OUT = {
    _OUT_OF_MEMORY: "close what else uses the GPU, or use --backend openvino",
    3: "the driver is not ready; `nvidia-smi` says more",
    35: "there is no driver, or one too old for this CUDA; update it, or use --backend openvino",
    100: "no GPU is visible; is CUDA_VISIBLE_DEVICES empty?",
    209: "the library has no code for this GPU; update it, or use --backend openvino",
    700: "the GPU met an illegal address; please report it, and use --backend openvino meanwhile",
    719: "the GPU stopped; `nvidia-smi` and `dmesg` say more",
}


class Memory(Protocol):
    """What an engine does with a GPU. Close it last; what it allocated is freed then."""

    name: str  # of LAYERS

    def stream(self) -> int:
        """A stream of our own: work in it is done in order."""
        ...

    def allocate(self, size: int) -> int:
        """Device memory of `size` bytes, all zero."""
        ...

    def pinned(self, size: int) -> NDArray[np.uint8]:
        """(size,) host memory that the GPU copies from and to without the CPU."""
        ...

    def upload(self, target: int, source: NDArray[Any], stream: int) -> None:
        """Copy contiguous host memory, which must stay until then, to the device."""
        ...

    def download(self, target: NDArray[Any], source: int, stream: int) -> None:
        """Copy from the device into contiguous host memory."""
        ...

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy `size` bytes within the device."""
        ...

    def mark(self, stream: int) -> Callable[[], None]:
        """A function that waits until all that is in the stream now is done."""
        ...

    def record(self, work: Callable[[], None], stream: int) -> Callable[[], None] | None:
        """What `work` puts into the stream, as one CUDA graph to launch; None where graphs cannot be recorded."""
        ...

    def close(self) -> None:
        """Wait for all work, and free everything."""
        ...


def open_memory(layer: str = "auto") -> Memory:
    """A memory layer on the first GPU. "auto" takes cuda-python, or pycuda where only that is installed.

    Raises:
        BackendMissing: it is not installed, or cannot be loaded.
        BackendError: there is no such layer.
    """
    if layer == "auto":
        layer = next((name for name in LAYERS if _installed(name)), LAYERS[0])
    if layer not in LAYERS:
        raise BackendError(f'no CUDA layer "{layer}"; there are: auto, {", ".join(LAYERS)}')
    if not _installed(layer):
        raise BackendMissing(f'{layer} is not installed; pip install "streamllie[{_EXTRAS[layer]}]"')
    try:
        return importlib.import_module(_HOMES[layer]).open_memory()
    except ImportError as error:
        raise BackendMissing(f"{layer} cannot be loaded: {error}; is the NVIDIA driver installed?") from error


def fail(code: int, name: str, reason: str) -> NoReturn:
    """Raise what a CUDA error means for a user."""
    kind = OutOfMemory if code == _OUT_OF_MEMORY else BackendError
    way_out = _WAYS_OUT.get(code, "use --backend openvino, and report it if it stays")
    raise kind(f"CUDA error {code} ({name}): {reason}; {way_out}")


def _installed(layer: str) -> bool:
    try:
        return importlib.util.find_spec(_MODULES[layer]) is not None
    except ModuleNotFoundError:  # of a parent package
        return False
