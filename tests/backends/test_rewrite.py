"""The graph that TensorRT is given computes what the shelf's graph does, in the type that was asked for."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from streamllie import shelf
from streamllie.backends.onnxruntime import ort
from streamllie.backends.rewrite import TYPES, in_blocks, narrow
from streamllie.frame import Levels
from streamllie.models.history import CHANNELS
from streamllie.models.names import HISTORY, INPUTS
from tests.gpu import traffic

H, W = 96, 144


@pytest.fixture(scope="module", params=["lite", "lite-open"])
def graph(request) -> onnx.ModelProto:
    return onnx.load(shelf.find(request.param).path)


@pytest.fixture(scope="module")
def frame(graph) -> dict[str, np.ndarray]:
    """A dark, noisy gradient, a state that matters, and the history that the frame itself leaves."""
    rng = np.random.default_rng(1)
    state = next(i.type.tensor_type.shape.dim[1].dim_value for i in graph.graph.input if i.name == "state")
    y = 16 + 219 * (np.linspace(0.01, 0.2, H * W).reshape(1, 1, H, W) + rng.normal(0, 0.01, (1, 1, H, W))).clip(0, 1)
    u, v = (rng.normal(128, 2, (1, 1, H // 2, W // 2)).astype(np.uint8) for _ in "uv")
    values = (y.astype(np.uint8), u, v, rng.normal(0.2, 0.1, (1, state)), np.array([0.5]), np.array([1.0]))
    levels = Levels.of(depth=8, full_range=False).array()
    inputs = {
        n: x if x.dtype == np.uint8 else x.astype(np.float32) for n, x in zip(INPUTS, (*values, levels), strict=True)
    }
    inputs[HISTORY] = np.zeros((1, CHANNELS, H // 4, W // 4), np.float32)
    return inputs | {HISTORY: run(graph, inputs)[-1]}


def run(graph: onnx.ModelProto, frame: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Without any optimisation, which could drop the casts that are tested."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, frame)


def rounded(graph: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """The narrow graph with float32 arithmetic that is rounded to the narrow type after each layer.

    For CPUs, where nothing runs bfloat16 convolutions as ONNX has them. Weights are rounded as they are.
    """
    out = onnx.ModelProto()
    out.CopyFrom(graph)
    for weights in out.graph.initializer:
        if weights.data_type == TYPES[precision]:
            values = onnx.numpy_helper.to_array(weights).astype(np.float32)
            weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    nodes = []
    for node in out.graph.node:
        outputs = [name for name in node.output if name.endswith(".narrow")]
        if node.op_type == "Cast" and outputs:
            node.attribute[0].i = TensorProto.FLOAT
        node.output[:] = [f"{name}.raw" if name in outputs else name for name in node.output]
        nodes.append(node)
        for name in outputs:
            nodes.append(helper.make_node("Cast", [f"{name}.raw"], [f"{name}.short"], to=TYPES[precision]))
            nodes.append(helper.make_node("Cast", [f"{name}.short"], [name], to=TensorProto.FLOAT))
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    for opset in out.opset_import:
        opset.version = min(opset.version, 20)
    return out


def test_planes_in_blocks_of_16_need_no_padding_and_give_the_same(graph, frame):
    blocks = in_blocks(graph, 16)
    assert "Mod" not in {node.op_type for node in blocks.graph.node}
    for before, after in zip(run(graph, frame), run(blocks, frame), strict=True):
        assert np.array_equal(before, after)


def test_blocks_that_do_not_divide_what_the_graph_pads_to_change_nothing(graph):
    assert [n.op_type for n in in_blocks(graph, 8).graph.node] == [n.op_type for n in graph.graph.node]


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_narrow_graph_is_valid_and_computes_every_convolution_in_its_type(graph, precision):
    narrowed = narrow(in_blocks(graph, 16), precision)
    onnx.checker.check_model(narrowed, full_check=True)
    weights = {w.name: w.data_type for w in narrowed.graph.initializer}
    convolutions = [n for n in narrowed.graph.node if n.op_type == "Conv"]
    assert len(convolutions) == sum(n.op_type == "Conv" for n in graph.graph.node)
    assert {weights[name] for node in convolutions for name in node.input[1:]} == {TYPES[precision]}


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_what_is_pooled_generated_and_remembered_stays_float32(graph, precision):
    """All but one logarithm: of the share of the noise that is left in each place, which stays between -4 and 0."""
    narrowed = narrow(in_blocks(graph, 16), precision)
    logarithms = [node for node in narrowed.graph.node if node.op_type == "Log" and node.input[0].endswith(".narrow")]
    assert len(logarithms) <= 1
    for node in narrowed.graph.node:
        if node.op_type in {"ReduceMean", "Softmax", "Gemm", "Gelu", "Exp", "Log", "Sqrt", "Pow", "Round", "Div"}:
            if node in logarithms:
                continue
            assert not [name for name in (*node.input, *node.output) if name.endswith(".narrow")], node.op_type
    for before, after in zip(graph.graph.output, narrowed.graph.output, strict=True):
        assert before == after


@pytest.mark.parametrize(("precision", "levels", "state"), [("fp16", 0.15, 0.01), ("bf16", 0.6, 0.1)])
def test_a_narrow_graph_stays_close_in_picture_and_memory(graph, frame, precision, levels, state):
    expected = run(graph, frame)
    narrowed = narrow(in_blocks(graph, 16), precision)
    found = run(rounded(narrowed, precision), frame)
    far = [np.abs(p.astype(float) - q).mean() for p, q in zip(found[:3], expected[:3], strict=True)]
    assert 0 < max(far) <= levels
    for p, q in zip(found[3:], expected[3:], strict=True):
        assert np.abs(p - q).max() <= state


def test_fp16_arithmetic_of_its_own_stays_close_too(graph, frame):
    expected = run(graph, frame)
    found = run(narrow(in_blocks(graph, 16), "fp16"), frame)  # ONNX Runtime computes float16 where it has kernels
    for p, q in zip(found[:3], expected[:3], strict=True):
        assert np.abs(p.astype(float) - q).mean() <= 0.15


def test_fp32_is_the_graph_as_it_was(graph):
    assert narrow(graph, "fp32") == graph


def test_the_bytes_of_a_frame_are_counted_as_by_hand():
    """For the table of `python -m tests.gpu`."""
    least, every = traffic(shelf.find("lite").path, 1080, 1920, "fp16")
    planes = 2 * 1088 * 1920 * 3 // 2
    history = 2 * 4 * CHANNELS * 272 * 480
    assert planes + history < least < planes + history + 12_000_000, "in and out: frame, memory; and the weights"
    one = 2 * 32 * 272 * 480  # a float16 picture of 32 channels at a quarter of the size
    assert 20 * one < every < 400 * one
