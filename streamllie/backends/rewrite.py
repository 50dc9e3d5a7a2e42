"""Rewrite an exported graph for a compiler that takes types as they stand and cannot follow remainders: TensorRT.

TensorRT for RTX has no "fp16" switch: the arithmetic is that of the graph. The well-kept converters know float16 only,
or need torch and CUDA to run, so the few lines are here.
"""

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from streamllie.errors import BackendError

TYPES = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
BF16_OPSET = 22  # the first in which convolutions may be bfloat16; for the operators used here it changes nothing else


def rewritten(data: bytes, *, name: str, precision: str, multiple: int) -> bytes:
    """The ONNX file `data` after `in_blocks` and `narrow`; `name` is for the error if it is none."""
    try:
        graph = onnx.load_from_string(data)
        onnx.checker.check_model(graph)
    except Exception as error:  # protobuf and onnx raise classes of their own
        raise BackendError(f"{name} is not an ONNX file: {str(error).splitlines()[0]}") from error
    return narrow(in_blocks(graph, multiple), precision).SerializeToString()


def narrow(graph: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """A copy that computes in half precision from its first convolutions to its last.

    Only what exists per pixel becomes narrow. Code values, exposure, tone and whatever else reaches the output or the
    memory without a convolution stay float32, as do the pooled statistics and all that is made from them: attention,
    softmax, generated kernels.
    """
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    if precision == "fp32":
        return model
    if precision == "bf16":
        for opset in model.opset_import:
            if opset.domain == "":
                opset.version = max(opset.version, BF16_OPSET)
    _Narrowing(model, TYPES[precision]).apply()
    return model


def picture_states(data: bytes) -> dict[str, int]:
    """Inputs of an ONNX file that are pictures but not planes of the frame, with the number of their channels."""
    inputs = {i.name: i.type.tensor_type.shape.dim for i in onnx.load_from_string(data).graph.input}
    return {name: dims[1].dim_value for name, dims in inputs.items() if len(dims) == 4 and name not in {"y", "u", "v"}}


def in_blocks(graph: onnx.ModelProto, multiple: int) -> onnx.ModelProto:
    """A copy for planes whose sizes are multiples of `multiple`: what is left over to it is 0, so nothing is padded.

    With the padding inside, TensorRT cannot see that open sizes stay positive, and refuses the graph.
    """
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    known = {w.name: w for w in model.graph.initializer}
    zero = numpy_helper.from_array(np.array(0, np.int64), "nothing_left_over")
    gone: dict[str, str] = {}
    for node in list(model.graph.node):
        divisor = known.get(node.input[1]) if node.op_type == "Mod" else None
        if divisor is not None and divisor.data_type == TensorProto.INT64:
            if np.any(multiple % numpy_helper.to_array(divisor)):
                continue
            gone[node.output[0]] = zero.name
            model.graph.node.remove(node)
    model.graph.initializer.append(zero)
    for node in model.graph.node:
        node.input[:] = [gone.get(name, name) for name in node.input]
    _drop_unused_weights(model.graph)
    return model


class _Narrowing:
    """One conversion of a model, in place."""

    def __init__(self, model: onnx.ModelProto, to: int) -> None:
        self.graph, self.to = model.graph, to
        self.opset = next(o.version for o in model.opset_import if o.domain == "")
        typed = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        self.float32 = {v.name for v in (*typed.value_info, *typed.input, *typed.output) if _is_float32(v)}
        self.open = {v.name for v in (*typed.value_info, *typed.input, *typed.output) if _has_open_size(v)}
        self.weights = {w.name: w for w in self.graph.initializer}

    def apply(self) -> None:
        chosen = self._per_pixel_between_convolutions()
        if not chosen:
            raise BackendError("the graph has no layer of open size to compute in half precision; export it again")
        inside = {name for node in chosen for name in node.output}
        needed_outside = {n for node in self.graph.node if node.output[0] not in inside for n in node.input}
        needed_outside |= {out.name for out in self.graph.output}
        nodes: list[NodeProto] = []
        made: set[str] = set()  # narrow copies of values that come from outside
        for node in self.graph.node:
            if node.output[0] not in inside:
                nodes.append(node)
                continue
            for index in self._typed_inputs(node):
                name = node.input[index]
                if name not in inside and name not in made:
                    made.add(name)
                    nodes += self._narrowed(name)
                node.input[index] = _narrow_name(name)
            outputs = list(node.output)
            node.output[:] = [_narrow_name(name) for name in outputs]
            nodes.append(node)
            wide = [name for name in outputs if name in needed_outside]
            nodes += [helper.make_node("Cast", [_narrow_name(n)], [n], to=TensorProto.FLOAT) for n in wide]
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        _drop_unused_weights(self.graph)

    def _per_pixel_between_convolutions(self) -> list[NodeProto]:
        nodes = [n for n in self.graph.node if n.output[0] in self.float32 & self.open]
        after = _reached(nodes)  # by a convolution
        before = _reached([_reversed(n) for n in nodes[::-1]])[::-1]
        exact = self._exact()
        return [
            node
            for node, a, b in zip(nodes, after, before, strict=True)
            if a and b and (node.op_type == "Conv" or not exact & set(node.output))
        ]

    def _exact(self) -> set[str]:
        """Values that reach an output of the graph without another convolution: its rounding would show."""
        exact = {out.name for out in self.graph.output}
        for node in reversed(self.graph.node):
            if node.op_type != "Conv" and exact & set(node.output) & self.open:
                exact |= set(node.input)
        return exact & self.open

    def _typed_inputs(self, node: NodeProto) -> list[int]:
        """Inputs that have the type of the output: not sizes, axes or scales."""
        schema = onnx.defs.get_schema(node.op_type, self.opset, node.domain)
        kind = schema.outputs[0].type_str
        last = len(schema.inputs) - 1  # it may stand for any number of inputs
        return [i for i, name in enumerate(node.input) if name and schema.inputs[min(i, last)].type_str == kind]

    def _narrowed(self, name: str) -> list[NodeProto]:
        """A narrow copy of a value: weights are converted here, others by a cast."""
        weights = self.weights.get(name)
        if weights is None:
            return [helper.make_node("Cast", [name], [_narrow_name(name)], to=self.to)]
        dtype = helper.tensor_dtype_to_np_dtype(self.to)
        converted = numpy_helper.to_array(weights).astype(dtype)
        self.graph.initializer.append(numpy_helper.from_array(converted, _narrow_name(name)))
        return []


def _reached(nodes: list[NodeProto]) -> list[bool]:
    """For each of sorted nodes, whether it is a convolution or takes something that comes from one."""
    reached: set[str] = set()
    for node in nodes:
        if node.op_type == "Conv" or reached & set(node.input):
            reached |= set(node.output)
    return [bool(reached & set(node.output)) for node in nodes]


def _reversed(node: NodeProto) -> NodeProto:
    """The node with its inputs and outputs exchanged, to look the other way."""
    return helper.make_node(node.op_type, list(node.output), list(node.input))


def _narrow_name(name: str) -> str:
    return f"{name}.narrow"


def _drop_unused_weights(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    for weights in list(graph.initializer):
        if weights.name not in used:
            graph.initializer.remove(weights)


def _is_float32(value: onnx.ValueInfoProto) -> bool:
    return value.type.tensor_type.elem_type == TensorProto.FLOAT


def _has_open_size(value: onnx.ValueInfoProto) -> bool:
    return any(not dim.HasField("dim_value") for dim in value.type.tensor_type.shape.dim)
