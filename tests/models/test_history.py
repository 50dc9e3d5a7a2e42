import math

import pytest
import torch

from streamllie.models.exposure import Exposure
from streamllie.models.history import CHANNELS, MOST_KEPT, History
from streamllie.models.memory import Memory


def exposure(share: float = 1.0) -> Exposure:
    ones = torch.ones(1, 1, 1, 1)
    none = torch.zeros(1, 1)
    return Exposure(gain=ones, log_gain=none, seen=torch.zeros(1, 3), share=share * ones, backlit=none)


def filled(history: torch.Tensor | None, *, keep: float = 0.8) -> Memory:
    return Memory(torch.zeros(1, 1), torch.tensor([[keep]]), history)


def picture() -> torch.Tensor:
    return torch.rand(1, 24, 8, 8)


def remembered(x: torch.Tensor, *, sure: float = 0.5) -> torch.Tensor:
    return torch.cat([x, torch.full((1, 1, *x.shape[2:]), sure)], dim=1)


def trusting(trust: float, *, grain: bool = False) -> History:
    """A gate that says the same of every place."""
    layer = History(grain=grain)
    torch.nn.init.zeros_(layer.weigh.weight)
    torch.nn.init.constant_(layer.weigh.bias, torch.tensor(trust).logit().item())  # type: ignore[arg-type]
    return layer


def test_the_first_frame_and_a_frame_after_a_cut_pass_untouched_and_nothing_is_sure():
    layer, x = History(), picture()
    for memory in (Memory(), filled(remembered(picture()), keep=0.0)):
        assert torch.equal(layer(x, exposure(), memory)[0], x)
        assert memory.next_history is not None
        assert (memory.next_history[:, 24:] == 0).all()


def test_what_comes_out_is_what_the_next_frame_remembers():
    layer, memory = History(), filled(remembered(picture()))
    out, *_ = layer(picture(), exposure(), memory)
    assert memory.next_history is not None
    assert torch.equal(memory.next_history[:, :24], out)
    assert memory.next_history.shape == (1, CHANNELS, 8, 8)


def test_the_result_lies_between_the_frame_and_its_history_and_never_is_the_history_alone():
    layer, x, before = History(), picture(), picture()
    share = ((layer(x, exposure(), filled(remembered(before)))[0] - x) / (before - x)).detach()
    assert (share >= 0).all()
    assert (share <= MOST_KEPT + 1e-3).all()


def test_a_well_lit_frame_is_not_blended():
    layer, x = History(), picture()
    assert torch.equal(layer(x, exposure(share=0.0), filled(remembered(picture())))[0], x)


def test_what_is_trusted_becomes_the_running_mean_and_the_noise_that_is_said_to_be_left_is_left():
    torch.manual_seed(0)
    layer, truth = trusting(0.9999), torch.full((1, 24, 8, 8), 0.4)
    frames = [truth + 0.05 * torch.randn(1, 24, 8, 8) for _ in range(6)]
    history = None
    for frame in frames:
        memory = filled(history) if history is not None else Memory()
        layer(frame, exposure(), memory)
        history = memory.next_history
    assert history is not None
    mean = torch.stack(frames).mean(dim=0)
    assert (history[:, :24] - mean).abs().max() < 1e-3
    left = (1 - history[:, 24:]).mean().item()  # share of the variance
    assert left == pytest.approx(1 / 6, abs=1e-3)
    assert (history[:, :24] - truth).var().item() / 0.05**2 == pytest.approx(left, rel=0.25)  # 1,536 samples


def test_what_is_not_trusted_starts_anew():
    layer, x = trusting(1e-6), picture()
    memory = filled(remembered(picture(), sure=0.8))
    assert (layer(x, exposure(), memory)[0] - x).abs().max() < 1e-4
    assert memory.next_history is not None
    assert memory.next_history[:, 24:].max() < 1e-4


