"""A dark room with a window is measured by its room; stages, portraits and the open sky by all that is in them."""

import pytest
import torch

from streamllie.models.level import gain_to_level, measure
from streamllie.models.memory import Memory

ROOM, SKY = 0.08, 0.75


def room(part: slice | None = None) -> torch.Tensor:
    """Mean luma of 4x4 pixels, (1, 1, 72, 128), with a window as high as its `part` of the columns is wide."""
    patch = torch.full((1, 1, 96, 144), ROOM)
    if part is not None:
        patch[:, :, 8 : 8 + part.stop - part.start, part] = SKY
    return patch


def measured(patch: torch.Tensor) -> tuple[float, float]:
    """Level and how far it is backlit."""
    means, _, backlit = measure(patch, Memory())
    return means[0, 0].item() ** 2, backlit.item()


@pytest.mark.parametrize("side", [24, 48, 58])
def test_a_window_of_up_to_a_quarter_of_the_picture_does_not_count(side):
    level, backlit = measured(room(slice(48, 48 + side)))
    assert backlit > 0.85
    assert level == pytest.approx(ROOM, rel=0.1), "with the window it is 0.10 to 0.20"


def test_without_a_window_all_counts():
    level, backlit = measured(room())
    assert backlit == 0
    assert level == pytest.approx(ROOM, rel=1e-3)


def test_the_open_sky_is_no_window():
    patch = room()
    patch[:, :, :48] = SKY
    level, backlit = measured(patch)
    assert backlit == 0
    assert level == pytest.approx((0.5 * (ROOM**0.5 + SKY**0.5)) ** 2, rel=1e-3)


def test_a_room_with_light_in_it_is_measured_with_its_window():
    patch = room(slice(48, 96))
    assert measured(patch * 0.3 + 0.7 * SKY)[1] == 0


def test_white_stripes_are_no_window():
    patch = room()
    patch[:, :, 20:60, 20:100:4] = SKY
    assert measured(patch)[1] == 0


@pytest.mark.parametrize("size", [(4, 4), (12, 20), (13, 31)])
def test_a_tiny_picture_has_a_level_too(size):
    level, backlit = measured(torch.full((1, 1, *size), ROOM))
    assert backlit == 0
    assert level == pytest.approx(ROOM, rel=1e-3)


def test_a_window_that_is_opened_counts_for_less_bit_by_bit():
    state, keep, levels = None, torch.full((1, 1), 0.9), list[float]()
    for patch in [room()] * 2 + [room(slice(48, 106))] * 30:
        memory = Memory(state, keep)
        means, _, _ = measure(patch, memory)
        levels.append(means[0, 0].item() ** 2)
        state = memory.next_state()
    assert max(levels) == levels[2] > 1.5 * ROOM
    assert levels[-1] == pytest.approx(ROOM, rel=0.1)


def test_a_white_flash_is_not_remembered():
    memory = Memory(torch.ones(1, 1), torch.full((1, 1), 0.5))
    _, white, backlit = measure(torch.ones(1, 1, 96, 144), memory)
    assert (white.item(), backlit.item()) == (1, 1)
    assert memory.keep is not None
    assert memory.keep.item() == 1


def test_black_stays_black():
    assert gain_to_level(torch.full((1, 1), 1e-5)).item() < 2
    assert gain_to_level(torch.full((1, 1), 0.01)).item() > 30
