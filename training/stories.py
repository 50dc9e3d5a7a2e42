"""Make dark videos in which things happen that are a cut, and many that only look like one: for `training.cuts`.

A story is a run of events with rests between them, seen by one camera in one dark room: see EVENTS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training import degrade
from training.planes import Rgb, read_clip, read_rgb

Scene = Callable[[float], Rgb]  # seconds to a picture of WHOLE

HEIGHT, WIDTH = 240, 360  # of what the camera sees
WHOLE = (HEIGHT * 10 // 7, WIDTH * 10 // 7)  # of what there is to see
REST = (0.3, 0.9)  # seconds between events
JUDGED = ("person-d", "fixed")  # clips that a detector is judged on, not tuned
CLIP_RATE = 30  # frames per second of the clips that scenes are made from, about


@dataclass(frozen=True)
class Shown:
    """One clean frame of a story."""

    rgb: Rgb  # (HEIGHT, WIDTH, 3)
    light: float | NDArray[np.float32] = 1.0  # share of the usual light; an array (HEIGHT, WIDTH, 1) is local


@dataclass(frozen=True)
class Happening:
    """An event as it came out: which frames it took, and within which ones a cut has to be seen, if at all."""

    kind: str
    first: int
    after: int  # the first frame that it cannot have been seen in: one later than it lasts
    cut: tuple[int, int] | None  # first and last frame


class Story:
    """Tells one story, always the same for the same seed. Iterating gives (HEIGHT, WIDTH) uint8 luma, video levels.

    `happenings` is complete once the frames are.
    """

    def __init__(self, seed: int, scenes: list[Scene], cameras: list[degrade.Camera], *, rate: int) -> None:
        self.happenings: list[Happening] = []
        self.rate = rate
        self._rng = np.random.default_rng(seed)
        self._scenes = scenes
        drawn = replace(degrade.Shot.draw(self._rng, cameras), shade=None)
        self._shot = drawn if self._rng.random() < 0.8 else replace(drawn, ratio=1.0)  # not all is dark
        self._sway = self._rng.uniform(0, 0.01)  # of the hand that holds the camera, as a share of the width
        self._time = self._rng.uniform(0, 5)
        self._at = (0.0, 0.0)  # where the camera looks
        self._scene = self._another()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        kinds = [*EVENTS, *MORE_CUTS]
        self._rng.shuffle(kinds)
        count = 0
        for kind in kinds:
            for shown in self._rest():
                yield self._seen(shown, count)
                count += 1
            first, cut = count, None
            for shown in EVENTS[kind](self):
                if isinstance(shown, str):  # the scene is another one from here on
                    cut = (count, count + 1)
                    continue
                yield self._seen(shown, count)
                count += 1
            if cut is not None and kind == "black between":  # which frame of the fade shows it depends on the noise
                cut = (cut[0], count)
            self.happenings.append(Happening(kind, first, count + 1, cut))
        for shown in self._rest():
            yield self._seen(shown, count)
            count += 1

    # what the events are made of

    def _rest(self) -> Iterator[Shown]:
        for _ in self._span(*REST):
            yield self._now()

    def _span(self, least: float, most: float) -> NDArray[np.float64]:
        """Shares 0..1 of an event between so many seconds long, one for each frame."""
        count = max(2, round(self._rng.uniform(least, most) * self.rate))
        return np.linspace(0, 1, count)

    def _another(self, than: Scene | None = None) -> Scene:
        while True:
            self._light = float(np.exp(self._rng.uniform(-0.5, 0.5)))
            found = self._scenes[self._rng.integers(len(self._scenes))]
            if found is not than:
                return found

    def _now(self, light: float | NDArray[np.float32] = 1.0, *, scene: Scene | None = None) -> Shown:
        """The next frame of the scene."""
        self._time += 1 / self.rate
        t = self._time
        sway = self._sway * WIDTH * np.array([np.sin(3.1 * t) + 0.4 * np.sin(11 * t), np.cos(2.3 * t)])
        x, y = np.array(self._at) + sway
        return Shown(_window((scene or self._scene)(t), float(x), float(y)), light * np.float32(self._light))

    def _seen(self, shown: Shown, count: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng((self._rng.bit_generator.seed_seq.entropy, count))  # type: ignore[attr-defined]
        light = degrade.to_linear(shown.rgb) * shown.light
        rgb = self._shot.take(light, rng)
        luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[:, :, 0]
        return np.round(16 + luma * (219 / 255)).astype(np.uint8)

    # events: each yields its frames, and a word at the moment when the scene becomes another

    def cut(self) -> Iterator[Shown | str]:
        """Another scene, at once."""
        self._scene = self._another(self._scene)
        yield "cut"
        yield self._now()

    def black_between(self) -> Iterator[Shown | str]:
        """Fade to black, and from it to another scene."""
        for share in self._span(0.3, 0.8):
            yield self._now(1 - share)
        light = self._light
        self._scene = self._another(self._scene)
        self._light = max(light, self._light)
        yield "cut"
        for share in self._span(0.3, 0.8):
            yield self._now(share)

    def dissolve(self) -> Iterator[Shown]:
        """One scene fades into another: there is no frame at which the light is another."""
        before, light = self._scene, self._light
        self._scene = self._another(before)
        self._light = light
        for share in self._span(0.4, 1.0):
            old, new = self._now(scene=before), self._now()
            yield Shown(cv2.addWeighted(old.rgb, 1 - share, new.rgb, share, 0), new.light)

    def fade(self) -> Iterator[Shown]:
        """To black and back."""
        for share in self._span(0.3, 1.0):
            yield self._now(1 - share)
        for share in self._span(0.3, 1.0):
            yield self._now(share)

    def flash(self) -> Iterator[Shown]:
        """A photographer's, one to three frames."""
        strength = self._rng.uniform(3, 20)
        for _ in range(self._rng.integers(1, 4)):
            yield self._now(strength)

    def lamp(self) -> Iterator[Shown]:
        """Switched on, and off later."""
        strength = self._rng.uniform(2, 8)
        for _ in self._span(0.3, 0.8):
            yield self._now(strength)

    def lamp_in_a_corner(self) -> Iterator[Shown]:
        """Lights a part of the room."""
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        row, column = self._rng.uniform(0, HEIGHT), self._rng.uniform(0, WIDTH)
        reach = self._rng.uniform(0.15, 0.4) * WIDTH
        glow = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * reach**2))
        light = (1 + self._rng.uniform(2, 10) * glow).astype(np.float32)[:, :, None]
        for _ in self._span(0.3, 0.8):
            yield self._now(light)

    def hunting(self) -> Iterator[Shown]:
        """Automatic exposure that swings."""
        swing, beats = self._rng.uniform(0.1, 0.4), self._rng.uniform(1, 4)
        for share in self._span(0.6, 1.2):
            yield self._now(1 + swing * float(np.sin(2 * np.pi * beats * share)))

    def pan(self) -> Iterator[Shown]:
        """As fast as one and a half widths a second."""
        speed, x = self._rng.uniform(0.4, 1.5) * self._rng.choice([-1, 1]), self._at[0]
        for _ in self._span(0.3, 0.8):
            x += speed * WIDTH / self.rate
            self._at = (x, self._at[1])
            yield self._now()

    def shaking(self) -> Iterator[Shown]:
        """A camera that is carried while running."""
        at, size = self._at, self._rng.uniform(0.01, 0.05) * WIDTH
        for _ in self._span(0.5, 1.0):
            t = self._time
            self._at = (at[0] + size * float(np.sin(23 * t)), at[1] + size * float(np.cos(31 * t)))
            yield self._now()
        self._at = at

    def hand(self) -> Iterator[Shown]:
        """Waves before the camera and hides up to a third of the picture."""
        skin = self._scenes[self._rng.integers(len(self._scenes))](0.0)[:HEIGHT, :WIDTH]
        size, beats = self._rng.uniform(0.15, 0.3), self._rng.uniform(1, 2.5)
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        for share in self._span(0.6, 1.2):
            shown = self._now()
            column = WIDTH * (0.5 - 0.9 * np.cos(2 * np.pi * beats * share))
            inside = ((rows - 0.6 * HEIGHT) / (1.5 * size)) ** 2 + ((columns - column) / size) ** 2 < WIDTH**2 / 4
            shown.rgb[inside] = np.roll(skin, round(column), axis=1)[inside]
            yield shown


