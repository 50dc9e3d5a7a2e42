"""A batch's loss and its gradients, the usual way or, on a GPU, as a CUDA graph."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LossOf = Callable[[Sequence[Tensor]], Tensor]  # of a batch: its planes
WARM_UP = 3  # steps before recording: libraries choose their kernels, which cannot be recorded


class Eager:
    """`loss_of(batch)`, a scalar; parameters have their gradients then, or None where they had no part in it."""

    def __init__(self, loss_of: LossOf, network: nn.Module) -> None:
        self.loss_of, self.network = loss_of, network

    def __call__(self, batch: Sequence[Tensor]) -> Tensor:
        """See the class."""
        self.network.zero_grad(set_to_none=True)
        loss = self.loss_of(batch)
        loss.backward()
        return loss.detach()


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    gradients: list[Tensor | None]
    loss: Tensor


class Captured:
    """As `Eager`, on a GPU, recorded once for each shape of batch and mode of the network, and replayed from then on.

    A network as small as ours keeps a GPU waiting for the launches of its kernels; recorded, they follow each other at
    once. Whatever `loss_of` does must be the same for each batch: nothing may depend on values, and random numbers come
    from the GPU.
    """

    def __init__(self, loss_of: LossOf, network: nn.Module, device: str) -> None:
        self.eager, self.device = Eager(loss_of, network), device
        self.network, self.parameters = network, list(network.parameters())
        self.recordings: dict[Hashable, _Recording] = {}

    def __call__(self, batch: Sequence[Tensor]) -> Tensor:
        """As of `Eager`; the next call overwrites loss and gradients."""
        key = (self.network.training, *(plane.shape for plane in batch))
        if key not in self.recordings:
            self.recordings[key] = self._record([plane.to(self.device) for plane in batch])
        recording = self.recordings[key]
        for mine, given in zip(recording.inputs, batch, strict=True):
            mine.copy_(given)
        recording.graph.replay()
        for parameter, gradient in zip(self.parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return recording.loss

    def _record(self, inputs: list[Tensor]) -> _Recording:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self.eager(inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self.network.zero_grad(set_to_none=True)  # so that recording makes gradients of its own
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self.eager(inputs)
        return _Recording(graph, inputs, [parameter.grad for parameter in self.parameters], loss)