def test_noise_is_measured_apart_from_edges_and_shades():
    torch.manual_seed(0)
    layer = History()
    edges = torch.zeros(1, 1, 32, 32)
    edges[:, :, :, 13:] = 0.5
    edges += torch.linspace(0, 0.2, 32)[:, None]
    unshuffled = torch.nn.functional.pixel_unshuffle(edges, 4)
    assert torch.nn.functional.conv2d(unshuffled, layer.diagonal).abs().max() < 1e-6
    noise = torch.nn.functional.pixel_unshuffle(0.1 * torch.randn(1, 1, 256, 256), 4)
    assert torch.nn.functional.conv2d(noise, layer.diagonal).std().item() == pytest.approx(0.1, rel=0.03)


def test_four_times_the_noise_is_told_as_its_logarithm():
    torch.manual_seed(0)
    layer, noise = History(), torch.nn.functional.pixel_unshuffle(torch.randn(1, 1, 128, 128), 4)
    x = torch.cat([noise, torch.zeros(1, 8, 32, 32)], dim=1)
    weak, strong = (layer(0.5 + deviation * x, exposure(), Memory())[1].item() for deviation in (0.05, 0.2))
    assert strong - weak == pytest.approx(math.log(4), rel=0.05)


def test_noise_of_a_coarse_grain_is_told_from_fine_noise():
    torch.manual_seed(0)
    layer, grains = History(grain=True), {}
    for size in (1, 2, 3):
        noise = torch.nn.functional.interpolate(torch.randn(1, 1, 96, 96), scale_factor=size, mode="bilinear")
        x = torch.nn.functional.pixel_unshuffle(0.5 + 0.05 * noise, 4)
        x = torch.cat([x, torch.zeros(1, 8, *x.shape[2:])], dim=1)
        memory = Memory()
        layer(x, exposure(), memory)
        fine, coarse = memory.next_state()[0]
        grains[size] = (coarse - fine).item()
    assert grains[1] < 0
    assert min(grains[2], grains[3]) > 0.8


@pytest.mark.parametrize("grain", [True, False])
def test_who_sees_that_the_noise_is_coarse_takes_more_of_a_difference_for_noise(grain):
    layer, x = trusting(0.999, grain=grain), torch.full((1, 24, 8, 8), 0.5)
    noise = torch.nn.functional.interpolate(torch.randn(1, 1, 12, 12), size=(32, 32), mode="bilinear")
    x[:, :16] += 0.02 * torch.nn.functional.pixel_unshuffle(noise, 4)
    before = x.clone()
    before[:, :16] += 0.08
    fine, coarse = (torch.full((1, 1), math.log(value)) for value in (0.01, 0.03))
    memory = Memory(torch.cat([fine, coarse], dim=1), torch.tensor([[1.0]]), remembered(before))
    weight = (layer(x, exposure(), memory)[0] - x)[:, :16].mean() / 0.08
    assert (weight > 0.2) == grain


@pytest.mark.parametrize("coarse", [True, False])
def test_what_moves_in_noise_of_a_coarse_grain_is_seen_by_how_unusual_it_is_over_a_larger_area(coarse):
    torch.manual_seed(0)
    layer, before = trusting(0.999, grain=True), torch.full((1, 24, 48, 48), 0.5)
    noise = torch.nn.functional.interpolate(torch.randn(1, 1, 96, 96), scale_factor=2.0, mode="bilinear")
    x = before.clone()
    x[:, :16] += 0.03 * torch.nn.functional.pixel_unshuffle(noise, 4)
    moved = slice(10, 26)
    x[:, :16, moved, moved] -= 0.04
    fine, rough = math.log(0.012), math.log(0.03 if coarse else 0.012)
    memory = Memory(torch.tensor([[fine, rough]]), torch.tensor([[1.0]]), remembered(before))
    weight = ((layer(x, exposure(), memory)[0] - x) / (before - x))[:, :16].median(dim=1).values[0]
    assert weight[:, 32:].median() > 0.4
    assert (weight[14:22, 14:22].median() < 0.05) == coarse


