"""Run models with OpenVINO: the default on CPUs; bfloat16 where the CPU computes in it."""

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from streamllie.backends.base import Engine, GraphEngine
from streamllie.backends.graphs import even_sizes, graph_path
from streamllie.errors import BackendError
from streamllie.frame import VideoFormat
from streamllie.shelf import Model


def has_bf16() -> bool:
    """Whether the CPU computes in bfloat16."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def open_engine(model: Model, format: VideoFormat, *, precision: str = "auto") -> Engine:
    """Open a model. "auto" is bf16 for 8-bit frames where the CPU has it: rounding stays below a level, see `bench`."""
    if precision == "auto":
        precision = "bf16" if format.depth == 8 and has_bf16() else "fp32"
    if precision == "bf16" and not has_bf16():
        raise BackendError("this CPU does not compute in bfloat16; use --precision fp32 or auto")
    path = graph_path(model, format)
    height, width = even_sizes(format)
    half = [1, 1, height // 2, width // 2]
    try:
        core = ov.Core()
        graph = core.read_model(path)
        state_size = graph.input("state").get_partial_shape()[1].get_length()
        graph.reshape({"y": [1, 1, height, width], "u": half, "v": half})
        hint = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}[precision]
        compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"})
    except RuntimeError as error:
        raise BackendError(f"OpenVINO cannot open {path}: {_first_line(error)}") from error
    request = compiled.create_infer_request()

    def run(inputs: list[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        try:
            result = request.infer(inputs, share_inputs=True, share_outputs=False)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed on a frame: {_first_line(error)}") from error
        return [result[i] for i in range(4)]

    return GraphEngine(run, format, backend="openvino", precision=precision, state_size=state_size)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
