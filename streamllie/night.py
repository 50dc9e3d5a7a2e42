"""A dark clip made by code, to measure with."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from streamllie.frame import Frame, VideoFormat
from streamllie.video import VideoSink

PAN = 64  # pixels, and frames, that the camera pans


def make_night(path: Path, *, height: int, width: int, frames: int) -> None:
    """A dark clip with the noise of a sensor: a camera that pans over boxes of all sizes."""
    format = VideoFormat(height=height, width=width, time_base=Fraction(1, 30), rate=Fraction(30))
    # A few frames go to and fro: noise for each of thousands would take longer than what is measured.
    pool = dark_frames(height=height, width=width, count=min(frames, PAN))
    with VideoSink(path, format, codec="h264", preset="ultrafast") as sink:
        for n in range(frames):
            there = n % (2 * len(pool))
            frame = pool[there if there < len(pool) else 2 * len(pool) - 1 - there]
            sink.write(replace(frame, pts=n))


def dark_frames(*, height: int, width: int, count: int) -> list[Frame]:
    """Frames of that clip, PAN at most."""
    rng = np.random.default_rng(0)
    still = np.full((height, width + PAN), 0.4, np.float32)
    for _ in range(300):
        top, left = rng.integers(0, height), rng.integers(0, width + PAN)
        size = rng.integers(4, height // 3)
        still[top : top + size, left : left + 2 * size] = rng.uniform()
    noise = rng.normal(0, 2, (4, height, width)).astype(np.float32)
    chroma = rng.normal(128, 1, (4, (height + 1) // 2, (width + 1) // 2)).round().astype(np.uint8)
    frames: list[Frame] = []
    for n in range(count):
        luma = 16 + 219 * 0.08 * still[:, n : n + width] + np.roll(noise[n % 4], 31 * n, axis=1)
        y = np.clip(luma.round(), 0, 255).astype(np.uint8)
        u, v = np.roll(chroma[n % 4], 7 * n, 1), np.roll(chroma[(n + 1) % 4], 5 * n, 1)
        frames.append(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 30), duration=1))
    return frames
