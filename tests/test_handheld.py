"""A hand that holds the camera: `lite-handheld` moves what it remembers as the camera has moved."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from streamllie.backends import open_engine
from streamllie.defaults import SMOOTHING
from streamllie.enhance import Steady
from streamllie.frame import Frame, VideoFormat
from streamllie.shelf import find
from streamllie.temporal.policy import Smoothing

HEIGHT, WIDTH, MARGIN = 144, 192, 40
FRAMES = 24


def hand(n: int) -> tuple[float, float]:
    """Where a trembling hand that pans slowly looks at frame n, in pixels."""
    return 1.3 * n + 2 * np.sin(0.9 * n) - 15, 0.4 * n + 1.5 * np.sin(1.3 * n + 1)


def clip(*, noise: float, moving: bool) -> list[np.ndarray]:
    """Frames (HEIGHT, WIDTH) of a dark, drawn scene, in 8-bit video levels."""
    rng = np.random.default_rng(7)
    size = (HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    scene = np.full(size, 0.25, np.float32)
    for _ in range(60):
        top, left, side = rng.integers(0, size[0]), rng.integers(0, size[1]), rng.integers(6, 40)
        scene[top : top + side, left : left + side] = rng.uniform(0.05, 0.6)
    frames = []
    for n in range(FRAMES):
        x, y = hand(n) if moving else (0.0, 0.0)
        window = np.array([[1, 0, MARGIN + x], [0, 1, MARGIN + y]])
        seen = cv2.warpAffine(scene, window, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
        frames.append((16 + 219 * 0.2 * seen + noise * rng.standard_normal((HEIGHT, WIDTH))).round().clip(0, 255))
    return [frame.astype(np.uint8) for frame in frames]


def enhanced(model: str, frames: list[np.ndarray]) -> list[np.ndarray]:
    format = VideoFormat(height=HEIGHT, width=WIDTH)
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    with open_engine(find(model), format, backend="onnxruntime", precision="fp32") as engine:  # it opens fastest
        steady = Steady(engine, format, Smoothing(SMOOTHING), strength=1.0)
        made = (Frame(y=y, u=grey, v=grey, pts=n, time_base=Fraction(1, 30)) for n, y in enumerate(frames))
        return [steady(frame).y.astype(float) for frame in made]


def noise_left(model: str, *, moving: bool) -> float:
    """Deviation of what the noise of 3 levels adds to the last frames' detail."""
    noisy, calm = (enhanced(model, clip(noise=noise, moving=moving)) for noise in (3.0, 0.0))
    rest = [a - b for a, b in zip(noisy[-6:], calm[-6:], strict=True)]
    return float(np.mean([(a - cv2.blur(a, (15, 15))).std() for a in rest]))


@pytest.fixture(scope="module")
def left() -> dict[tuple[str, bool], float]:
    return {(m, moving): noise_left(m, moving=moving) for m in ("lite", "lite-handheld") for moving in (False, True)}


def test_a_moving_camera_has_less_noise_left_if_what_is_remembered_moves_with_it(left):
    assert left["lite-handheld", True] < 0.85 * left["lite", True]


def test_from_a_fixed_camera_both_are_as_clean(left):
    assert left["lite-handheld", False] == pytest.approx(left["lite", False], rel=0.25)
