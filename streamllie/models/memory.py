"""Smooth the pooled statistics of a network over time; carry what is remembered of the picture, see history.py.

    s_t = keep * s_(t-1) + (1 - keep) * pool(x_t)

Everything global in the network flows through a few small vectors. Keeping those makes the network the same slowly
moving function for neighbouring frames: it does not flicker, and they hold nothing of a place that could leave a trail.
"""

import torch
from torch import Tensor


class Memory:
    """One forward pass's view of the state: hands each pooled vector its own slice, and collects the next state.

    The slices are taken in the order of the calls, which is the order of the layers. Without a state nothing is
    remembered, as in training on single pictures.
    """

    def __init__(self, state: Tensor | None = None, keep: Tensor | None = None, history: Tensor | None = None) -> None:
        self.state = state  # (B, S) float32
        self.keep = keep if state is not None else None  # (B, 1) or (1,) in [0, 1]; 0 forgets everything
        self.history = history  # (B, CHANNELS, H/4, W/4), see history.py
        self.next_history: Tensor | None = None
        self.vectors: list[Tensor] = []
        self.used = 0

    def peek(self, pooled: Tensor) -> Tensor:
        """What is remembered of a pooled vector (B, n): the value after the frame before."""
        assert self.state is not None
        return self.state[:, self.used : self.used + pooled.shape[1]]

    def __call__(self, pooled: Tensor, keep: Tensor | None = None) -> Tensor:
        """The smoothed form of a pooled vector (B, n); `keep` (B, 1) takes the place of the state's own."""
        if self.keep is not None:
            keep = self.keep if keep is None else keep
            pooled = keep * self.peek(pooled) + (1 - keep) * pooled
        self.put(pooled)
        return pooled

    def hold(self, share: Tensor) -> None:
        """Take a share (B, 1) in [0, 1] less of this frame into all that is remembered, if anything is."""
        if self.keep is not None:
            keep = self.keep.view(-1, 1).clamp(min=0)
            self.keep = keep + (keep > 0) * (1 - keep) * share

    def hurry(self, times: Tensor) -> None:
        """Follow so many times (B, 1) as fast from here on, if anything is remembered."""
        if self.keep is not None:
            self.keep = self.keep.view(-1, 1) ** times

    def put(self, vector: Tensor) -> None:
        """Remember a vector (B, n) as it is, in place of smoothing it."""
        self.used += vector.shape[1]
        self.vectors.append(vector)

    def next_state(self) -> Tensor:
        """What the next frame takes as its state: (B, S)."""
        return torch.cat(self.vectors, dim=1)


def pool(x: Tensor) -> Tensor:
    """Global average pool: (B, C, H, W) to (B, C)."""
    return x.mean(dim=(2, 3))
