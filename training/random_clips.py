"""Random short clips to train on: stills that pan, zoom and shake, things that pass in front, light that hunts."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from training.foreground import superellipse
from training.motion import window
from training.planes import LUMA, Rgb

STILL = 0.4  # share of clips from a fixed camera
PASSING = 0.7  # share with something that moves through
PLAIN = 0.4  # share of those that are of one colour, as bright as the picture: only its colour tells that it moves
HUNTING = 0.4  # share with an exposure that wanders
MARGIN = 1.3  # a clip is cut from a part this much larger than its frames, so that a moving camera stays inside


def move(rgb: Rgb, other: Rgb, rng: np.random.Generator, *, frames: int, height: int, width: int) -> list[Rgb]:
    """A clip of a still picture: the camera moves or not, and a piece of another picture may pass in front.

    `rgb` is at least MARGIN times as large as the frames; `other` at least as large as them.
    """
    camera = _camera_path(rng, frames)
    clip = [window(rgb, height, width, x=x, y=y, scale=zoom) for x, y, zoom in camera]
    if rng.random() < PASSING:
        _pass_through(clip, other, rng)
    return clip


def light_path(rng: np.random.Generator, frames: int) -> NDArray[np.float32]:
    """Factors on the light of each frame, around 1: steady, or hunting by up to a sixth."""
    if rng.random() >= HUNTING:
        return np.ones(frames, np.float32)
    swing, speed, start = rng.uniform(0.02, 0.16), rng.uniform(0.1, 1.5), rng.uniform(0, 2 * math.pi)
    return (1 + swing * np.sin(start + speed * np.arange(frames))).astype(np.float32)


def _camera_path(rng: np.random.Generator, frames: int) -> list[tuple[float, float, float]]:
    """Shift to the right and down, in pixels, and zoom, for each frame."""
    if rng.random() < STILL:
        return [(0.0, 0.0, 1.0)] * frames
    speed = np.exp(rng.uniform(np.log(0.05), np.log(12.0)))
    turn = rng.uniform(0, 2 * math.pi)
    zoom = 1 + rng.uniform(-0.006, 0.006) * (rng.random() < 0.4)
    shake = rng.uniform(0, 2.0) * (rng.random() < 0.5)
    jitter = rng.normal(0, shake, (frames, 2))
    return [
        (speed * t * math.cos(turn) + jitter[t, 0], speed * t * math.sin(turn) + jitter[t, 1], zoom**t)
        for t in range(frames)
    ]


def _pass_through(clip: list[Rgb], other: Rgb, rng: np.random.Generator) -> None:
    """A soft-edged piece of another picture moves over the clip, which is changed in place."""
    height, width = clip[0].shape[:2]
    other = _plain(clip[0], rng) if rng.random() < PLAIN else other
    size = rng.uniform(0.1, 0.35, 2) * (width, height)
    place, speed = rng.uniform(0, 1, 2) * (width, height), rng.normal(0, 8, 2)
    y, x = np.ogrid[:height, :width]
    power = rng.choice([2, 8])  # an ellipse or nearly a box
    for t, frame in enumerate(clip):
        at = place + t * speed
        edge = superellipse(x, y, at, size, power)
        cover = np.clip((1.15 - edge) / 0.3, 0, 1)[:, :, None].astype(np.float32)
        matrix = np.array([[1, 0, at[0] - place[0]], [0, 1, at[1] - place[1]]])
        piece = cv2.warpAffine(other[:height, :width], matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        frame[:] = (frame * (1 - cover) + piece * cover + 0.5).astype(np.uint8)


def _plain(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """A picture of one colour and of the other's mean luma (BT.601), as far as that colour can be so bright."""
    colour = rng.uniform(0, 1, 3) ** 2 + 0.02
    colour = np.clip(colour * (rgb @ LUMA).mean() / (colour @ LUMA), 0, 255)
    return np.full_like(rgb, colour.astype(np.uint8))
