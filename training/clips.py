"""Clips for temporal evaluation: known truth, made dark with fixed seeds; the light is steady, hunts or is switched.

Person D's clips (kept out of training), their first frames held, and stills in motion, made from pictures of
`datasets.MADE_FROM`. Over some of these a subtitle comes and goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training import datasets, degrade
from training.motion import Motion
from training.planes import Rgb, read_clip
from training.subtitle import Subtitle

RATE = 30  # frames per second
SECONDS = 3.0  # of a clip; person D's are played there and back until they are as long
LIGHTS = ("steady", "hunting", "switch")
HUNTING = 0.08  # an automatic exposure that hunts gives up to so much too much and too little light,
HUNTS = (1.3, 3.1)  # in two beats of so many hertz
SWITCH = 4.0  # times as much light once the lamp is on, after a third of the clip
LEAST, MOST = 4.0, 15.0  # times too little light: at 30 little is left that could be called moving
SHARES = (1.5, 3.0)  # of the noise of the calibrated cameras: what a small sensor has, see `degrade.SHARES`
HELD = "held"  # in a name: nothing moves, so all that flickers is due to noise and light
SUBTITLE = "subtitle"  # in a name: one comes and goes
GRAIN = "grain"  # in a name: the noise has a grain of so many pixels, see `degrade.GRAIN`
STILLS = {
    "still": Motion(),
    "still-2": Motion(),
    "still-3": Motion(),
    "pan": Motion(pan=0.15),
    "zoom": Motion(zoom=0.15),
    "shake": Motion(shake=0.02),
    "passing": Motion(passing=0.5),
    "grain-2": Motion(),
    "grain-3": Motion(),
    "grain-2-passing": Motion(passing=0.5),
    "subtitle": Motion(),
    "subtitle-2": Motion(),
    "subtitle-3": Motion(),
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A clean clip and the camera that will look at it in the dark. Frames are (H, W, 3) of even sides."""

    name: str
    rate: float  # frames per second
    truth: list[Rgb]
    shot: degrade.Shot
    seed: int  # of the noise
    text: Subtitle | None = None

    @property
    def switch(self) -> int:
        """The first frame with the lamp on, in the light "switch"."""
        return len(self.truth) // 3

    def dark(self, light: str) -> list[Rgb]:
        """What the camera sees in one of LIGHTS: the same shot throughout, fresh noise in every frame."""
        lit = [self._lit(n) * self._factor(n, light) for n in range(len(self.truth))]
        return self.shot.film(lit, np.random.default_rng(self.seed))

    def calm(self) -> list[Rgb]:
        """What it would see in steady light if it had no noise."""
        silent = replace(self.shot, gain=degrade.Gain(k=0.0, read=0.0, row=0.0, share=0.0))
        return silent.film([self._lit(n) for n in range(len(self.truth))], np.random.default_rng(0))

    def _lit(self, n: int) -> degrade.Image:
        """A frame's linear light. What is written on it is as white in the dark as in the light."""
        light = degrade.to_linear(self.truth[n])
        return light if self.text is None else self.text.on(light, n, white=self.shot.ratio)

    def _factor(self, n: int, light: str) -> np.float32:
        if light == "hunting":
            t = n / self.rate
            swing = 0.6 * np.sin(2 * np.pi * HUNTS[0] * t + 1) + 0.4 * np.sin(2 * np.pi * HUNTS[1] * t)
            return np.float32(1 + HUNTING * swing)
        return np.float32(1 / SWITCH if light == "switch" and n < self.switch else 1)


def scenes(data: Path) -> Iterator[Scene]:
    """Every clip of person D, in motion and held, and every kind of motion, SECONDS long.

    Raises:
        ValueError: `data` has neither clips of person D nor clean pictures, or one cannot be read.
    """
    cameras = degrade.cameras(data / "sensor-noise/cameras.json")
    seed = -1
    for seed, (name, truth) in enumerate(_clean(data, round(SECONDS * RATE))):
        grain = float(name.split("-")[1]) if name.startswith(GRAIN) else 1.0
        shot = replace(camera(cameras, seed), grain=grain)
        text = Subtitle.over(truth) if name.startswith(SUBTITLE) else None
        shown = truth if text is None else [text.on_display(rgb, n) for n, rgb in enumerate(truth)]
        yield Scene(name=name, rate=RATE, truth=shown, shot=shot, seed=seed, text=text)
    if seed < 0:
        raise ValueError(f"{data} has neither clips/person-d-* nor pictures in {datasets.MADE_FROM}")


def _clean(data: Path, count: int) -> Iterator[tuple[str, list[Rgb]]]:
    for path in sorted((data / "clips").glob("person-d-*")):
        frames = list(read_clip(path))
        order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
        yield path.stem, [frames[order[n % len(order)]] for n in range(count)]
        yield path.stem.replace("person", HELD), [frames[0]] * count
    if (data / datasets.MADE_FROM).is_dir():
        pictures = list(datasets.clean_pictures(data, (datasets.MADE_FROM,)))
        for n, (name, motion) in enumerate(STILLS.items() if pictures else ()):
            frame = motion.shoot(pictures[3 * n % len(pictures)], pictures[(3 * n + 1) % len(pictures)])
            yield name, [frame(t / RATE) for t in range(count)]


def camera(cameras: list[degrade.Camera], seed: int) -> degrade.Shot:
    """A small camera in a dark room; the whole of the picture lacks light."""
    rng = np.random.default_rng(seed)
    shot = degrade.Shot.draw(rng, cameras, least=LEAST, most=MOST)
    return replace(shot, shade=None, gain=replace(shot.gain, share=rng.uniform(*SHARES)))
