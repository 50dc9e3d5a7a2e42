"""How the camera moved between two frames."""

import math

import pytest
import torch
from torch.nn import functional as F

from streamllie.models.camera import Camera

SIDE = 256  # pixels of a frame, both ways


def scene(right: float = 0.0, down: float = 0.0, zoom: float = 0.0, turn: float = 0.0) -> torch.Tensor:
    """Luma at a quarter of the size, of waves in many directions, from a camera that has moved by so much."""
    at = (torch.arange(float(SIDE)) - (SIDE - 1) / 2) / (SIDE / 2)
    v, u = torch.meshgrid(at, at, indexing="ij")
    u, v = u + right + zoom * u - turn * v, v + down + zoom * v + turn * u
    waves = torch.zeros(SIDE, SIDE)
    for n in range(12):
        across, along = math.cos(2.4 * n), math.sin(2.4 * n)
        waves += torch.sin((6 + 2 * n) * (across * u + along * v) + n)
    return F.avg_pool2d(0.4 + 0.05 * waves[None, None], 4)


MOTIONS = {
    "pan by part of a pixel": (0.7 / 128, -0.3 / 128, 0, 0),
    "pan by many pixels": (14 / 128, 9 / 128, 0, 0),
    "zoom": (0, 0, 0.01, 0),
    "turn": (0, 0, 0, -0.01),
    "all of it": (3 / 128, -2 / 128, -0.008, 0.005),
}


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_motion_of_a_camera_is_found_also_under_noise(motion, noise):
    torch.manual_seed(0)
    found = Camera.between(scene(*motion) + noise * torch.randn(1, 1, 64, 64), scene()).motion[0] * SIDE / 2
    assert torch.allclose(found, torch.tensor(motion) * SIDE / 2, atol=0.5)  # pixels, at the edge of the picture


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS)
def test_what_was_seen_before_is_moved_to_where_it_is_seen_now(motion):
    before, now = scene(), scene(*motion)
    moved = Camera(torch.tensor([motion])).look(before)
    inside = (..., slice(12, -12), slice(12, -12))
    assert (moved - now)[inside].abs().mean() < 0.4 * (before - now)[inside].abs().mean()


def test_a_fixed_camera_has_not_moved_at_all_whatever_the_noise_and_the_light():
    torch.manual_seed(0)
    now = 1.05 * scene() + 0.02 * torch.randn(1, 1, 64, 64) + 0.02 * torch.randn(1, 1, 64, 1)  # of the sensor's rows
    assert not Camera.between(now, scene()).motion.any()
    assert torch.allclose(Camera(torch.zeros(1, 4)).look(scene()), scene(), atol=1e-5)


def test_what_passes_before_a_fixed_camera_moves_nothing_else():
    before, now = scene(), scene()
    for frame, left in ((before, 20), (now, 24)):
        frame[:, :, 16:40, left : left + 18] = scene(0.3, 0.2)[:, :, :24, :18] + 0.15
    assert not Camera.between(now, before).motion.any()


def test_a_black_picture_has_not_moved():
    black = torch.zeros(1, 1, 64, 64)
    assert not Camera.between(black, black).motion.any()


def test_each_picture_of_a_batch_has_a_camera_of_its_own():
    moved = Camera.between(torch.cat([scene(), scene(4 / 128)]), torch.cat([scene(), scene()])).motion
    assert not moved[0].any()
    assert moved[1, 0].item() == pytest.approx(4 / 128, rel=0.1)


def test_nothing_is_known_of_what_lay_outside_of_the_frame():
    sure = Camera(torch.tensor([[0.5, 0.0, 0.0, 0.0]])).look(torch.ones(1, 1, 8, 8), beyond="zeros")
    assert (sure[..., 6:] == 0).all()
    assert (sure[..., :5] == 1).all()
