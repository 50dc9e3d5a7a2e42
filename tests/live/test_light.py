"""Daylight: dark frames get all of the effect, well-lit ones none, and nothing jumps."""

import numpy as np
import pytest

from streamllie.frame import Plane, VideoFormat
from streamllie.live.light import Daylight

FORMAT = VideoFormat(height=48, width=64)


def grey(mean: float) -> Plane:
    """Luma whose mean is so much of the range."""
    return np.full((48, 64), round(16 + 219 * mean), np.uint8)


@pytest.mark.parametrize(("mean", "share"), [(0.05, 1.0), (0.2, 1.0), (0.5, 0.0), (0.9, 0.0)])
def test_dark_gets_all_and_light_gets_nothing(mean, share):
    assert Daylight().share(grey(mean), FORMAT, at=0) == share


def test_dusk_gets_a_part():
    assert 0.2 < Daylight().share(grey(0.33), FORMAT, at=0) < 0.8


def test_a_lamp_that_is_switched_on_fades_the_effect_out_and_not_off():
    light = Daylight()
    shares = [light.share(grey(0.05), FORMAT, at=0)]
    shares += [light.share(grey(0.8), FORMAT, at=n / 30) for n in range(1, 90)]
    steps = -np.diff(shares)
    assert steps.max() < 0.1
    assert shares[-1] == 0.0


def test_full_range_and_ten_bits_are_understood():
    deep = VideoFormat(height=48, width=64, depth=10, full_range=True)
    assert Daylight().share(np.full((48, 64), 900, np.uint16), deep, at=0) == 0.0
