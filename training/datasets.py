"""Training pictures: real pairs and clean pictures held in memory, samples cut and darkened on the fly.

Everything is Y'CbCr 4:2:0, full range, uint8, as in the exported graph. The folder layout is that of the data folder;
see `training/README.md`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training import degrade, random_clips
from training.coloured import in_coloured_light
from training.drawings import drawing
from training.foreground import put_before
from training.pairs import LOL, SMALLEST, check_size, is_picture, lol_numbers, training_pairs, validation_pairs
from training.planes import LUMA, Planes, Rgb, read_clip, read_rgb
from training.recipe import Recipe

MADE_FROM = "bsds500/val"  # pictures that are made dark for validation
MADE = 40  # so many of them
MADE_SHARES = (0.2, 4.0)  # of the noise of that camera, which is stronger than those of training
LONGEST = 1024  # pixels of a side of a clean picture
LAMPS = 0.15  # share of the dark pictures that are made with lamps in them
CLIPS = {".mkv", ".mp4", ".mov", ".webm", ".avi"}
WELL_LIT = 0.2  # share of the clips that have enough light and come out as they are, where a recipe has such pictures
FILMED = 0.6  # share of the clips that went through H.264, whose noise comes and goes with its kinds of frames
DRAWN = 0.3  # share of the bright pictures that are drawn: titles, screens, charts
MIN_MEAN = 0.22  # a "clean" picture darker than this teaches that dark is right


def clean_pictures(data: Path, folders: tuple[str, ...]) -> Iterator[Rgb]:
    """Clean pictures, at most LONGEST a side; of clips every 20th or 60th frame; person-d is kept for evaluation."""
    for folder in folders:
        real = folder == f"{LOL}/high"
        taught = set(lol_numbers(data, held_out=False)) if real else set[int]()
        for path in sorted((data / folder).iterdir()):
            if path.suffix.lower() in CLIPS:
                if "person-d" not in path.name:
                    for frame in read_clip(path, every=20 if "person" in path.name else 60):
                        yield _shrink(frame, LONGEST)
            elif is_picture(path) and (not real or int(path.stem) in taught):
                yield _clean(path)


def _clean(path: Path) -> Rgb:
    rgb = read_rgb(path)
    longest = max(rgb.shape[:2])
    least = max(SMALLEST) * -(-longest // LONGEST)  # after it was shrunk
    check_size(rgb, str(path), (least, least))
    return _shrink(rgb, LONGEST)


def validation(recipe: Recipe, data: Path) -> dict[str, list[tuple[Rgb, Rgb]]]:
    """Dark and bright pictures that no training step sees: real pairs of held-out scenes, and pictures made dark.

    The made ones are of `MADE_FROM`, by a camera that is never trained on, with fixed seeds.
    """
    sets: dict[str, list[tuple[Rgb, Rgb]]] = {}
    if recipe.mixture.pairs:
        sets["pairs"] = validation_pairs(data / recipe.pairs)
    if (data / MADE_FROM).is_dir():
        bright = [p for p in clean_pictures(data, (MADE_FROM,)) if p.mean() >= MIN_MEAN * 255][:MADE]
        dark = [
            degrade.darken(p, np.random.default_rng(i), [degrade.UNSEEN], shares=MADE_SHARES)
            for i, p in enumerate(bright)
        ]
        if bright:
            sets["made"] = list(zip(dark, bright, strict=True))
    return sets


class Samples:
    """An endless stream of (dark, bright) batches. Deterministic: the same seed and step give the same batch."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        mixture = recipe.mixture
        shares = np.array([mixture.pairs, mixture.dark, mixture.bright, mixture.black])
        self.shares = shares / shares.sum()
        self.pairs: list[tuple[Planes, Planes]] = []
        if mixture.pairs:
            cut = [recipe.crop] * (recipe.last_steps < recipe.steps) + [recipe.last_crop] * (recipe.last_steps > 0)
            least = tuple(map(max, *cut, SMALLEST)) if recipe.clips < 1 else SMALLEST
            for low, high in training_pairs(data / recipe.pairs, hold_out=recipe.hold_out, least=least):
                self.pairs.append((Planes.of(low), Planes.of(high)))
        self.clean: list[Rgb] = []
        self.cameras: list[degrade.Camera] = []
        if mixture.dark or mixture.bright or mixture.black:
            self.cameras = degrade.cameras(data / "sensor-noise/cameras.json")
            bright = {
                folder: [p for p in clean_pictures(data, (folder,)) if p.mean() >= MIN_MEAN * 255]
                for folder in set(recipe.clean)
            }
            self.clean = [p for folder in recipe.clean for p in bright[folder]]
            if not self.clean:
                raise ValueError(f"no bright picture in {', '.join(recipe.clean) or 'clean'} of {data}")
        elif recipe.clips:
            raise ValueError("clips are made of clean pictures; give dark, bright or black of the mixture a share")

    def batch(self, step: int, *, size: int, crop: tuple[int, int]) -> list[NDArray[np.uint8]]:
        """Six arrays: dark y, u, v and bright y, u, v, each (B, 1, H, W) uint8, chroma of half the sides."""
        rng = np.random.default_rng((self.recipe.seed, step))
        samples = [self._sample(rng, *crop) for _ in range(size)]
        columns = zip(*([d.y, d.u, d.v, b.y, b.u, b.v] for d, b in samples), strict=True)
        return [np.stack(column)[:, None] for column in columns]

    def clips(self, step: int, *, size: int, frames: int, crop: tuple[int, int]) -> list[NDArray[np.uint8]]:
        """As `batch`, of darkened clips: six arrays of (T, B, 1, H, W). The truth has no noise and steady light."""
        rng = np.random.default_rng((self.recipe.seed, step, 1))
        made = [self._clip(rng, frames, *crop) for _ in range(size)]
        columns = zip(*([p for pair in clip for q in pair for p in (q.y, q.u, q.v)] for clip in made), strict=True)
        stacked = [np.stack(column)[:, None] for column in columns]  # frames one after the other, six planes of each
        return [np.stack(stacked[i::6]) for i in range(6)]

    def _clip(self, rng: np.random.Generator, frames: int, height: int, width: int) -> list[tuple[Planes, Planes]]:
        large = round(random_clips.MARGIN * height), round(random_clips.MARGIN * width)
        rgb, other = (self._clean_cut(rng, *large) for _ in range(2))
        clip = random_clips.move(rgb, other, rng, frames=frames, height=height, width=width)
        shot = self._shot(rng)
        if self.recipe.mixture.bright and rng.random() < WELL_LIT:
            shot = shot.well_lit(rng)
        if rng.random() < FILMED:
            shot = replace(shot, quality=None, crf=int(rng.integers(*degrade.RATE_FACTORS)))
        light = random_clips.light_path(rng, frames)
        dark = shot.film([degrade.to_linear(f) * factor for f, factor in zip(clip, light, strict=True)], rng)
        flip = rng.random() < 0.5
        return [
            (Planes.of(d).turned(flip, False), Planes.of(b).turned(flip, False))
            for d, b in zip(dark, clip, strict=True)
        ]

    def _sample(self, rng: np.random.Generator, height: int, width: int) -> tuple[Planes, Planes]:
        kind = rng.choice(4, p=self.shares)
        if kind == 0:
            dark, bright = self.pairs[rng.integers(len(self.pairs))]
            top = 2 * rng.integers((dark.y.shape[0] - height) // 2 + 1)
            left = 2 * rng.integers((dark.y.shape[1] - width) // 2 + 1)
            dark, bright = (p.cut(top, left, height, width) for p in (dark, bright))
            if self.recipe.jitter:
                dark = dark.brighter(float(np.exp(rng.normal(0, self.recipe.jitter))), rng)
        else:
            if kind == 2 and rng.random() < DRAWN:
                rgb = drawing(rng, height, width)
            else:
                rgb = self._clean_cut(rng, height, width)
            if kind == 1:
                light = degrade.to_linear(rgb)
                if rng.random() < LAMPS:
                    light = degrade.light_lamps(light, rng)
                    rgb = degrade.tone(light, None)
                worse = self._shot(rng).take(light, rng)
            else:
                worse = (degrade.mild if kind == 2 else degrade.lightless)(rgb, rng, self.cameras)
            dark, bright = Planes.of(worse), Planes.of(np.zeros_like(rgb) if kind == 3 else rgb)
        flip, upside_down = rng.random() < 0.5, rng.random() < 0.1
        return dark.turned(flip, upside_down), bright.turned(flip, upside_down)

    def _shot(self, rng: np.random.Generator) -> degrade.Shot:
        return degrade.Shot.draw(rng, self.cameras, shares=self.recipe.noise, grainy=self.recipe.grainy)

    def _clean_cut(self, rng: np.random.Generator, height: int, width: int) -> Rgb:
        rgb = self._picture_cut(rng, height, width)
        if self.recipe.foreground and rng.random() < self.recipe.foreground:
            rgb = put_before(rgb, self._picture_cut(rng, height, width), rng)
        if self.recipe.coloured and rng.random() < self.recipe.coloured:
            rgb = in_coloured_light(rgb, rng)
        return varied(rgb, rng) if self.recipe.varied else rgb

    def _picture_cut(self, rng: np.random.Generator, height: int, width: int) -> Rgb:
        return _random_cut(self.clean[rng.integers(len(self.clean))], rng, height, width)


def varied(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """A clean picture as another photographer would have made it: contrast, white balance and saturation differ."""
    gamma, saturation = np.exp(rng.normal(0, 0.2)), rng.uniform(0.6, 1.3)
    codes = np.linspace(0, 1, 256) ** gamma
    tables = codes[:, None] * np.exp(rng.normal(0, 0.02, 3))  # (256, 3)
    tinted = np.stack([tables[:, n][rgb[:, :, n]] for n in range(3)], axis=2).astype(np.float32)
    grey = tinted @ LUMA
    mixed = grey[:, :, None] + np.float32(saturation) * (tinted - grey[:, :, None])
    return (mixed.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _random_cut(rgb: Rgb, rng: np.random.Generator, height: int, width: int) -> Rgb:
    """A random part at a random scale: never enlarged by more than is needed to fill it."""
    fill = max(height / rgb.shape[0], width / rgb.shape[1])
    scale = max(fill, rng.uniform(min(fill, 1.0), 1.0))
    h, w = min(rgb.shape[0], round(height / scale)), min(rgb.shape[1], round(width / scale))
    top, left = rng.integers(rgb.shape[0] - h + 1), rng.integers(rgb.shape[1] - w + 1)
    part = np.ascontiguousarray(rgb[top : top + h, left : left + w])
    if (h, w) == (height, width):
        return part
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _shrink(rgb: Rgb, longest: int) -> Rgb:
    scale = longest / max(rgb.shape)
    if scale < 1:
        rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]
