import copy
from dataclasses import replace

import pytest
import torch

from streamllie.models.exposure import curve
from streamllie.models.fold import fold
from streamllie.models.level import GRID
from streamllie.models.memory import Memory
from streamllie.models.network import Gate, Network
from tests.models.networks import SMALL


def test_lite_has_at_most_100_000_parameters():
    assert sum(p.numel() for p in fold(Network().eval()).parameters()) <= 100_000


def test_a_batch_gives_the_same_as_its_images_one_by_one(network, planes):
    together = network(*planes, Memory())
    for i in range(3):
        alone = network(*(p[i : i + 1] for p in planes), Memory())
        for a, b in zip(together, alone, strict=True):
            assert torch.allclose(a[i : i + 1], b, atol=1e-5)


def test_folding_keeps_the_function_and_leaves_no_batch_norm(network, planes):
    folded = fold(network)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert sum(p.numel() for p in folded.parameters()) < sum(p.numel() for p in network.parameters())
    for a, b in zip(network(*planes, Memory()), folded(*planes, Memory()), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_folding_leaves_the_original_as_it_was(network, planes):
    before = [p.clone() for p in network.parameters()]
    fold(network)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_the_tone_curve_keeps_black_and_white_and_order_for_every_gain():
    x = torch.linspace(0, 1, 256)
    for gain in (0.1, 1.0, 5.0, 40.0):
        bright = curve(x, torch.tensor(gain))
        assert bright[0] == 0
        assert torch.isclose(bright[-1], torch.tensor(1.0))
        assert (bright.diff() > 0).all()
    assert torch.equal(curve(x, torch.tensor(1.0)), x)


def test_a_coloured_lamp_in_the_dark_is_no_colour_that_there_is_not():
    """Exposed like its dark surroundings it had six times as much as any colour, and came out black."""
    network, seen = Network(SMALL).eval(), []
    network.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    y, u, v = torch.full((1, 1, 64, 64), 0.01), torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    y[..., 24:32, 24:32], u[..., 12:16, 12:16], v[..., 12:16, 12:16] = 0.12, 0.45, 0.15
    u[..., 20:24, 20:24] = 0.001
    network(y, u, v, Memory())
    colour = seen[0][0, 16:]
    assert colour[:4, 6, 6].tolist() == pytest.approx([0.5] * 4)
    assert colour[4:, 6, 6].tolist() == pytest.approx([0.5 / 3] * 4), "of the same hue"
    assert colour[0, 10, 10] > 0.02, "what is within stays as it is"
    assert colour.abs().max() <= 0.5


@pytest.mark.parametrize("noise_map", [False, True])
def test_a_frame_can_be_faded_out_in_favour_of_what_is_made_in_its_place(planes, noise_map):
    torch.manual_seed(0)
    network = Network(replace(SMALL, fade=True, history=noise_map, noise_map=noise_map)).eval()
    torch.nn.init.zeros_(network.head.weight)
    planes = planes[0], 0.05 * planes[1], 0.05 * planes[2]  # no colour that is kept for being strong
    noisy = [p + 0.02 * torch.randn_like(p) for p in planes]

    def difference(gone: float) -> float:
        with torch.no_grad():
            network.head.bias[24:] = gone
            a, b = (network(*p, Memory()) for p in (planes, noisy))
        return sum((x - y).abs().mean().item() for x, y in zip(a, b, strict=True))

    assert difference(5.0) < 0.02 * difference(-5.0)
    assert difference(5.0) < difference(0.5) < difference(-5.0), "some of it, too"


def test_with_a_noise_map_a_place_that_is_sure_is_treated_otherwise_than_one_that_is_new(planes):
    torch.manual_seed(0)
    network = Network(replace(SMALL, history=True, noise_map=True)).eval()
    assert network.left is not None
    torch.nn.init.ones_(network.left.weight)
    network.stem.weight.data[:, 24:] = 0  # so that the map alone can tell
    one = tuple(p[:1] for p in planes)
    memory = Memory()
    with torch.no_grad():
        network(*one, memory)
        history = memory.next_history
        assert history is not None
        sure = history.clone()
        sure[:, 24:, :, :4] = 0.9
        state, keep = memory.next_state(), torch.full((1, 1), 0.8)
        new, known = (network(*one, Memory(state, keep, h)) for h in (history, sure))
    assert not torch.allclose(new[0][..., :16], known[0][..., :16], atol=1e-4)


def test_what_is_new_is_weighed_as_if_it_were_alone_in_the_picture():
    torch.manual_seed(0)
    gate = Gate(8, kernel=0, attention=True, adr=None).eval()
    known, new = torch.randn(1, 8, 16, 16), 3 * torch.randn(1, 8, 16, 16)
    sure = torch.cat([torch.ones(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)], dim=3)
    with torch.no_grad():
        both = torch.cat([known, new], dim=3)
        halves = gate(both, Memory(), sure).chunk(2, dim=3)
        alike = gate(both, Memory()).chunk(2, dim=3)
        for half, together, content in zip(halves, alike, (known, new), strict=True):
            alone = gate(content, Memory())
            assert (half - alone).abs().max() < 0.1 * (together - alone).abs().max()
        nothing = gate(new, Memory(), torch.zeros(1, 1, 16, 16))
        assert torch.allclose(nothing, gate(new, Memory()), atol=1e-6), "a single picture"


def test_a_new_place_is_weighed_by_what_was_new_before_it_the_more_so_the_smaller_it_is():
    torch.manual_seed(0)
    gate = Gate(8, kernel=0, attention=True, adr=None).eval()
    first, second = torch.randn(1, 8, 16, 16), 3 * torch.randn(1, 8, 16, 16)
    memory = Memory()
    none = torch.zeros(1, 1, 16, 16)

    def away(share: float) -> float:
        """From the weights of the first picture, which was all new; of a place that every second picture has."""
        sure = (torch.arange(16) >= round(16 * share)).float().expand(1, 1, 16, 16)
        held = Memory(memory.next_state(), torch.full((1, 1), 0.8))
        remembered, own = Memory(memory.next_state(), torch.ones(1, 1)), Memory()
        results = (gate(second, held, sure), gate(second, remembered, none), gate(second, own, sure))
        now, before, alone = (result[..., :1] for result in results)
        return float((now - before).abs().max() / (alone - before).abs().max())

    with torch.no_grad():
        gate(first, memory, none)
        assert away(1 / 16) < 0.3 * away(1.0)


@pytest.mark.parametrize("part", ["noise_map", "camera", "grain"])
def test_a_part_of_temporal_denoising_without_it_is_refused(part):
    with pytest.raises(ValueError, match=f"{part} is true and history is false"):
        Network(replace(SMALL, **{part: True}))


def test_keep_0_has_no_memory_bit_for_bit(network, planes):
    one = tuple(p[:1] for p in planes)
    state = torch.randn(1, network.state_size()) * 100
    alone = network(*one, Memory())
    for a, b in zip(alone, network(*one, Memory(state, torch.zeros(1))), strict=True):
        assert torch.equal(a, b)


def test_keep_1_holds_the_function_still_whatever_the_picture_is(network, planes):
    first, memory = tuple(p[:1] for p in planes), Memory()
    network(*first, memory)
    held = Memory(memory.next_state(), torch.ones(1))
    network(*(p[2:] for p in planes), held)
    parts = [1, GRID * GRID, network.state_size() - 1 - GRID * GRID]
    (backlit, _, rest), (backlit_before, _, rest_before) = (m.next_state().split(parts, dim=1) for m in (held, memory))
    assert torch.equal(rest, rest_before), "all but the cells of the exposure, which take new content as it is"
    assert torch.equal(backlit, backlit_before)


def test_a_steady_input_comes_to_rest_at_the_single_image_result(network, planes):
    one = tuple(p[:1] for p in planes)
    alone = network(*one, Memory())
    state = torch.rand(1, network.state_size())
    for _ in range(400):
        memory = Memory(state, torch.tensor([0.5]))
        out = network(*one, memory)
        state = memory.next_state()
    for a, b in zip(alone, out, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_the_state_is_as_long_as_promised_and_training_mode_survives_asking():
    network = Network(SMALL).train()
    length = network.state_size()
    assert network.training
    memory = Memory()
    network.eval()(torch.rand(1, 1, 32, 32), torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16), memory)
    assert memory.next_state().shape == (1, length)


def test_black_and_white_frames_give_finite_pictures(network):
    for value in (0.0, 1.0):
        y, u, v = torch.full((1, 1, 32, 32), value), torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
        assert all(torch.isfinite(p).all() for p in network(y, u, v, Memory()))


def test_a_picture_unlike_any_in_training_cannot_make_products_of_products_explode(network):
    snow = torch.zeros(1, 1, 64, 64)
    snow[:, :, 32:] = 1.0
    checker = (torch.arange(64)[:, None] + torch.arange(64)[None]).remainder(2).float()[None, None]
    for y in (snow, checker, 1 - snow):
        for colour in (-0.5, 0.0, 0.5):
            u = torch.full((1, 1, 32, 32), colour)
            loud = copy.deepcopy(network)
            loud.down.weight.mul_(1e4)  # features far outside the statistics of batch norm
            for plane in loud(y, u, -u, Memory()):
                assert plane.abs().max() < 1e3
