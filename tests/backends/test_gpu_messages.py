"""What a machine without a GPU, or without a part of what a GPU needs, is told: the reason and the way out."""

import importlib.util
import weakref
from pathlib import Path

import pytest

from streamllie import backends, shelf
from streamllie.backends import available, cuda, gpu, open_engine, tensorrt
from streamllie.backends.cuda import fail, open_memory
from streamllie.backends.engine_build import build_engine
from streamllie.backends.engine_cache import EngineCache
from streamllie.backends.engine_file import Header
from streamllie.backends.gpu import Gpu
from streamllie.backends.kernels import Kernels
from streamllie.backends.tensorrt_build import Plan, Sizes, build, device
from streamllie.backends.tensorrt_library import Library, choose, installed, load, runs_rtx, unfit
from streamllie.errors import BackendError, BackendMissing, OutOfMemory
from streamllie.frame import VideoFormat

NO_GPU = gpu.no_gpu()
without_gpu = pytest.mark.skipif(NO_GPU is None, reason="this machine has a GPU")
needs_rtx = pytest.mark.skipif("tensorrt-rtx" not in installed(), reason="needs streamllie[tensorrt]")
FORMAT = VideoFormat(height=64, width=64)
CARD = Gpu(name="Card", capability=(8, 9), driver="13.0", memory=8 << 30)


@without_gpu
@pytest.mark.parametrize("backend", ["tensorrt", "onnxruntime-tensorrt", "onnxruntime-cuda", "eager-cuda"])
def test_a_gpu_backend_that_is_named_without_a_gpu_is_an_error_and_no_substitute(backend):
    with pytest.raises(BackendMissing, match=r"NVIDIA|CUDA|not installed"):
        open_engine(shelf.find("lite"), FORMAT, backend=backend)
    assert available()[backend]


@needs_rtx
def test_a_missing_driver_is_named_with_a_way_out(monkeypatch):
    monkeypatch.setattr(gpu, "DRIVER", "libcuda-that-is-not-there.so.1")
    gpu.find_gpu.cache_clear()
    try:
        assert gpu.no_gpu() is not None
        with pytest.raises(BackendMissing, match=r"no NVIDIA driver .*; install one, or use --backend openvino"):
            tensorrt.open_engine(shelf.find("lite"), FORMAT)
    finally:
        gpu.find_gpu.cache_clear()


@without_gpu
@pytest.mark.skipif(importlib.util.find_spec("cuda") is None, reason="needs cuda-python")
def test_cuda_without_a_gpu_says_its_code_and_a_way_out():
    with pytest.raises(BackendError, match=r"CUDA error \d+ \(cudaError\w+\): .*; .+"):
        open_memory("cuda-python")


def test_cuda_errors_have_a_code_a_name_and_a_way_out():
    with pytest.raises(
        OutOfMemory, match=r"CUDA error 2 \(cudaErrorMemoryAllocation\): out of memory; close what else"
    ):
        fail(2, "cudaErrorMemoryAllocation", "out of memory")
    with pytest.raises(BackendError, match=r"CUDA error 35 .*update it"):
        fail(35, "cudaErrorInsufficientDriver", "too old")
    with pytest.raises(BackendError, match=r"CUDA error 4711 .*use --backend openvino"):
        fail(4711, "cudaErrorOdd", "odd")


def test_the_memory_layer_is_the_one_that_is_asked_for_or_installed(monkeypatch):
    with pytest.raises(BackendError, match='no CUDA layer "numba"; there are: auto, cuda-python, pycuda'):
        open_memory("numba")
    opened: list[str] = []

    def note(name: str):
        opened.append(name)
        raise ImportError(name)

    monkeypatch.setattr(cuda.importlib, "import_module", note)
    monkeypatch.setattr(cuda, "_installed", lambda layer: layer == "pycuda")
    with pytest.raises(BackendMissing, match=r'cuda-python is not installed; pip install "streamllie\[tensorrt\]"'):
        open_memory("cuda-python")
    with pytest.raises(BackendMissing, match=r"pycuda cannot be loaded: .*; is the NVIDIA driver installed"):
        open_memory("auto")
    assert opened == ["streamllie.backends.cuda_pycuda"]


def test_full_tensorrt_builds_for_the_gpu_at_hand_only():
    full = Library(flavour="tensorrt", version="10.9", module=None)
    with pytest.raises(BackendError, match="there is none; use TensorRT for RTX"):
        device(full, None)
    assert device(full, CARD) == {"name": "Card", "capability": (8, 9), "driver": "13.0"}
    with pytest.raises(BackendError, match="leave --target out"):
        build(Plan(model="x", graph=b"", targets=("sm89",)), full, CARD)


@needs_rtx
def test_gpus_that_tensorrt_for_rtx_does_not_know_are_left_to_the_full_library():
    assert runs_rtx(CARD)
    assert not runs_rtx(Gpu(name="H200", capability=(9, 0), driver="13.0", memory=1))
    assert choose(CARD).flavour == "tensorrt-rtx"
    if "tensorrt" not in installed():
        with pytest.raises(BackendMissing, match="tensorrt is not installed; installed is tensorrt-rtx"):
            choose(CARD, "tensorrt")


