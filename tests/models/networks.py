"""Networks for tests: random weights, but none of the zeros and ones that an untrained network starts with."""

from dataclasses import replace

import torch
from torch import nn

from streamllie.models.adr import ADR
from streamllie.models.network import Network, NetworkSize

SMALL = NetworkSize(fine=8, coarse=8, deep=8, encoder=1, middle=1, decoder=1, adr_m=2, adr_d=4)
REMEMBERS = replace(SMALL, history=True)


def lively_network(size: NetworkSize = SMALL, *, seed: int = 3) -> Network:
    """In eval mode; the whole is deterministic."""
    torch.manual_seed(seed)
    network = Network(size)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
        if isinstance(module, ADR):
            nn.init.normal_(module.scale, std=0.5)
    for layer in (network.head, network.light, network.tone[-1]):
        nn.init.normal_(layer.weight, std=0.05)  # type: ignore[arg-type]
    return network.eval().requires_grad_(False)
