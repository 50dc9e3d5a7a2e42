"""A model whose memory has a picture in it, for temporal denoising: every backend carries it between frames."""

import pytest

from streamllie import shelf
from streamllie.backends import open_engine
from streamllie.frame import VideoFormat
from tests.backends import test_tensorrt_run
from tests.backends.test_contract import INSTALLED, dark_frame, largest_difference
from tests.models.graphs import exported
from tests.models.networks import REMEMBERS


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> shelf.Model:
    """A small network with a history, as checkpoint and graph."""
    return shelf.find(exported(REMEMBERS, tmp_path_factory) / "model.onnx")


@pytest.mark.parametrize("backend", [*INSTALLED, "stand-in"])
@pytest.mark.parametrize(("height", "width"), [(96, 128), (95, 127)])
def test_a_history_is_carried_and_forgotten_at_any_size(model, backend, height, width, monkeypatch):
    format = VideoFormat(height=height, width=width)
    monkeypatch.setattr(test_tensorrt_run, "LITE", model)
    opened = test_tensorrt_run.opened(format) if backend == "stand-in" else None
    with (
        opened or open_engine(model, format, backend=backend, precision="fp32") as engine,
        open_engine(model, format, backend="eager") as reference,
    ):
        for seed in range(3):
            frame = dark_frame(format, seed=seed)
            out, expected = engine(frame, keep=0.8), reference(frame, keep=0.8)
            assert largest_difference(out, expected) <= 1
        assert set(reference.memory) == {"state", "history"}
        first = dark_frame(format)
        engine.reset()
        alone = engine(first, keep=0.8)
        assert largest_difference(engine(first, keep=0.0), alone) == 0
        assert largest_difference(alone, reference(first, keep=0.0)) <= 1
