"""A small linear layer whose products are not rounded, for vectors on which all of a frame hangs.

    y_j = sum_i w_ji x_i + b_j

Runtimes that compute in bfloat16 do so in matrix products and convolutions. A brightness that is rounded to 8 bits
of mantissa moves in steps of a third of a grey level, which is seen as wandering where the scene is still. Elementwise
products and their sum stay in float32 everywhere; on vectors they cost nothing.
"""

from torch import Tensor, nn


class Exact(nn.Linear):
    """As nn.Linear with a bias: (..., in) to (..., out)."""

    def forward(self, input: Tensor) -> Tensor:
        """See the module."""
        return (input.unsqueeze(-2) * self.weight).sum(dim=-1) + self.bias
