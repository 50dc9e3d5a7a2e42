"""Training pictures: real pairs and clean pictures held in memory, samples cut and darkened on the fly.

Everything is Y'CbCr 4:2:0, full range, uint8, as in the exported graph. The folder layout is that of the data folder;
see `training/README.md`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training import degrade
from training.recipe import Recipe

Rgb = NDArray[np.uint8]

# LOL-v1 train pairs whose two pictures do not show the same: the first is wrong, then shifted, then poorly correlated.
BAD_PAIRS = frozenset(
    {
        *(648, 328, 330, 494, 495, 515, 569, 570, 571, 574, 649, 677, 700, 701, 9),
        *(142, 237, 238, 698, 699, 585, 586, 587, 588, 590, 591, 27, 28, 183),
    }
)
# Neighbouring numbers of LOL-v1 are one scene, so whole runs of numbers are held out, with a margin that nobody uses.
HELD_OUT = (range(60, 80), range(250, 270), range(440, 460), range(620, 640))
MARGIN = 6
MADE_FROM = "bsds500/val"  # pictures that are made dark for validation
MADE = 40  # so many of them
DRAWN = 0.3  # share of the bright pictures that are drawn: titles, screens, charts
MIN_MEAN = 0.22  # a "clean" picture darker than this teaches that dark is right


@dataclass(frozen=True)
class Planes:
    """One picture: y (H, W), u and v (H/2, W/2), uint8 full range BT.601."""

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]

    @classmethod
    def of(cls, rgb: Rgb) -> "Planes":
        """From RGB with even sides; chroma is the mean of each 2x2."""
        ycc = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
        half = (rgb.shape[1] // 2, rgb.shape[0] // 2)
        v, u = (cv2.resize(ycc[:, :, i], half, interpolation=cv2.INTER_AREA) for i in (1, 2))
        return cls(ycc[:, :, 0], u, v)

    def cut(self, top: int, left: int, height: int, width: int) -> "Planes":
        """A part of the picture; all four numbers even."""
        t, le, h, w = top // 2, left // 2, height // 2, width // 2
        return Planes(
            self.y[top : top + height, left : left + width],
            self.u[t : t + h, le : le + w],
            self.v[t : t + h, le : le + w],
        )

    def turned(self, flip: bool, upside_down: bool) -> "Planes":
        """Mirrored left to right, top to bottom, or both."""
        down, across = (-1 if upside_down else 1), (-1 if flip else 1)
        return Planes(*(plane[::down, ::across] for plane in (self.y, self.u, self.v)))


def read_rgb(path: Path) -> Rgb:
    """An image file as (H, W, 3) uint8 RGB, cut to even sides."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{path} is not a readable picture")
    h, w = bgr.shape[0] // 2 * 2, bgr.shape[1] // 2 * 2
    return np.ascontiguousarray(bgr[:h, :w, ::-1])


def lol_numbers(data: Path, *, held_out: bool) -> list[int]:
    """Usable pair numbers of lol-v1/train, either those for training or those of the validation scenes."""
    numbers = sorted(int(p.stem) for p in (data / "lol-v1/train/low").iterdir())
    good = [n for n in numbers if n not in BAD_PAIRS]
    if held_out:
        return [n for n in good if any(n in run for run in HELD_OUT)]
    return [n for n in good if not any(run.start - MARGIN <= n < run.stop + MARGIN for run in HELD_OUT)]


def lol_pair(data: Path, number: int) -> tuple[Rgb, Rgb]:
    """Low and high picture of one LOL-v1 training pair."""
    low, high = (next((data / "lol-v1/train" / kind).glob(f"{number}.*")) for kind in ("low", "high"))
    return read_rgb(low), read_rgb(high)


def clean_pictures(data: Path, folders: tuple[str, ...]) -> Iterator[Rgb]:
    """Clean pictures at most 1024 wide; of clips, a frame every second or two; person-d is kept for evaluation."""
    for folder in folders:
        for path in sorted((data / folder).iterdir()):
            if path.suffix in {".mkv", ".mp4"}:
                if "person-d" not in path.name:
                    yield from _clip_frames(path, every=20 if "person" in path.name else 60)
            elif path.suffix in {".jpg", ".png"}:
                if folder == "lol-v1/train/high" and int(path.stem) not in lol_numbers(data, held_out=False):
                    continue
                yield _shrink(read_rgb(path), 1024)


def cameras(data: Path, *, besides: str = "") -> list[degrade.Camera]:
    """The calibrated cameras whose name does not begin with `besides`."""
    found = degrade.cameras(data / "sensor-noise/cameras.json")
    return [camera for camera in found if not besides or not camera.name.startswith(besides)]


