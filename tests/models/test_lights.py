"""What no training showed: one light in a black frame, a bright window, a plain sky, a camera that sees no colour."""

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


SKY = np.array([130, 190, 215])


def room(window: float) -> np.ndarray:
    """A dark grey room with some texture and noise, and a window of so much of the picture with a cloud in it."""
    rng = np.random.default_rng(7)
    shades = cv2.resize(rng.uniform(15, 45, (6, 9)), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    dark = np.repeat((shades + rng.normal(0, 1.5, SIZE))[:, :, None], 3, axis=2)
    side = round((window * SIZE[0] * SIZE[1]) ** 0.5)
    dark[20 : 20 + side, 440 - side : 440] = SKY
    dark[20 + side // 2 : 20 + side, 440 - side : 440 - side // 2] = 250
    return dark.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("window", [0.1, 0.2])
def test_a_window_keeps_its_sky_and_the_room_beside_it_is_not_left_in_the_dark(enhance, window):
    alone, beside = (enhance(room(size))[:, :240].mean() for size in (0, window))
    assert beside > 0.5 * alone
    side = round((window * SIZE[0] * SIZE[1]) ** 0.5)
    inside = enhance(room(window))[28 : 12 + side, 448 - side : 432].astype(int)
    sky, cloud = inside[: side // 4, side // 2 :], inside[3 * side // 4 :, : side // 4]
    red, _, blue = np.median(sky.reshape(-1, 3), axis=0)
    assert blue - red > 40, "still blue"
    assert red < 0.85 * np.median(cloud), "and darker than the cloud"


def test_a_plain_sky_has_no_rim(enhance):
    at_dusk = np.linspace((14, 20, 44), (26, 30, 52), SIZE[0])[:, None]
    dark = np.random.default_rng(9).normal(at_dusk, 0.7, (*SIZE, 3)).clip(0, 255).round().astype(np.uint8)
    columns = enhance(dark).astype(float).mean(axis=0)  # (480, 3)
    inner = columns[40:-40].mean(axis=0)
    assert np.abs(columns[:16] - inner).max() < 5
    assert np.abs(columns[-16:] - inner).max() < 5


def test_the_beam_of_a_torch_has_no_rings(enhance):
    rng = np.random.default_rng(11)
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    light = 15 + 165 * np.exp(-((np.hypot(y - 135, x - 300) / 80) ** 2))
    dark = np.repeat((light + rng.normal(0, 1.5, SIZE))[:, :, None], 3, axis=2).clip(0, 255).astype(np.uint8)
    bright = enhance(dark).mean(axis=2)
    rings = [bright[(light > level) & (light <= level + 15)].mean() for level in range(25, 175, 15)]
    assert (np.diff(rings) > -6).all(), "hardly darker anywhere towards its centre"
    assert rings[-1] > rings[4]


def test_a_flame_in_the_dark_has_no_pale_rim(enhance):
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    glow = np.exp(-(((x - 240) / 24) ** 2) - ((y - 150) / 60) ** 2)[:, :, None]
    flame = (255 * (glow * np.array([2.5, 1.1, 0.25])).clip(0, 1) ** (1 / 2.2)).round()
    dark = (flame + np.random.default_rng(13).normal(1, 1, (*SIZE, 3))).clip(0, 255).astype(np.uint8)
    bright = enhance(dark).astype(float)
    luma = dark @ np.array([0.299, 0.587, 0.114])
    for low, high in ((60, 90), (90, 130), (130, 170)):
        red, _, blue = bright[(luma > low) & (luma < high)].mean(axis=0)
        assert blue < 0.56 * red
