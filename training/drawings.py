"""Drawn pictures: titles, screens, charts. None of it is noise or darkness, and none of it may change."""

import cv2
import numpy as np

from training.planes import Rgb


def drawing(rng: np.random.Generator, height: int, width: int) -> Rgb:
    """Flat colour, boxes, stripes and letters, as on screens and in titles: none of it is noise or darkness."""
    pale = rng.random() < 0.5
    rgb = np.full((height, width, 3), rng.integers(160 if pale else 0, 256, 3), np.uint8)
    if rng.random() < 0.3:
        _pattern(rgb, _colour(rng), rng)  # a chart, a chessboard, a blind: all of the picture
    for _ in range(rng.integers(0, 12)):
        top, left = int(rng.integers(height)), int(rng.integers(width))
        colour = _colour(rng)
        if rng.random() < 0.5:
            box = rgb[top : int(rng.integers(top, height)) + 1, left : int(rng.integers(left, width)) + 1]
            box[:] = colour
            if rng.random() < 0.3:
                _pattern(box, colour, rng)
        else:
            text = "".join(chr(rng.integers(33, 127)) for _ in range(8))
            scale = float(rng.uniform(0.4, 2.0))
            cv2.putText(rgb, text, (left // 2, top), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, int(rng.integers(1, 4)))
    return rgb


def _colour(rng: np.random.Generator) -> list[int]:
    return [int(c) for c in (rng.integers(0, 256, 3) if rng.random() < 0.5 else rng.choice([0, 255], 1).repeat(3))]


def _pattern(box: Rgb, colour: list[int], rng: np.random.Generator) -> None:
    """Checks or stripes of a colour and its opposite."""
    cells = np.indices(box.shape[:2]) // int(rng.integers(1, 24))
    odd = (cells[0] + cells[1] if rng.random() < 0.5 else cells[rng.integers(2)]) % 2 == 1
    box[:] = colour
    box[odd] = 255 - np.array(colour, np.uint8)
