"""A graph that gives back what it gets: made and opened at once, for tests of something else than pictures."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from streamllie.models.export import OPSET, for_bytes
from streamllie.models.names import INPUTS, OUTPUTS


def echo(name: str) -> onnx.ModelProto:
    """In place of what `trace` makes of a network; graphs of two names are two models."""
    half = [1, 1, "half_height", "half_width"]
    shapes = [1, 1, "height", "width"], half, half, [1, 4], [1], [1], [5]
    ends = [
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip(names, shapes, strict=False)
        ]
        for names in (INPUTS, OUTPUTS)
    ]
    nodes = [helper.make_node("Identity", [name], [out]) for name, out in zip(INPUTS, OUTPUTS, strict=False)]
    return helper.make_model(helper.make_graph(nodes, name, *ends), opset_imports=[helper.make_opsetid("", OPSET)])


def save_echo(path: Path) -> Path:
    """Write it as a model's graph, or as its deep graph."""
    graph = echo(path.stem)
    onnx.save(graph if path.stem.endswith(".deep") else for_bytes(graph), path)
    return path