def validation(recipe: Recipe, data: Path) -> dict[str, list[tuple[Rgb, Rgb]]]:
    """Dark and bright pictures that no training step sees: real pairs of held-out scenes, and pictures made dark.

    The made ones are of `MADE_FROM`, by the recipe's unseen camera if it names one, with fixed seeds.
    """
    sets: dict[str, list[tuple[Rgb, Rgb]]] = {}
    if recipe.mixture.pairs:
        sets["pairs"] = [lol_pair(data, number) for number in lol_numbers(data, held_out=True)]
    if (data / MADE_FROM).is_dir():
        unseen = [c for c in cameras(data) if c.name.startswith(recipe.unseen_camera)]
        bright = [p for p in clean_pictures(data, (MADE_FROM,)) if p.mean() >= MIN_MEAN * 255][:MADE]
        sets["made"] = [(degrade.darken(p, np.random.default_rng(i), unseen), p) for i, p in enumerate(bright)]
    return sets


class Samples:
    """An endless stream of (dark, bright) batches. Deterministic: the same seed and step give the same batch."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.cameras = cameras(data, besides=recipe.unseen_camera)
        mixture = recipe.mixture
        shares = np.array([mixture.pairs, mixture.dark, mixture.bright, mixture.black])
        self.shares = shares / shares.sum()
        self.pairs: list[tuple[Planes, Planes]] = []
        if mixture.pairs:
            for number in lol_numbers(data, held_out=False):
                low, high = lol_pair(data, number)
                self.pairs.append((Planes.of(low), Planes.of(high)))
        self.clean: list[Rgb] = []
        if mixture.dark or mixture.bright or mixture.black:
            self.clean = [p for p in clean_pictures(data, recipe.clean) if p.mean() >= MIN_MEAN * 255]

    def batch(self, step: int, *, size: int, crop: tuple[int, int]) -> list[NDArray[np.uint8]]:
        """Six arrays: dark y, u, v and bright y, u, v, each (B, 1, H, W) uint8, chroma of half the sides."""
        rng = np.random.default_rng((self.recipe.seed, step))
        samples = [self._sample(rng, *crop) for _ in range(size)]
        columns = zip(*([d.y, d.u, d.v, b.y, b.u, b.v] for d, b in samples), strict=True)
        return [np.stack(column)[:, None] for column in columns]

    def _sample(self, rng: np.random.Generator, height: int, width: int) -> tuple[Planes, Planes]:
        kind = rng.choice(4, p=self.shares)
        if kind == 0:
            dark, bright = self.pairs[rng.integers(len(self.pairs))]
            top = 2 * rng.integers((dark.y.shape[0] - height) // 2 + 1)
            left = 2 * rng.integers((dark.y.shape[1] - width) // 2 + 1)
            dark, bright = (p.cut(top, left, height, width) for p in (dark, bright))
        else:
            if kind == 2 and rng.random() < DRAWN:
                rgb = drawing(rng, height, width)
            else:
                rgb = _random_cut(self.clean[rng.integers(len(self.clean))], rng, height, width)
            make_worse = (degrade.darken, degrade.mild, degrade.lightless)[kind - 1]
            worse = make_worse(rgb, rng, self.cameras)
            dark, bright = Planes.of(worse), Planes.of(np.zeros_like(rgb) if kind == 3 else rgb)
        flip, upside_down = rng.random() < 0.5, rng.random() < 0.1
        return dark.turned(flip, upside_down), bright.turned(flip, upside_down)


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


def _random_cut(rgb: Rgb, rng: np.random.Generator, height: int, width: int) -> Rgb:
    """A random part at a random scale: never enlarged by more than is needed to fill it."""
    fill = max(height / rgb.shape[0], width / rgb.shape[1])
    scale = max(fill, rng.uniform(min(fill, 1.0), 1.0))
    if scale != 1.0:
        size = (max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = rng.integers(rgb.shape[0] - height + 1), rng.integers(rgb.shape[1] - width + 1)
    return np.ascontiguousarray(rgb[top : top + height, left : left + width])


def _clip_frames(path: Path, *, every: int) -> Iterator[Rgb]:
    clip = cv2.VideoCapture(str(path))
    index = 0
    while clip.grab():
        if index % every == 0:
            bgr = clip.retrieve()[1]
            yield _shrink(np.ascontiguousarray(bgr[:, :, ::-1]), 1024)
        index += 1
    clip.release()


def _shrink(rgb: Rgb, longest: int) -> Rgb:
    scale = longest / max(rgb.shape)
    if scale < 1:
        rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]
