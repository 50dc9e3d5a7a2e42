import pytest
import torch

from streamllie.models.network import Network
from tests.models.networks import lively_network

torch.set_num_threads(1)  # the networks of these tests are too small for two


@pytest.fixture(scope="session")
def network() -> Network:
    """A network whose every part has an effect, as after training."""
    return lively_network()


@pytest.fixture
def planes() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three different dark pictures: y (3, 1, 64, 96) in [0, 0.2], u and v (3, 1, 32, 48) near 0."""
    generator = torch.Generator().manual_seed(5)
    y = torch.rand(3, 1, 64, 96, generator=generator) * torch.tensor([0.05, 0.1, 0.2]).view(3, 1, 1, 1)
    u, v = (torch.rand(3, 1, 32, 48, generator=generator) * 0.1 - 0.05 for _ in range(2))
    return y, u, v
