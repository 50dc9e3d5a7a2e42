"""Videos for comparisons: a dark scene, and what might have become of it."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media import HEIGHT, RATE, WIDTH, make_video

Light = Callable[[int], float]


def still(seed: int = 4, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Boxes, (height, width) in 0..1, 0.4 on average."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width), 0.4)
    for _ in range(20):
        top, left, size = rng.integers(0, height), rng.integers(0, width), rng.integers(3, 20)
        picture[top : top + size, left : left + size] = rng.uniform()
    return picture + (0.4 - picture.mean())


def shot(path: Path, light: Light, *, frames: int = 20, seed: int = 4, cut: int | None = None, **options) -> Path:
    """A video without loss of a still in a light that may change from frame to frame."""
    height, width = options.get("height", HEIGHT), options.get("width", WIDTH)
    pictures = []
    for n in range(frames):
        scene = still(seed + (cut is not None and n >= cut), height, width)
        luma = np.clip(np.rint(16 + 219 * light(n) * scene), 16, 235).astype(np.uint8)
        chroma = np.full((height // 2, width // 2), 128, np.uint8)
        planes = np.concatenate([luma.ravel(), chroma.ravel(), chroma.ravel()]).reshape(height * 3 // 2, width)
        pictures.append(av.VideoFrame.from_ndarray(planes, format="yuv420p"))
    return make_video(path, codec="ffv1", pictures=pictures, **{"rate": RATE, **options})


@pytest.fixture
def dark(tmp_path) -> Path:
    """Twenty steady frames of a tenth of the light."""
    return shot(tmp_path / "night.mkv", lambda n: 0.1)


@pytest.fixture
def bright(tmp_path) -> Path:
    """The same with all of it, and a flicker of 2 %."""
    return shot(tmp_path / "day.mkv", lambda n: 1 + 0.02 * (-1) ** n)
