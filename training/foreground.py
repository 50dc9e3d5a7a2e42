"""Things put before a clean picture: a dark coat says nothing of how much light there is, and the network must know."""

import cv2
import numpy as np

from training import degrade
from training.planes import Rgb

PARTS = 3  # at most, of a thing: a head, a body, an arm
SIDES = (0.08, 0.4)  # half the width and height of a part, as shares of the picture's
DARK = 0.7  # share of the things that are darker than they were in their own picture, the others are paler
REFLECTANCE = (0.02, 0.3)  # of what they were
PALE = (0.1, 0.5)  # of what they lacked to white is left
SOFT = 0.04  # of a part's half width is its edge


def put_before(rgb: Rgb, other: Rgb, rng: np.random.Generator) -> Rgb:
    """A picture (H, W, 3) with a piece of another of that size before it, darkened or paled."""
    light = degrade.to_linear(other)
    if rng.random() < DARK:
        light = light * np.float32(np.exp(rng.uniform(*np.log(REFLECTANCE))))
    else:
        light = 1 - (1 - light) * np.float32(rng.uniform(*PALE))
    cover = _shape(rgb.shape[0], rgb.shape[1], rng)[:, :, None]
    mixed = degrade.to_linear(rgb) * (1 - cover) + light * cover
    return degrade.tone(mixed, None)


def _shape(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """How much of each pixel is covered, (H, W) in [0, 1]: ellipses and boxes with round corners that hang together."""
    y, x = np.ogrid[:height, :width]
    cover = np.zeros((height, width))
    at = rng.uniform(0, 1, 2) * (width, height)
    for _ in range(rng.integers(1, PARTS + 1)):
        half = rng.uniform(*SIDES, 2) * (width, height)
        power = rng.choice([2, 4, 8])
        edge = superellipse(x, y, at, half, power) ** (1 / power)
        cover = np.maximum(cover, np.clip((1 - edge) / SOFT, 0, 1))
        at = at + half * rng.uniform(-1, 1, 2)
    return cv2.GaussianBlur(cover.astype(np.float32), (0, 0), 0.7)


def superellipse(x: np.ndarray, y: np.ndarray, at: np.ndarray, half: np.ndarray, power: int) -> np.ndarray:
    """1 on its edge, less inside: an ellipse of these half axes about (x, y) `at` with power 2, nearly a box with 8."""
    return np.abs((x - at[0]) / half[0]) ** power + np.abs((y - at[1]) / half[1]) ** power