@needs_rtx
@pytest.mark.skipif("tensorrt" in installed(), reason="full TensorRT runs on it")
def test_a_gpu_that_tensorrt_for_rtx_does_not_know_is_named_before_anything_is_built(monkeypatch):
    card = Gpu(name="NVIDIA H200", capability=(9, 0), driver="13.0", memory=1)
    monkeypatch.setattr(backends, "no_gpu", lambda: None)
    monkeypatch.setattr(backends, "find_gpu", lambda: card)
    with pytest.raises(BackendMissing, match=r"on NVIDIA H200 \(compute capability 9\.0\); .* --backend eager-cuda"):
        open_engine(shelf.find("lite"), FORMAT, backend="tensorrt")
    assert "NVIDIA H200" in str(available()["onnxruntime-tensorrt"])
    assert unfit(card, ["tensorrt-rtx", "tensorrt"]) is None
    assert unfit(CARD, ["tensorrt-rtx"]) is None


@needs_rtx
@without_gpu
def test_an_engine_that_the_library_refuses_is_an_error_with_its_reason():
    library = load("tensorrt-rtx")
    header = Header(kind="engine", key="1" * 64, about={"model": "lite"})
    with pytest.raises(BackendError, match=r"tensorrt-rtx [\d.]+ refuses the engine of lite: .*Error"):
        tensorrt.Loaded(header, b"x" * 1000, library)


@needs_rtx
def test_an_engine_file_for_something_else_is_refused_before_the_library_sees_it(tmp_path):
    library = load("tensorrt-rtx")
    output = tmp_path / "mine.engine"
    build_engine("lite", sizes=(Sizes.fixed(64, 64),), flavour="tensorrt-rtx", output=output)
    model = shelf.find(output)
    assert (model.name, model.path) == ("mine", output)
    deep = VideoFormat(height=64, width=64, depth=10)
    with pytest.raises(BackendError, match="is for video of 8 bits"):
        tensorrt._from_file(model, deep, "auto", library)
    other = Library(flavour="tensorrt-rtx", version="0.1", module=None)
    with pytest.raises(BackendError, match=r"was made by tensorrt-rtx 1\.[\d.]+, here is tensorrt-rtx 0\.1"):
        tensorrt._from_file(model, FORMAT, "auto", other)
    with pytest.raises(BackendError, match=r"mine\.engine is in fp16, not fp32; leave out --precision"):
        tensorrt._from_file(model, FORMAT, "fp32", library)
    for backend in ("openvino", "onnxruntime"):
        with pytest.raises(BackendError, match=r"mine\.engine is an engine; it runs with --backend tensorrt"):
            open_engine(model, FORMAT, backend=backend)


def test_the_kernels_of_a_gpu_are_kept_under_a_key_of_their_own(tmp_path):
    engine = Header(kind="engine", key="1" * 64, about={"model": "lite"})
    library = Library(flavour="tensorrt-rtx", version="1", module=None)
    cards = [CARD, Gpu(name="Card", capability=(8, 9), driver="13.1", memory=8 << 30)]
    keys = {Kernels(engine, library, card, cache=EngineCache(Path(tmp_path)))._header.key for card in cards}
    assert len(keys) == 2
    Kernels(engine, library, CARD, cache=EngineCache(Path(tmp_path))).keep()  # nothing was compiled: nothing is written
    assert list(tmp_path.iterdir()) == []


class Room:
    """Device memory that counts how often it is freed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_memory_is_freed_once_where_the_second_try_fails_too(monkeypatch):
    rooms, first = [], Room()

    def opened(cuda: str):
        if rooms:
            raise BackendError("the driver is gone")
        rooms.append(first)
        return first

    def full(*_: object):
        raise OutOfMemory("CUDA error 2")

    for name, value in (
        ("find_gpu", lambda: CARD),
        ("choose", lambda gpu: Library(flavour="tensorrt-rtx", version="1", module=None)),
        ("open_memory", opened),
        ("_from_cache", full),
    ):
        monkeypatch.setattr(tensorrt, name, value)
    with pytest.raises(BackendError, match="the driver is gone"):
        tensorrt.open_engine(shelf.find("lite"), FORMAT)
    assert first.closed == 1


def test_an_engine_that_somebody_lets_go_of_at_this_moment_is_loaded_again(monkeypatch):
    class Losing(weakref.WeakValueDictionary):
        def __contains__(self, key: object) -> bool:
            return True  # and gone when it is asked for

    library = Library(flavour="tensorrt-rtx", version="1", module=None)
    header = Header(kind="engine", key="1" * 64, about={})
    monkeypatch.setattr(tensorrt, "_loaded", Losing())
    monkeypatch.setattr(tensorrt, "ready", lambda *_: (header, b"", True))
    monkeypatch.setattr(tensorrt, "Loaded", lambda *_: Room())
    assert isinstance(tensorrt._from_cache(Plan(model="x", graph=b""), library, CARD), Room)
