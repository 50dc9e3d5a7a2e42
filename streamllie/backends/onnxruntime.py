"""Run models with ONNX Runtime on the CPU, float32."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from streamllie.backends.base import Engine, GraphEngine
from streamllie.backends.graphs import graph_path
from streamllie.errors import BackendError
from streamllie.frame import VideoFormat
from streamllie.models.names import INPUTS, OUTPUTS
from streamllie.shelf import Model


def open_engine(model: Model, format: VideoFormat, *, precision: str = "auto") -> Engine:
    """Open a model. "auto" is fp32, the only precision here."""
    if precision == "bf16":
        raise BackendError("backend onnxruntime has no bf16 on CPUs; use --precision fp32 or --backend openvino")
    path = graph_path(model, format)
    try:
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class but Exception
        raise BackendError(f"ONNX Runtime cannot open {path}: {error}") from error
    state_size = next(i.shape[1] for i in session.get_inputs() if i.name == "state")

    def run(inputs: list[NDArray[np.generic]]) -> Sequence[NDArray[Any]]:
        try:
            return cast("Sequence[NDArray[Any]]", session.run(OUTPUTS, dict(zip(INPUTS, inputs, strict=True))))
        except Exception as error:  # as above
            raise BackendError(f"ONNX Runtime failed on a frame: {error}") from error

    return GraphEngine(run, format, backend="onnxruntime", precision="fp32", state_size=state_size)
