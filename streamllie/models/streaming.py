"""The exported graph: code values in, code values out, with the state of a stream. Every backend runs just this.

    (y, u, v, state, keep, strength, levels[, history]) -> (y, u, v, next_state[, next_history])

| name | shape | type | meaning |
| --- | --- | --- | --- |
| y | (1, 1, H, W) | uint8 or float32 | luma code values; H and W even |
| u, v | (1, 1, H/2, W/2) | as y | chroma code values, 4:2:0 |
| state, next_state | (1, S) | float32 | smoothed statistics of earlier frames; any finite values where keep is 0 |
| keep | (1,) | float32 | share of the state that is kept, 0 to 1; 0: a single picture |
| strength | (1,) | float32 | 0: output equals input exactly; 1: the full effect |
| levels | (5,) | float32 | black, luma range, neutral chroma, chroma range, peak: in code values, see `frame.Levels` |
| history, next_history | (1, 25, H', W') | float32 | the frame before, denoised; how far; finite where keep is 0 |

Luma beyond black and white counts as these: codecs overshoot at edges, and the tone curve has a pole below black.
A model without temporal denoising has no history; H' and W' are H and W rounded up to a multiple of 16, over 4.
The uint8 graph is for 8-bit video. The float32 graph carries whole code values of any depth up to 16 bits.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamllie.models.memory import Memory
from streamllie.models.network import SHRINK, Network


class Streaming(nn.Module):
    """Wrap a folded network for streams of planes."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(  # noqa: PLR0917 - a graph's inputs have an order
        self,
        y: Tensor,
        u: Tensor,
        v: Tensor,
        state: Tensor,
        keep: Tensor,
        strength: Tensor,
        levels: Tensor,
        history: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """See the table above."""
        black, luma_range, neutral, chroma_range, peak = levels.unbind()
        height, width = y.shape[2], y.shape[3]
        below, beside = -height % SHRINK, -width % SHRINK
        codes = [y.float(), u.float(), v.float()]
        padded = [
            F.pad(codes[0], (0, beside, 0, below), mode="replicate"),
            F.pad(codes[1], (0, beside // 2, 0, below // 2), mode="replicate"),
            F.pad(codes[2], (0, beside // 2, 0, below // 2), mode="replicate"),
        ]
        if history is not None:
            torch._check(history.shape[2] * 4 == padded[0].shape[2])  # pyright: ignore[reportPrivateUsage]
            torch._check(history.shape[3] * 4 == padded[0].shape[3])  # pyright: ignore[reportPrivateUsage]
        memory = Memory(state, keep, history)
        bright = self.network(
            ((padded[0] - black) / luma_range).clamp(0, 1),
            (padded[1] - neutral) / chroma_range,
            (padded[2] - neutral) / chroma_range,
            memory,
        )
        u_bright, v_bright = (
            torch.minimum((plane * chroma_range + neutral).clamp(min=0), peak)[:, :, : height // 2, : width // 2]
            for plane in bright[1:]
        )
        bright = (bright[0][:, :, :height, :width] * luma_range + black, u_bright, v_bright)  # luma is in its levels
        out: list[Tensor] = []
        for before, after in zip(codes, bright, strict=True):
            blend = (before + strength * (after - before)).round()
            out.append(blend.to(y.dtype))
        states = [memory.next_state()] if memory.next_history is None else [memory.next_state(), memory.next_history]
        return (*out, *states)
