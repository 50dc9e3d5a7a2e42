"""Parameter Orthogonal Generation: a 1x1 convolution whose kernel is made anew for each image.

Each of the P = c_out * c_in scalars i of the kernel owns an embedding e_i in R^d. Its Householder reflection
H_i = I - 2 v_i v_i^T (v_i = e_i / |e_i|) is an orthonormal basis whatever e_i is, so the mix z_i = a^T H_i depends
on the image code a and cannot collapse to a static parameter. A decoder shared by all scalars turns z_i into theta_i.
Source: Li et al., "Rethinking Model Redundancy for Low-light Image Enhancement", arXiv 2412.16459. We use the
closed form z_i = a - 2 (a . v_i) v_i, which needs O(P d) instead of O(P d^2), and a kernel for each image of a batch.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mix(code: Tensor, embedding: Tensor) -> Tensor:
    """z_i = a^T (I - 2 v_i v_i^T) for every scalar i: code (B, d), embedding (P, d) to (B, P, d)."""
    v = F.normalize(embedding, dim=1)  # (P, d)
    along = code @ v.t()  # (B, P)
    return code[:, None, :] - 2 * along[:, :, None] * v


class POG(nn.Module):
    """Generate the kernel of a 1x1 convolution from an image's pooled features, and apply it."""

    def __init__(self, channels_in: int, channels_out: int, *, pooled: int, d: int) -> None:
        """`pooled` is the length of the pooled features, `d` that of the code and of each embedding."""
        super().__init__()
        self.channels_in, self.channels_out = channels_in, channels_out
        self.embedding = nn.Parameter(torch.randn(channels_out * channels_in, d))
        self.code = nn.Sequential(nn.Linear(pooled, d), nn.GELU(approximate="tanh"), nn.Linear(d, d), nn.Softmax(dim=1))
        self.decode = nn.Sequential(nn.Linear(d, d // 2), nn.GELU(approximate="tanh"), nn.Linear(d // 2, 1))

    def mix(self, code: Tensor) -> Tensor:
        """The image code (B, d) in every scalar's orthogonal basis: (B, P, d)."""
        return mix(code, self.embedding)

    def kernel(self, pooled: Tensor) -> Tensor:
        """Pooled features (B, pooled) to kernels (B, c_out, c_in)."""
        z = self.mix(self.code(pooled))  # (B, P, d)
        theta = self.decode(z)  # (B, P, 1)
        return theta.view(-1, self.channels_out, self.channels_in)

    def forward(self, x: Tensor, pooled: Tensor) -> Tensor:
        """(B, c_in, H, W) and (B, pooled) to (B, c_out, H, W); each image of the batch meets its own kernel."""
        return convolve(x, self.kernel(pooled))


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """1x1 convolution with a kernel for each image: (B, c_in, H, W) and (B, c_out, c_in) to (B, c_out, H, W).

    Channels last, as convolutions have them on CPUs: nothing is moved.
    """
    pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H*W, c_in)
    return (pixels @ kernel.transpose(1, 2)).unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
