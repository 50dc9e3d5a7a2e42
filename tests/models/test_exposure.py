import itertools
import math

import pytest
import torch

from streamllie.models.exposure import MORE, Exposure, curve, line
from streamllie.models.level import LEVEL
from streamllie.models.memory import Memory


def scene(seed: int = 0) -> torch.Tensor:
    """A dark scene as the mean luma of 4x4 pixels: (1, 1, 48, 64) in [0, 1]."""
    torch.manual_seed(seed)
    coarse = 0.02 + 0.2 * torch.rand(1, 1, 6, 8)
    return torch.nn.functional.interpolate(coarse, size=(48, 64), mode="bilinear")


def play(frames: list[torch.Tensor], *, fps: float = 30, seconds: float = 0.25) -> list[Exposure]:
    """The exposures of frames one after the other, with the memory of those before."""
    keep = torch.tensor([[math.exp(-1 / fps / seconds)]])
    state, found = None, []
    for patch in frames:
        memory = Memory(state, keep)
        found.append(Exposure.of(patch, memory))
        state = memory.next_state()
    return found


def exposed(patch: torch.Tensor, exposure: Exposure) -> float:
    return curve(patch, exposure.gain).mean().item()


def test_a_dark_frame_is_brought_to_the_common_level():
    patch = scene()
    gain = Exposure.of(patch, Memory()).gain
    assert curve(patch, gain).sqrt().mean().square().item() == pytest.approx(LEVEL, abs=0.05)


def test_without_memory_and_with_a_memory_that_keeps_nothing_the_exposure_is_the_same_bit_for_bit():
    alone = Exposure.of(scene(), Memory())
    first = Memory()
    Exposure.of(scene(1), first)
    after = Exposure.of(scene(), Memory(first.next_state(), torch.zeros(1, 1)))
    assert torch.equal(curve(scene(), alone.gain), curve(scene(), after.gain))
    assert torch.equal(alone.seen, after.seen)


@pytest.mark.parametrize(("light", "times"), [(1.0, 40), (0.1, 3.5)])
def test_an_exposure_that_hunts_is_evened_out_down_to_a_few_codes(light, times):
    hunting = [light * scene() * (1 + 0.08 * math.sin(2 * math.pi * 1.5 * t / 30)) for t in range(60)]
    fixed = play([light * scene()])[0]
    swing = torch.tensor([exposed(f, fixed) for f in hunting[20:]])
    steady = torch.tensor([exposed(f, e) for f, e in zip(hunting, play(hunting), strict=True)][20:])
    assert steady.std() < swing.std() / times


def test_a_lamp_switched_on_is_followed_within_half_a_second_and_nothing_overshoots():
    frames = [scene()] * 15 + [(scene() * 2.2).clamp(max=0.95)] * 45
    seen = play(frames)
    gains = [e.log_gain.item() for e in seen]
    before, after = gains[14], gains[-1]
    assert after < before - 0.5
    assert (gains[15 + 15] - after) < 0.35 * (before - after), "half a second later most of the way is gone"
    assert all(a >= b - 1e-4 for a, b in itertools.pairwise(gains)), "no swing back"
    levels = [exposed(f, e) for f, e in zip(frames, seen, strict=True)]
    assert max(levels) - min(levels) < 0.12, "no flash, no dip"


def test_a_white_flash_passes_as_it_is_and_is_forgotten_with_the_next_frame():
    flash = torch.full((1, 1, 48, 64), 0.999)
    seen = play([scene()] * 15 + [flash] * 5 + [scene()] * 5)
    assert all(e.share.item() == 0 for e in seen[15:20])
    for after in seen[20:]:
        assert exposed(scene(), after) == pytest.approx(exposed(scene(), seen[14]), abs=0.01)
    assert play([flash] + [scene()] * 30)[-1].share.item() == 1, "what follows a white beginning is followed"


def test_somebody_who_walks_through_does_not_move_the_exposure_of_the_rest():
    frames = []
    for t in range(30):
        patch = scene().clone()
        patch[:, :, :, 2 * t : 2 * t + 12] = 0.5
        frames.append(patch)
    seen = play([scene()] * 5 + frames)
    for exposure in seen[5:]:
        shift = (exposure.gain.log() - exposure.log_gain).abs().max().item()
        assert shift < 0.15


def test_a_well_lit_frame_is_left_alone_even_when_its_light_wanders():
    bright = [(0.75 + 0.05 * math.sin(t)) * torch.ones(1, 1, 48, 64) for t in range(10)]
    for exposure in play(bright):
        assert torch.equal(exposure.gain, torch.ones_like(exposure.gain))


def test_the_robust_line_does_not_see_a_third_of_wild_values():
    torch.manual_seed(0)
    x = torch.linspace(-4, 0, 144)[None]
    y = 0.3 + 0.05 * (x + 2)
    y[:, ::3] += 1.5
    shift, slope, pivot, share = line(x, y)
    assert share[:, ::3].max() < 0.1, "wild"
    assert share[:, 1::3].min() > 0.9, "on the line"
    assert (shift + slope * (-2 - pivot)).item() == pytest.approx(0.3, abs=0.02)
    assert slope.item() == pytest.approx(0.05, abs=0.01)


def test_a_fade_out_of_white_gets_no_more_gain_than_its_frames_want():
    fade = [(scene() + (1 - scene()) * max(1 - t / 24, 0)) for t in range(30)]
    for frame, exposure in zip(fade, play(fade, fps=24, seconds=0.5), strict=True):
        alone = Exposure.of(frame, Memory()).gain
        assert exposure.gain.max() <= 1.0001 * MORE * torch.maximum(alone, exposure.log_gain.exp()).max()
        assert curve(frame, exposure.gain).sqrt().mean().square() < max(0.5, frame.mean() + 0.02)


def test_a_camera_that_turns_from_a_window_into_the_dark_sees_it_within_a_quarter_of_a_second():
    view = torch.cat([torch.full((1, 1, 48, 64), 0.6) + 0.2 * scene(1), scene()], dim=3)
    turned = [view[..., 64 * t // 15 :][..., :64] for t in range(16)] + [scene()] * 8
    seen = play([view[..., :64]] * 30 + turned, seconds=0.5)
    right = Exposure.of(scene(), Memory()).log_gain.item()
    assert seen[29].log_gain.item() < 0.3
    assert seen[-1].log_gain.item() > right - 0.25
    assert exposed(scene(), seen[-1]) == pytest.approx(LEVEL, abs=0.06)


def test_a_lamp_switched_off_is_followed_as_one_switched_on_is():
    bright, dark = (scene() * 2.2).clamp(max=0.95), scene()
    gains = [e.log_gain.item() for e in play([bright] * 15 + [dark] * 45)]
    half_a_second_later = (gains[30] - gains[14]) / (gains[-1] - gains[14])
    assert 0.65 < half_a_second_later < 1
    assert all(a <= b + 1e-4 for a, b in itertools.pairwise(gains)), "no swing back"
