import numpy as np
import pytest
import torch
from torch import nn

from streamllie.backends.openvino import has_bf16, ov
from streamllie.models.exact import Exact


def pair() -> tuple[Exact, nn.Linear]:
    torch.manual_seed(0)
    exact, usual = Exact(40, 8).eval(), nn.Linear(40, 8).eval()
    usual.load_state_dict(exact.state_dict())
    return exact, usual


def test_it_is_a_linear_layer_also_for_many_vectors():
    exact, usual = pair()
    x = torch.rand(3, 5, 40)
    assert torch.allclose(exact(x), usual(x), atol=1e-5)


def test_a_runtime_in_bfloat16_rounds_a_matrix_product_and_leaves_this_alone(tmp_path):
    if not has_bf16():
        pytest.skip("this CPU does not compute in bfloat16")
    x = torch.rand(1, 40)
    far = []
    for layer in pair():
        path = tmp_path / f"{type(layer).__name__}.onnx"
        torch.onnx.export(layer, (x,), path, dynamo=True, verbose=False)
        compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": ov.Type.bf16})
        with torch.no_grad():
            far.append(float(np.abs(compiled([x.numpy()])[0] - layer(x).numpy()).max()))
    assert far[0] < 1e-5
    assert far[1] > 1e-4
