"""A stand-in for a GPU: device memory is host memory, a stream is a queue that is worked off as late as allowed.

For machines without a GPU. It runs the very graph that TensorRT is given, with ONNX Runtime, behind the few calls that
`tensorrt_run` makes, and it keeps a stream's promise and no more: nothing is done before somebody waits for it. So
padding, order of copies, slots and states are tested for real; TensorRT and CUDA are not.
"""

import ctypes
from collections import deque
from types import SimpleNamespace

import numpy as np

from streamllie.backends.graphs import BLOCK, padded
from streamllie.backends.onnxruntime import ort
from streamllie.backends.rewrite import rewritten
from streamllie.backends.tensorrt_build import Sizes

TYPES = {"tensor(float)": "FLOAT", "tensor(uint8)": "UINT8"}
DTYPES = {"FLOAT": np.float32, "UINT8": np.uint8}


class HostMemory:
    """See streamllie.backends.cuda.Memory."""

    name = "host"

    def __init__(self, *, records: bool = True) -> None:
        self.blocks: dict[int, np.ndarray] = {}
        self.queue: deque = deque()
        self.recording: list | None = None
        self.launches = 0
        self.closed = False
        self._records = records

    def stream(self) -> int:
        return 77

    def allocate(self, size: int) -> int:
        block = np.zeros(size, np.uint8)
        self.blocks[block.ctypes.data] = block
        return block.ctypes.data

    def pinned(self, size: int) -> np.ndarray:
        return np.full(size, 99, np.uint8)  # real pinned memory holds anything

    def upload(self, target, source, stream) -> None:
        assert source.flags.c_contiguous
        self.put(lambda: ctypes.memmove(target, source.ctypes.data, source.nbytes))

    def download(self, target, source, stream) -> None:
        assert target.flags.c_contiguous
        self.put(lambda: ctypes.memmove(target.ctypes.data, source, target.nbytes))

    def copy(self, target, source, size, stream) -> None:
        self.put(lambda: ctypes.memmove(target, source, size))

    def put(self, work) -> None:
        (self.queue if self.recording is None else self.recording).append(work)

    def mark(self, stream):
        until = len(self.queue)
        last = self.queue[-1] if until else None

        def wait() -> None:
            while last in self.queue:
                self.queue.popleft()()

        return wait

    def record(self, work, stream):
        if not self._records:
            return None
        self.recording = []
        work()
        graph, self.recording = self.recording, None

        def launch() -> None:
            self.launches += 1
            for step in graph:
                self.put(step)

        return launch

    def close(self) -> None:
        self.closed = True


class HostEngine:
    """An ICudaEngine and its one IExecutionContext, as far as `tensorrt_run` knows them."""

    def __init__(self, path, memory: HostMemory, *, precision: str = "fp32", sizes: Sizes | None = None) -> None:
        graph = rewritten(path.read_bytes(), name="x", precision=precision, multiple=BLOCK)
        self.session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
        self.inputs = {i.name: i for i in self.session.get_inputs()}
        self.outputs = {o.name: o for o in self.session.get_outputs()}
        self.memory, self.sizes = memory, sizes or Sizes()
        self.addresses: dict[str, int] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.profile = None

    num_optimization_profiles = 1

    @property
    def num_io_tensors(self) -> int:
        return len(self.inputs) + len(self.outputs)

    def get_tensor_profile_shape(self, name, index):
        return [(1, 1, *padded(*size)) for size in (self.sizes.least, self.sizes.best, self.sizes.most)]

    def get_tensor_name(self, index):
        return [*self.inputs, *self.outputs][index]

    def get_tensor_mode(self, name):
        return SimpleNamespace(name="INPUT" if name in self.inputs else "OUTPUT")

    def get_tensor_dtype(self, name):
        return SimpleNamespace(name=TYPES[(self.inputs | self.outputs)[name].type])

    def set_optimization_profile_async(self, index, stream):
        self.profile = index
        return True

    def set_input_shape(self, name, shape):
        self.shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name):
        given = name.removesuffix("_out").removeprefix("next_")
        if given in self.shapes:
            return self.shapes[given]
        return tuple(dim if isinstance(dim, int) else -1 for dim in (self.inputs | self.outputs)[name].shape)

    def set_tensor_address(self, name, pointer):
        self.addresses[name] = pointer
        return True

    def execute_async_v3(self, stream):
        self.memory.put(self._run)
        return True

    def _run(self) -> None:
        found = self.session.run(None, {name: self._view(name).copy() for name in self.inputs})
        for name, array in zip(self.outputs, found, strict=True):
            self._view(name)[...] = array

    def _view(self, name) -> np.ndarray:
        dtype = DTYPES[self.get_tensor_dtype(name).name]
        shape = self.get_tensor_shape(name)
        return self.memory.blocks[self.addresses[name]].view(dtype).reshape(shape)


class HostContexts:
    """See streamllie.backends.tensorrt_run.Contexts."""

    def __init__(self, *, records: bool = False, room: bool = True) -> None:
        self.records, self.room, self.kept = records, room, 0

    def context(self, engine):
        return engine if self.room else None

    def keep(self) -> None:
        self.kept += 1
