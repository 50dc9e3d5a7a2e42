"""Run models with ONNX Runtime: on the CPU, with CUDA, with CoreML, or with TensorRT for RTX as a plugin.

A provider that cannot start is an error: ONNX Runtime itself would go on with the CPU and say so in a log.
"""

import functools
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from streamllie.backends.base import NEXT, Arrays, Engine, GraphEngine, Running
from streamllie.backends.engine_cache import cache_folder
from streamllie.backends.graphs import BLOCK, QUARTER, graph_path, padded, state_shape
from streamllie.errors import BackendError
from streamllie.frame import VideoFormat
from streamllie.shelf import Model

# Without this its import reports itself to its maker over the network and keeps an identity in ~/.cache/Microsoft.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "tensorrt": "NvTensorRTRTXExecutionProvider",
}
_PLUGIN = "onnxruntime_ep_nv_tensorrt_rtx"


def open_engine(model: Model, format: VideoFormat, *, precision: str = "auto", device: str = "cpu") -> Engine:
    """Open a model with a provider: `device` is a key of PROVIDERS.

    "auto" is fp32, and fp16 with TensorRT for RTX, which alone has it.
    """
    name = "onnxruntime" if device == "cpu" else f"onnxruntime-{device}"
    if precision == "auto":
        precision = "fp16" if device == "tensorrt" else "fp32"
    if precision not in ({"fp32", "fp16", "bf16"} if device == "tensorrt" else {"fp32"}):
        raise BackendError(f"backend {name} has no {precision}; use --precision auto or fp32")
    path = graph_path(model, format)
    try:
        session = _plugin(path, format, precision) if device == "tensorrt" else _provider(path, PROVIDERS[device])
    except BackendError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions share no base class but Exception
        raise BackendError(f"ONNX Runtime cannot open {path}: {error}") from error
    outputs = [out.name for out in session.get_outputs()]
    states = {i.name: state_shape(i.shape, format) for i in session.get_inputs() if NEXT + i.name in outputs}

    def run(inputs: Arrays) -> Running:
        try:
            found = cast("Sequence[NDArray[Any]]", session.run(outputs, dict(inputs)))
        except Exception as error:  # as above
            raise BackendError(f"ONNX Runtime failed on a frame: {error}") from error
        return Running.done(dict(zip(outputs, found, strict=True)))

    return GraphEngine(
        run, format, backend=name, precision=precision, states=states, multiple=BLOCK if device == "tensorrt" else 2
    )


def _provider(path: Path, provider: str) -> ort.InferenceSession:
    if provider not in ort.get_available_providers():
        raise BackendError(f"this onnxruntime has no {provider}; it has {', '.join(ort.get_available_providers())}")
    session = ort.InferenceSession(path, providers=[provider])
    if session.get_providers()[0] != provider:
        raise BackendError(f"ONNX Runtime's {provider} does not start on this machine; its log above says why")
    return session


def _plugin(path: Path, format: VideoFormat, precision: str) -> ort.InferenceSession:
    """TensorRT for RTX as a plugin, which builds an engine for the stream's size and keeps it in our cache folder."""
    from streamllie.backends.rewrite import picture_states, rewritten  # noqa: PLC0415 - onnx is needed here alone

    provider = _registered()
    devices = [device for device in ort.get_ep_devices() if device.ep_name == provider]
    if not devices:
        raise BackendError("TensorRT for RTX knows no GPU of this machine; use --backend onnxruntime-cuda")
    height, width = padded(format.height, format.width)
    shapes = f"y:1x1x{height}x{width},u:1x1x{height // 2}x{width // 2},v:1x1x{height // 2}x{width // 2}"
    kept = cache_folder() / "onnxruntime"
    kept.mkdir(parents=True, exist_ok=True)
    graph = rewritten(path.read_bytes(), name=str(path), precision=precision, multiple=BLOCK)
    for name, channels in picture_states(graph).items():
        shapes += f",{name}:1x{channels}x{height // QUARTER}x{width // QUARTER}"
    options = {f"nv_profile_{bound}_shapes": shapes for bound in ("min", "opt", "max")}
    session_options = ort.SessionOptions()
    session_options.add_provider_for_devices(devices[:1], {**options, "nv_runtime_cache_path": str(kept)})
    session = ort.InferenceSession(graph, session_options)
    if session.get_providers()[0] != provider:
        raise BackendError(f"ONNX Runtime's {provider} does not take the graph; its log above says why")
    return session


@functools.cache
def _registered() -> str:
    """Name of the plugin, which a process loads once."""
    plugin = importlib.import_module(_PLUGIN)
    name = str(plugin.get_ep_name())
    ort.register_execution_provider_library(name, plugin.get_library_path())
    return name
