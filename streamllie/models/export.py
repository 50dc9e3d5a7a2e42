"""Write a network as an ONNX file: the graph that every backend runs, see streaming.py. Needs onnx and onnxscript."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch

from streamllie.models.checkpoint import load
from streamllie.models.fold import fold
from streamllie.models.history import CHANNELS
from streamllie.models.names import HISTORY, INPUTS, NEXT_HISTORY, OUTPUTS
from streamllie.models.network import SHRINK, Network
from streamllie.models.streaming import Streaming

SIZES = dict(
    zip((*INPUTS[:3], HISTORY, *OUTPUTS[:3], NEXT_HISTORY), 2 * ("", "half_", "half_", "history_"), strict=True)
)
OPSET = 20  # the newest that ONNX Runtime, OpenVINO and TensorRT for RTX all read


def export_checkpoint(checkpoint: Path, path: Path, *, deep: bool = False) -> None:
    """Write the graph of a checkpoint: for uint8 planes, or with `deep` for float32 planes."""
    graph = trace(fold(load(checkpoint)))
    onnx.save(graph if deep else for_bytes(graph), path)


def trace(folded: Network) -> onnx.ModelProto:
    """The streaming graph for float32 planes, with height and width left open. Takes half a minute."""
    streaming = Streaming(folded).eval()
    h, w = 48, 66  # any even size that is not a multiple of 16, so that padding is traced
    remembers = folded.history is not None
    history = (torch.zeros(1, CHANNELS, *(-(-side // SHRINK) * SHRINK // 4 for side in (2 * h, 2 * w))),) * remembers
    # Dimensions of given names and bounds take a quarter longer; `_name_sizes` names them afterwards.
    open_sizes = dict.fromkeys((2, 3), torch.export.Dim.AUTO)
    with _quiet():
        program = torch.onnx.export(
            streaming,
            (
                torch.zeros(1, 1, 2 * h, 2 * w),
                *torch.zeros(2, 1, 1, h, w),
                torch.zeros(1, folded.state_size()),
                torch.zeros(1),
                torch.ones(1),
                torch.tensor([16.0, 219.0, 128.0, 224.0, 255.0]),
                *history,
            ),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=(*(open_sizes,) * 3, *(None,) * 4, *(open_sizes,) * remembers),
            input_names=[*INPUTS, *[HISTORY] * remembers],
            output_names=[*OUTPUTS, *[NEXT_HISTORY] * remembers],
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    _strip(graph)
    _name_sizes(graph)
    onnx.checker.check_model(graph)
    return graph


def for_bytes(traced: onnx.ModelProto) -> onnx.ModelProto:
    """A copy for uint8 planes: they become float32 first, and what comes out, whole code values already, uint8."""
    model = onnx.ModelProto()
    model.CopyFrom(traced)
    graph = model.graph
    wide = {name: f"{name}_wide" for name in (*INPUTS[:3], *OUTPUTS[:3])}
    for node in graph.node:
        node.input[:] = [wide.get(name, name) for name in node.input]
        node.output[:] = [wide.get(name, name) for name in node.output]
    for plane in (*graph.input, *graph.output):
        if plane.name in wide:
            plane.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    begin = [onnx.helper.make_node("Cast", [n], [wide[n]], to=onnx.TensorProto.FLOAT) for n in INPUTS[:3]]
    end = [onnx.helper.make_node("Cast", [wide[n]], [n], to=onnx.TensorProto.UINT8) for n in OUTPUTS[:3]]
    nodes = [*begin, *graph.node, *end]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def _strip(graph: onnx.ModelProto) -> None:
    """Remove the exporter's stack traces, which are larger than the weights."""
    for part in (graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for weights in graph.graph.initializer:
        weights.ClearField("metadata_props")
        weights.ClearField("doc_string")
    graph.graph.ClearField("value_info")


def _name_sizes(graph: onnx.ModelProto) -> None:
    """Heights and widths of what comes in and goes out, as programs that show a graph print them."""
    for picture in (*graph.graph.input, *graph.graph.output):
        if picture.name in SIZES:
            for side, name in zip(picture.type.tensor_type.shape.dim[2:], ("height", "width"), strict=True):
                side.dim_param = SIZES[picture.name] + name


@contextmanager
def _quiet() -> Generator[None]:
    """The exporter warns about packages that are not needed here."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
