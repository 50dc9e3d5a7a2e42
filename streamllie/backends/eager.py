"""Run models with torch, layer by layer, float32: the reference that other backends are held to."""

import numpy as np
import torch
from numpy.typing import NDArray

from streamllie.backends.base import Engine, GraphEngine
from streamllie.errors import BackendError, ModelError
from streamllie.frame import VideoFormat
from streamllie.models.checkpoint import load
from streamllie.models.fold import fold
from streamllie.models.streaming import Streaming
from streamllie.shelf import Model


def open_engine(model: Model, format: VideoFormat, *, precision: str = "auto") -> Engine:
    """Open a model's checkpoint. "auto" is fp32, the only precision here."""
    if precision == "bf16":
        raise BackendError("backend eager is the fp32 reference; use --precision fp32 or --backend openvino")
    if model.weights_path is None:
        raise ModelError(f'model "{model.name}" has no checkpoint ({model.path.stem}.pt), which backend eager needs')
    network = fold(load(model.weights_path))
    streaming = Streaming(network).eval()

    @torch.inference_mode()
    def run(inputs: list[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        return [out.numpy() for out in streaming(*(torch.tensor(array) for array in inputs))]

    return GraphEngine(run, format, backend="eager", precision="fp32", state_size=network.state_size())
