"""Clean pictures in coloured light, as on a stage, in a bar or under a street lamp: that colour is the scene's own."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from training import degrade
from training.planes import LUMA, Rgb

PURE = (0.4, 0.97)  # how pure the light's colour is: 0 is white, 1 is one colour alone
LIGHTS = 2  # at most, one on each side
LIFT = 0.5  # power of the luma that colour takes away which is given back: it is the light there is, and no filter


def in_coloured_light(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """A picture (H, W, 3) as if one coloured lamp, or two that blend into one another, had lit it."""
    lights = np.array([_light(rng) for _ in range(rng.integers(1, LIGHTS + 1))], np.float32)
    light = degrade.to_linear(rgb) * _blend(rgb.shape[0], rgb.shape[1], lights, rng)
    return degrade.tone(light, None)


def _light(rng: np.random.Generator) -> NDArray[np.float32]:
    """Linear RGB of a lamp."""
    hue = np.array(colorsys.hsv_to_rgb(rng.uniform(), 1, 1)) ** 2.2
    colour = 1 - rng.uniform(*PURE) * (1 - hue)
    return (colour * (colour @ LUMA) ** -LIFT).astype(np.float32)


def _blend(height: int, width: int, lights: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The light on each pixel: (1, 1, 3), or (H, W, 3) from the first lamp's on one side to the last one's opposite."""
    if len(lights) == 1:
        return lights[None]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    share = 1 / (1 + np.exp(-rng.uniform(1, 5) * (x * np.cos(angle) + y * np.sin(angle))))
    return (lights[0] + share[:, :, None] * (lights[1] - lights[0])).astype(np.float32)