EVENTS: dict[str, Callable[[Story], Iterator[Shown | str]]] = {
    "cut": Story.cut,
    "black between": Story.black_between,
    "dissolve": Story.dissolve,
    "fade": Story.fade,
    "flash": Story.flash,
    "lamp": Story.lamp,
    "lamp in a corner": Story.lamp_in_a_corner,
    "hunting": Story.hunting,
    "pan": Story.pan,
    "shaking": Story.shaking,
    "hand": Story.hand,
}
MORE_CUTS = ("cut",) * 8  # in a story


def scenes(data: Path | None, *, part: str) -> list[Scene]:
    """What stories are about: pictures and clips in `data`, others for "tune" than for "judge".

    Without data they are drawn.
    """
    if data is None:
        return [still(drawn(seed)) for seed in range(40 if part == "tune" else 1000, 60 if part == "tune" else 1020)]
    judge = part == "judge"
    train, val = (sorted((data / "bsds500" / name).glob("*.jpg")) for name in ("train", "val"))
    pictures = val[60:] if judge else [*train[:60], *val[:60], *sorted((data / "open-photos").glob("*.jpg"))]
    clips = [clip for clip in sorted((data / "clips").glob("*.m*")) if clip.name.startswith(JUDGED) == judge]
    found = [still(read_rgb(path)) for path in pictures] + [moving(list(islice(read_clip(path), 90))) for path in clips]
    if len(found) < 2:  # a cut needs another
        raise ValueError(
            f"{data} has {len(found)} pictures and clips in bsds500, open-photos and clips, and two are needed; "
            "leave --data out to draw the scenes"
        )
    return found


