"""Libraries that run models. Each module opens a model as an Engine; `open_engine` chooses among them."""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from streamllie.backends.base import Engine
from streamllie.backends.cuda import LAYERS
from streamllie.backends.gpu import find_gpu, no_gpu
from streamllie.backends.tensorrt_library import installed, unfit
from streamllie.errors import BackendError, BackendMissing
from streamllie.frame import VideoFormat
from streamllie.shelf import CHECKPOINT, ENGINE, Model

# In the order in which "auto" prefers them: fastest first.
BACKENDS = (
    *("tensorrt", "onnxruntime-tensorrt", "onnxruntime-cuda", "eager-cuda"),
    *("openvino", "onnxruntime-coreml", "onnxruntime", "eager"),
)
PRECISIONS = ("auto", "fp32", "bf16", "fp16")

_INSTALL = {
    "tensorrt": 'pip install "streamllie[tensorrt]"',
    "openvino": "pip install openvino",
    "onnxruntime": 'pip install "streamllie[onnxruntime]"',
    "eager": 'pip install "streamllie[torch]"',
}
log = logging.getLogger(__name__)


def available() -> dict[str, str | None]:
    """Each backend, and None where it can be used, else a sentence that says why not. Imports no runtime."""
    return {name: _missing(name) for name in BACKENDS}


def can_run(name: str, model: Model) -> bool:
    """Whether a backend takes what there is of a model: a graph, a checkpoint or an engine."""
    if model.path.suffix == ENGINE:
        return name == "tensorrt"
    if model.path.suffix == CHECKPOINT:
        return name.startswith("eager")
    return model.weights_path is not None or not name.startswith("eager")


def open_engine(
    model: Model, format: VideoFormat, *, backend: str = "auto", precision: str = "auto", cuda: str = "auto"
) -> Engine:
    """Open a model on this machine for frames of one format.

    "auto" takes the fastest backend that is installed, and the fastest precision that does not show; it logs its
    choice. A backend or precision that is named is used or is an error. `cuda` is the layer under TensorRT:
    "cuda-python" or "pycuda".

    Raises:
        BackendMissing: the backend, or the device that it needs, is not there.
        BackendError: there is no such backend, or it cannot run this model in this precision.
    """
    if precision not in PRECISIONS:
        raise BackendError(f'no precision "{precision}"; there are: {", ".join(PRECISIONS)}')
    if cuda not in {"auto", *LAYERS}:
        raise BackendError(f'no CUDA layer "{cuda}"; there are: auto, {", ".join(LAYERS)}')
    if backend == "auto":
        engine = _open_fastest(model, format, precision, cuda)
    else:
        engine = _open(_named(backend), model, format, precision, cuda)
    log.info("%s runs %s in %s for %dx%d", engine.backend, model.name, engine.precision, format.width, format.height)
    return engine


def _open_fastest(model: Model, format: VideoFormat, precision: str, cuda: str) -> Engine:
    """What "auto" means. TensorRT that has no engine yet builds one while the next best backend runs."""
    able = [name for name in BACKENDS if can_run(name, model)]
    there = [name for name in able if _missing(name) is None]
    if not there and able == ["tensorrt"]:
        raise BackendMissing(
            f"{model.path} is an engine, which needs TensorRT and a GPU; `streamllie doctor` says what is missing,"
            " or name an .onnx file, which runs everywhere"
        )
    if not there and model.path.suffix == CHECKPOINT:
        raise BackendMissing(
            f"{model.path} is a checkpoint, which needs PyTorch; {_INSTALL['eager']}, or name an .onnx file"
        )
    if not there:
        raise BackendMissing(f"no backend is installed; {_INSTALL['openvino']}")
    first, *others = there
    if first == "tensorrt" and others and _must_be_built(model, format, precision):
        from streamllie.backends.switch import Switching  # noqa: PLC0415 - only here

        now = _first_that_opens(others, model, format, precision, cuda)
        log.warning("TensorRT builds an engine for %s; %s runs until it is ready", model.name, now.backend)
        return Switching(now, lambda: _open(first, model, format, precision, cuda))
    return _first_that_opens(there, model, format, precision, cuda)


def _first_that_opens(names: list[str], model: Model, format: VideoFormat, precision: str, cuda: str) -> Engine:
    """A backend that is there may still not run on this GPU, or in this precision: then say so and take the next."""
    failures: list[BackendError] = []
    for name in names:
        if failures:
            log.warning("%s; trying the next backend", failures[-1])
        try:
            return _open(name, model, format, precision, cuda)
        except BackendError as error:
            failures.append(error)
    raise failures[0]  # of the one that is preferred; the last is the one that fits least


def _must_be_built(model: Model, format: VideoFormat, precision: str) -> bool:
    """Whether TensorRT has no engine yet. Where it cannot even tell, opening it will say why."""
    try:
        return not importlib.import_module("streamllie.backends.tensorrt").is_built(model, format, precision=precision)
    except BackendError:
        return False


def _open(name: str, model: Model, format: VideoFormat, precision: str, cuda: str) -> Engine:
    library, _, device = name.partition("-")
    opener: Callable[..., Engine] = importlib.import_module(f"streamllie.backends.{library}").open_engine
    options = {"device": device} if device else {}
    if name == "tensorrt":
        options = {"cuda": cuda}
    return opener(model, format, precision=precision, **options)


def _named(backend: str) -> str:
    if backend not in BACKENDS:
        raise BackendError(f'no backend "{backend}"; there are: auto, {", ".join(BACKENDS)}')
    if reason := _missing(backend):
        raise BackendMissing(reason)
    return backend


def _missing(name: str) -> str | None:
    """Looks at files and asks the driver, but imports nothing: that would cost a second."""
    library, _, device = name.partition("-")
    if library == "tensorrt":
        lacking = not any(map(_home, ("tensorrt", "tensorrt_rtx_bindings")))
    else:
        lacking = _home({"eager": "torch"}.get(library, library)) is None
    if lacking:
        return f"backend {name} is not installed; {_INSTALL[library]}"
    tensorrt = "tensorrt" in {library, device}
    reason = _lacks_part(name) or (no_gpu() if tensorrt or device == "cuda" else None)
    if reason or not tensorrt:
        return reason
    return unfit(find_gpu(), installed() if library == "tensorrt" else ["tensorrt-rtx"])


def _lacks_part(name: str) -> str | None:
    """What a package that is there may still have been built without."""
    if name == "onnxruntime-cuda" and not _has("onnxruntime", "capi/libonnxruntime_providers_cuda.so"):
        return "this onnxruntime has no CUDA in it; pip install onnxruntime-gpu in its place"
    if name == "onnxruntime-tensorrt" and _home("onnxruntime_ep_nv_tensorrt_rtx") is None:
        return f"the TensorRT plugin of ONNX Runtime is not installed; {_INSTALL['tensorrt']}"
    if name == "onnxruntime-coreml" and sys.platform != "darwin":
        return "CoreML is on Apple's systems only"
    if name == "eager-cuda" and not _has("torch", "lib/libtorch_cuda.so"):
        return "this torch has no CUDA in it; install a build that has, see pytorch.org"
    return None


def _home(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _has(package: str, part: str) -> bool:
    home = _home(package)
    return home is not None and (home / part).is_file()