@pytest.mark.parametrize("channels", [slice(16), slice(16, 20), slice(20, 24)], ids=["luma", "u", "v"])
def test_what_passed_by_leaves_no_trail_in_a_gate_that_trusts_everything_also_where_only_its_colour_told(channels):
    layer = trusting(0.999)
    x = torch.full((1, 24, 8, 8), 0.5) + 0.01 * torch.randn(1, 24, 8, 8)
    before = x.clone()
    before[:, channels, :, :4] += 0.3  # many times the noise
    memory = Memory(torch.full((1, 1), math.log(0.01)), torch.tensor([[0.8]]), remembered(before))
    out, *_ = layer(x, exposure(), memory)
    assert torch.allclose(out[..., :2], x[..., :2], atol=1e-6), "gone at once"
    assert memory.next_history[:, 24:, :, :2].max() < 1e-6, "and nothing is known of the place"


def test_a_stroke_that_goes_is_gone_at_once_and_what_a_codec_moves_by_a_code_is_not_taken_for_one():
    """A text cursor, or a digit of a clock: one of four means of 4x4 pixels, which the gate sees as one."""
    layer, x = trusting(0.999), torch.full((1, 24, 8, 8), 0.5)
    before = x.clone()
    before[:, :16, 3, 5] += 0.08
    memory = Memory(torch.full((1, 1), math.log(0.01)), torch.tensor([[0.8]]), remembered(before))
    out, *_ = layer(x, exposure(), memory)
    assert torch.equal(out[..., 3, 5], x[..., 3, 5])
    before[:, :16, 3, 5] = 0.5 + 2 / 255
    memory = Memory(torch.full((1, 1), math.log(0.001)), torch.tensor([[0.8]]), remembered(before))
    out, *_ = layer(x, exposure(), memory)
    assert (out - x)[:, :16, 3, 5].min() > 0.3 * 2 / 255


def slid(before: torch.Tensor, after: torch.Tensor, *, part: int = 1) -> torch.Tensor:
    """What the gate sees of a slide from one luma (1, 1, H, W) to the other: its share of what changed."""
    layer = History()
    a, b = (torch.nn.functional.pixel_unshuffle(luma, 4) for luma in (before, after))
    return layer._slid(b, b - a, torch.ones(1, 1, 1, 1))[:, part]


def waves(right: float) -> torch.Tensor:
    """A texture of 7 by 11 pixels, seen by a camera that has moved to the right."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")
    return 0.4 + 0.1 * torch.sin(2 * math.pi * ((x + right) / 7 + y / 11))[None, None]


@pytest.mark.parametrize("right", [0.1, 0.3, -1.0])
def test_a_camera_that_moves_by_part_of_a_pixel_is_told_from_noise(right):
    torch.manual_seed(0)
    noise = [0.01 * torch.randn(1, 1, 64, 96) for _ in range(2)]
    still, moved = (slid(waves(0) + noise[0], waves(by) + noise[1]) for by in (0.0, right))
    assert still.mean() < 0.6
    assert moved.mean() > 3 * still.mean()


def test_what_is_remembered_softer_than_the_frame_is_known_by_its_finest_detail():
    torch.manual_seed(0)
    texture = 0.4 + 0.05 * torch.randn(1, 1, 64, 96)
    soft = texture + 0.5 * (torch.nn.functional.avg_pool2d(texture, 3, stride=1, padding=1) - texture)
    assert slid(soft, texture, part=2).mean() > 2
    assert slid(texture + 0.02 * torch.randn(1, 1, 64, 96), texture, part=2).mean() < 0, "noise is no softness"


def test_a_light_that_changes_is_no_slide():
    assert slid(waves(0), 1.1 * waves(0) + 0.02).mean() < 0.4
