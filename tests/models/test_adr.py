import torch

from streamllie.models.adr import ADR
from streamllie.models.memory import Memory


def test_adr_with_zero_initialised_output_is_the_identity():
    x = torch.randn(2, 12, 5, 6)
    assert torch.equal(ADR(12, m=3, d=4)(x, Memory()), x)


def test_the_correction_has_rank_m():
    torch.manual_seed(0)
    layer = ADR(12, m=3, d=4)
    torch.nn.init.ones_(layer.scale)
    x = torch.randn(1, 12, 20, 20)
    correction = (layer(x, Memory()) - x).flatten(2)[0]
    assert torch.linalg.matrix_rank(correction, rtol=1e-4) == 3


def test_the_correction_differs_from_image_to_image():
    torch.manual_seed(1)
    layer = ADR(12, m=3, d=4)
    torch.nn.init.ones_(layer.scale)
    x = torch.randn(1, 12, 5, 6)
    small, large = layer(x, Memory()) - x, layer(x + 2, Memory()) - (x + 2)
    same_input = (small - large).abs().max()
    assert same_input > 1e-3
