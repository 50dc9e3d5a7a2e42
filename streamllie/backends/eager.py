"""Run models with torch, layer by layer, float32: the reference that other backends are held to.

On a GPU the layers are recorded once as a CUDA graph, so that what is measured is the network and not Python.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from streamllie.backends.base import Arrays, Engine, GraphEngine, Running
from streamllie.backends.graphs import state_shape
from streamllie.errors import BackendError, ModelError
from streamllie.frame import VideoFormat
from streamllie.models.checkpoint import load
from streamllie.models.fold import fold
from streamllie.models.history import CHANNELS
from streamllie.models.names import HISTORY, INPUTS, NEXT_HISTORY, OUTPUTS
from streamllie.models.streaming import Streaming
from streamllie.shelf import Model

WARM = 3  # runs before recording: libraries choose their kernels in the first


def open_engine(model: Model, format: VideoFormat, *, precision: str = "auto", device: str = "cpu") -> Engine:
    """Open a model's checkpoint. "auto" is fp32, the only precision here; `device` is "cpu" or "cuda"."""
    if precision not in {"auto", "fp32"}:
        raise BackendError("backend eager is the fp32 reference; use --precision fp32 or another --backend")
    if model.weights_path is None:
        raise ModelError(f'model "{model.name}" has no checkpoint ({model.path.stem}.pt), which backend eager needs')
    network = fold(load(model.weights_path))
    history = network.history is not None
    states: dict[str, tuple[int, ...]] = {"state": (1, network.state_size())}
    if history:
        states[HISTORY] = state_shape((1, CHANNELS, None, None), format)
    names = (*INPUTS, HISTORY) if history else INPUTS
    outputs = (*OUTPUTS, NEXT_HISTORY) if history else OUTPUTS
    streaming = Streaming(network).eval()
    call = _on_gpu(streaming) if device == "cuda" else streaming
    backend = "eager-cuda" if device == "cuda" else "eager"

    @torch.inference_mode()
    def run(inputs: Arrays) -> Running:
        try:
            found = call(*(torch.tensor(inputs[name]) for name in names))
        except RuntimeError as error:  # torch's CUDA errors are these
            raise BackendError(f"torch failed on a frame: {str(error).splitlines()[0]}") from error
        return Running.done({name: out.numpy() for name, out in zip(outputs, found, strict=True)})

    return GraphEngine(run, format, backend=backend, precision="fp32", states=states)


def _on_gpu(streaming: Streaming) -> Callable[..., list[Tensor]]:
    """The network as a function of CPU tensors, recorded at the first call: later ones have the same sizes."""
    streaming.to("cuda")
    torch.backends.cudnn.allow_tf32 = False  # a reference rounds as little as it can
    graph = torch.cuda.CUDAGraph()
    held: list[Tensor] = []
    outputs: list[Tensor] = []

    def call(*inputs: Tensor) -> list[Tensor]:
        if not held:
            held.extend(tensor.cuda() for tensor in inputs)
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM):
                    streaming(*held)
            torch.cuda.current_stream().wait_stream(side)
            with torch.cuda.graph(graph):
                outputs.extend(streaming(*held))
        for there, new in zip(held, inputs, strict=True):
            there.copy_(new)
        graph.replay()
        return [out.cpu() for out in outputs]

    return call
