"""Temporal denoising: what stands still is averaged over time, what moves is taken from this frame alone.

    h_t = x_t - w (x_t - h_(t-1)),   w in [0, MOST_KEPT] for each 4x4 pixels

x_t is the exposed frame at a quarter of its size, h the history that later frames see. The weight w comes from a small
network that sees how x and h differ (noise is a difference without a mean, motion is one with a mean), how bright the
place is and how much gain, thus noise, the frame has. A difference that noise does not explain closes the gate in that
very frame, so that nothing trails. Recursive filtering with such a gate is the classic of motion-adaptive denoisers
(Dubois and Sabri, "Noise Reduction in Image Sequences Using Motion-Compensated Temporal Filtering", 1984); the gate is
trained here.
"""

import torch
from torch import Tensor, nn

from streamllie.models.exposure import Exposure
from streamllie.models.memory import Memory

MOST_KEPT = 0.9  # of the history, in one frame


class History(nn.Module):
    """Blend a frame with what is remembered of it."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.compare = nn.Conv2d(5, width, 3, padding=1)
        self.weigh = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor, exposure: Exposure, memory: Memory) -> Tensor:
        """(B, 24, H, W) to the same shape, which becomes the next history."""
        if memory.history is not None and memory.keep is not None:
            difference = x - memory.history
            luma, chroma = difference.split([16, 8], dim=1)
            mean = luma.mean(dim=1, keepdim=True)  # (B, 1, H, W)
            level = x[:, :16].mean(dim=1, keepdim=True)
            seen = [mean, luma.abs().mean(dim=1, keepdim=True), chroma.abs().mean(dim=1, keepdim=True), level]
            seen += [exposure.log_gain[:, :, None, None].expand_as(mean)]
            weight = MOST_KEPT * self.weigh(torch.relu(self.compare(torch.cat(seen, dim=1)))).sigmoid()
            remembered = (memory.keep > 0).to(x.dtype).view(-1, 1, 1, 1)
            x = x - weight * (remembered * exposure.share) * difference
        memory.next_history = x
        return x
