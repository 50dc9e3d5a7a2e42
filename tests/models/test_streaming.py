from pathlib import Path

import numpy as np
import pytest
import torch

from streamllie.backends.onnxruntime import ort
from streamllie.frame import Levels
from streamllie.models.fold import fold
from streamllie.models.history import CHANNELS
from streamllie.models.names import HISTORY, INPUTS
from streamllie.models.network import Network
from streamllie.models.streaming import Streaming
from tests.models.graphs import exported
from tests.models.networks import REMEMBERS, lively_network


def dark_planes(height: int, width: int, *, levels: Levels, dtype=torch.uint8) -> list[torch.Tensor]:
    rng = np.random.default_rng(height + width)
    y = levels.black + levels.luma_range * rng.uniform(0, 0.15, (1, 1, height, width))
    u, v = (
        levels.neutral + levels.chroma_range * rng.uniform(-0.1, 0.1, (1, 1, height // 2, width // 2)) for _ in "uv"
    )
    return [torch.from_numpy(np.round(p)).to(dtype) for p in (y, u, v)]


def controls(network: Network, levels: Levels, *, keep: float = 0.0, strength: float = 1.0) -> list[torch.Tensor]:
    state = torch.zeros(1, network.state_size())
    return [state, torch.tensor([keep]), torch.tensor([strength]), torch.from_numpy(levels.array())]


LIMITED, FULL = (Levels.of(depth=8, full_range=full) for full in (False, True))


@pytest.fixture(scope="module")
def streaming(network: Network) -> Streaming:
    return Streaming(fold(network)).eval()


def test_strength_0_gives_the_input_exactly(network, streaming):
    for levels in (LIMITED, FULL, Levels.of(depth=10, full_range=False)):
        dtype = torch.uint8 if levels.peak == 255 else torch.float32
        planes = dark_planes(50, 70, levels=levels, dtype=dtype)
        planes[0].view(-1)[:4] = torch.tensor([0, 1, levels.peak - 1, levels.peak], dtype=dtype)  # outside legal levels
        out = streaming(*planes, *controls(network, levels, strength=0.0))
        assert all(torch.equal(a, b) for a, b in zip(planes, out[:3], strict=True))


def test_what_a_codec_leaves_beyond_black_and_white_is_black_and_white(network, streaming):
    """Beside a lamp in the dark; the tone curve has a pole a few codes below black."""
    rng = np.random.default_rng(1)
    planes = dark_planes(64, 64, levels=LIMITED)
    planes[0] = torch.from_numpy(rng.integers(6, 20, (1, 1, 64, 64), dtype=np.uint8))
    planes[0][..., 30:34, 30:34] = 250
    within = [planes[0].clamp(16, 235), *planes[1:]]
    a, b = (streaming(*p, *controls(network, LIMITED)) for p in (planes, within))
    assert all(torch.equal(p, q) for p, q in zip(a, b, strict=True))


def test_limited_and_full_range_of_one_picture_come_out_as_one_picture(network, streaming):
    full = dark_planes(64, 64, levels=FULL, dtype=torch.float32)
    limited = [full[0] / 255 * 219 + 16, *((p - 128) / 255 * 224 + 128 for p in full[1:])]
    a = streaming(*full, *controls(network, FULL))
    b = streaming(*limited, *controls(network, LIMITED))
    assert ((a[0] / 255 - (b[0] - 16) / 219).abs() <= 1 / 219 + 1e-6).all()


@pytest.mark.parametrize(("height", "width"), [(48, 64), (50, 66), (34, 130)])
def test_any_even_size_keeps_its_size(network, streaming, height, width):
    planes = dark_planes(height, width, levels=LIMITED)
    out = streaming(*planes, *controls(network, LIMITED))
    assert [p.shape for p in out[:3]] == [p.shape for p in planes]
    assert all(p.dtype == torch.uint8 for p in out[:3])


@pytest.fixture(scope="module", params=[8, 10])
def graph(request, tmp_path_factory) -> tuple[Levels, torch.dtype, Path]:
    """Levels of a depth, type of its planes, and the graph for them."""
    dtype = torch.uint8 if request.param == 8 else torch.float32
    path = exported(REMEMBERS, tmp_path_factory) / ("model.onnx" if request.param == 8 else "model.deep.onnx")
    return Levels.of(depth=request.param, full_range=False), dtype, path


def test_the_exported_graph_equals_the_eager_network_at_sizes_it_was_not_traced_with(graph):
    levels, dtype, path = graph
    network = lively_network(REMEMBERS)
    streaming = Streaming(fold(network)).eval()
    session = ort.InferenceSession(path)
    for height, width in ((50, 66), (128, 96)):
        inputs = [*dark_planes(height, width, levels=levels, dtype=dtype), *controls(network, levels, keep=0.7)]
        inputs[3] = torch.rand_like(inputs[3])
        inputs.append(torch.rand(1, CHANNELS, -(-height // 16) * 4, -(-width // 16) * 4))
        eager = streaming(*inputs)
        out = session.run(None, {name: i.numpy() for name, i in zip((*INPUTS, HISTORY), inputs, strict=True)})
        for a, b in zip(eager[:3], out[:3], strict=True):
            assert np.abs(a.numpy().astype(float) - b).max() <= 1  # float32 summed in another order: a rounding may tip
        for a, b in zip(eager[3:], out[3:], strict=True):
            assert np.allclose(a.numpy(), b, atol=1e-4)


def test_the_exported_file_holds_no_path_of_the_machine_it_was_made_on(graph):
    data = graph[2].read_bytes()
    assert b"streaming.py" not in data
    assert b"site-packages" not in data