def still(rgb: Rgb) -> Scene:
    """A picture as a scene in which nothing moves."""
    whole = _fill(rgb)
    return lambda seconds: whole


def moving(frames: list[Rgb]) -> Scene:
    """A clip as a scene, played there and back for ever."""
    whole = [_fill(frame) for frame in frames]
    order = [*range(len(whole)), *range(len(whole) - 2, 0, -1)]
    return lambda seconds: whole[order[int(seconds * CLIP_RATE) % len(order)]]


def drawn(seed: int) -> Rgb:
    """Boxes, discs and textures in a room that has a light side."""
    rng = np.random.default_rng(seed)
    rgb = np.full((*WHOLE, 3), rng.integers(60, 200, 3), np.float64)
    for n in range(60):
        centre = (int(rng.integers(WHOLE[1])), int(rng.integers(WHOLE[0])))
        size, colour = int(rng.integers(6, 110)), [float(c) for c in rng.integers(0, 255, 3)]
        if n % 2:
            cv2.circle(rgb, centre, size // 2, colour, -1)
        else:
            cv2.rectangle(rgb, centre, (centre[0] + size, centre[1] + int(rng.integers(6, 110))), colour, -1)
    texture = cv2.resize(rng.normal(0, 12, (WHOLE[0] // 3, WHOLE[1] // 3)), WHOLE[::-1])[:, :, None]
    light = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.5, 1), WHOLE[1])[None, :, None]
    return (cv2.GaussianBlur(rgb + texture, (0, 0), 1) * light).clip(0, 255).astype(np.uint8)


def _fill(rgb: Rgb) -> Rgb:
    """Scaled and cut to WHOLE."""
    scale = max(WHOLE[0] / rgb.shape[0], WHOLE[1] / rgb.shape[1])
    size = (max(WHOLE[1], round(rgb.shape[1] * scale)), max(WHOLE[0], round(rgb.shape[0] * scale)))
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (scaled.shape[0] - WHOLE[0]) // 2, (scaled.shape[1] - WHOLE[1]) // 2
    return scaled[top : top + WHOLE[0], left : left + WHOLE[1]]


def _window(whole: Rgb, x: float, y: float) -> Rgb:
    corner = ((WHOLE[1] - WIDTH) / 2 + x, (WHOLE[0] - HEIGHT) / 2 + y)
    shift = np.array([[1, 0, corner[0]], [0, 1, corner[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(whole, shift, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
