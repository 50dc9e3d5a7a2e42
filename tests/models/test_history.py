import torch

from streamllie.models.exposure import Exposure
from streamllie.models.history import MOST_KEPT, History
from streamllie.models.memory import Memory


def exposure(share: float = 1.0) -> Exposure:
    ones = torch.ones(1, 1, 1, 1)
    return Exposure(gain=ones, log_gain=torch.zeros(1, 1), seen=torch.zeros(1, 3), share=share * ones)


def filled(history: torch.Tensor | None, *, keep: float = 0.8) -> Memory:
    return Memory(torch.zeros(1, 1), torch.tensor([[keep]]), history)


def test_the_first_frame_and_a_frame_after_a_cut_pass_untouched():
    layer, x = History(), torch.rand(1, 24, 8, 8)
    assert torch.equal(layer(x, exposure(), Memory()), x)
    assert torch.equal(layer(x, exposure(), filled(torch.rand(1, 24, 8, 8), keep=0.0)), x)


def test_what_comes_out_is_what_the_next_frame_remembers():
    layer, memory = History(), filled(torch.rand(1, 24, 8, 8))
    out = layer(torch.rand(1, 24, 8, 8), exposure(), memory)
    assert memory.next_history is out


def test_the_result_lies_between_the_frame_and_its_history_and_never_is_the_history_alone():
    layer, x, before = History(), torch.rand(1, 24, 8, 8), torch.rand(1, 24, 8, 8)
    share = ((layer(x, exposure(), filled(before)) - x) / (before - x)).detach()
    assert (share > 0).all()
    assert (share <= MOST_KEPT + 1e-4).all()


def test_a_well_lit_frame_is_not_blended():
    layer, x = History(), torch.rand(1, 24, 8, 8)
    assert torch.equal(layer(x, exposure(share=0.0), filled(torch.rand(1, 24, 8, 8))), x)
