"""What no training showed: one light in a black frame, and a camera that sees no colour."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from streamllie.enhancer import Enhancer

SIZE = 270, 480
LAMP = np.array([200, 150, 80])  # an orange window, RGB


@pytest.fixture(scope="module", params=["lite", "lite-handheld", "lite-open", "lite-lol", "base"])
def enhance(request) -> Iterator[Enhancer]:
    with Enhancer(request.param, backend="onnxruntime") as opened:
        yield opened


@pytest.mark.parametrize("inside", [slice(120, 150), slice(100, 170)], ids=["small", "large"])
def test_a_light_in_the_dark_keeps_its_colour_and_has_no_dark_hole(enhance, inside):
    night = np.random.default_rng(3).normal(1, 1, (*SIZE, 3)).clip(0, 3).astype(np.uint8)
    night[inside, inside] = LAMP
    lamp = enhance(night)[inside, inside][6:-6, 6:-6].reshape(-1, 3).astype(int)
    red, green, blue = np.median(lamp, axis=0)
    assert np.abs(lamp - (red, green, blue)).max() <= 3
    assert ((red, green, blue) >= LAMP - 5).all()
    assert red > green > blue
    assert blue < 0.75 * red


def test_a_camera_without_colour_gets_none(enhance):
    rng = np.random.default_rng(5)
    shades = cv2.resize(rng.uniform(10, 50, (6, 9)), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    dark = (shades + rng.normal(0, 2, SIZE)).clip(0, 255).astype(np.uint8)
    bright = enhance(np.repeat(dark[:, :, None], 3, axis=2)).astype(int)
    assert bright.mean() > 2 * dark.mean()
    assert np.ptp(bright, axis=2).max() <= 1
