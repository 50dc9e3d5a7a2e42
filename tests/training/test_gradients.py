import pytest
import torch

from streamllie.models.memory import Memory
from streamllie.models.network import Network
from tests.models.networks import SMALL
from training.gradients import Captured, Eager

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def planes(batch, height, width, *, seed):
    torch.manual_seed(seed)
    return [torch.rand(batch, 1, height, width), *(torch.rand(2, batch, 1, height // 2, width // 2) - 0.5)]


def test_recorded_gradients_are_those_of_the_usual_way_for_every_size_and_batch():
    network = Network(SMALL).cuda().eval()

    def loss_of(batch):
        return sum(plane.square().mean() for plane in network(*(p.cuda() for p in batch), Memory()))

    eager, captured = Eager(loss_of, network), Captured(loss_of, network, "cuda")
    for batch in (planes(2, 32, 48, seed=1), planes(1, 64, 64, seed=2), planes(2, 32, 48, seed=3)):
        expected = eager(batch)
        gradients = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
        torch.testing.assert_close(captured(batch), expected)
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            assert (parameter.grad is None) == (gradient is None)
            if gradient is not None:
                torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)
    assert len(captured.recordings) == 2
