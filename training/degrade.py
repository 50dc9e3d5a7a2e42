"""Make dark pictures from bright ones the way a camera does.

display RGB -> linear light -> lamps -> less light (everywhere, or all but a window's side) -> sensor colours -> shot,
read and row noise of a calibrated camera -> demosaic-like blur -> white balance, display colours -> tone curve ->
8 bits -> JPEG or H.264.
The noise model and its numbers are those of Wei et al., "A Physics-based Noise Formation Model for Extreme Low-light
Raw Denoising", CVPR 2020: shot noise has variance K * signal; read and row noise are log-linear in K.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.codec import h264
from training.planes import Rgb

FULL_WELL = 15_583.0  # code values between black and saturation of a 14-bit sensor, as in the calibration
# Noise relative to that of the calibrated cameras, whose sensors are large. Pixels averaged into a smaller picture have
# less; the small sensor of a phone or webcam catches a hundredth of the light and has ten times as much.
SHARES = (0.2, 12.0)
VIDEO = 0.15  # share of dark pictures that went through H.264; most of the others went through JPEG
RATE_FACTORS = (16, 36)  # of H.264: from hardly to heavily compressed
GRAIN = 3.0  # pixels, the coarsest noise: what denoises in a camera, or enlarges its picture, leaves such
# From a sensor's colours to those of a display, for a sensor whose colours overlap much; white stays white.
MATRIX = np.array([[1.70, -0.55, -0.15], [-0.25, 1.55, -0.30], [0.05, -0.60, 1.55]], np.float32)
_CURVE_STEPS = 4095  # linear light is quantised to this for table look-up

Image = NDArray[np.float32]  # (H, W, 3) linear light: 1 is white, lamps are brighter


@dataclass(frozen=True)
class Fit:
    """log(scale) = slope * log K + bias, give or take sigma."""

    slope: float
    bias: float
    sigma: float

    def draw(self, rng: np.random.Generator, log_k: float) -> float:
        """One camera's noise scale, in code values."""
        return float(np.exp(self.slope * log_k + self.bias + self.sigma * rng.standard_normal()))


@dataclass(frozen=True)
class Camera:
    """Calibrated noise of one camera profile."""

    name: str
    k_min: float
    k_max: float
    read: Fit
    row: Fit


# Never trained on: the noise of the Darmstadt Noise Dataset's cameras, as fitted by Brooks et al., "Unprocessing Images
# for Learned Raw Denoising", CVPR 2019, in code values: shot 1e-4 to 1.2e-2 of full scale, no row noise.
UNSEEN = Camera("Darmstadt", k_min=1.56, k_max=187.0, read=Fit(1.09, -0.269, 0.13), row=Fit(0.0, -np.inf, 0.0))


def cameras(path: Path) -> list[Camera]:
    """Read `sensor-noise/cameras.json`: one Camera for each profile. ValueError if it is no such file."""
    found: list[Camera] = []
    try:
        for name, values in json.loads(path.read_text(encoding="utf-8")).items():
            for key, profile in values.items():
                if key.startswith("Profile"):
                    read, row = Fit(**profile["g_scale"]), Fit(**profile["R_scale"])
                    found.append(Camera(f"{name}/{key}", values["Kmin"], values["Kmax"], read, row))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no calibration of cameras ({error!r}); get it again") from error
    if not found:
        raise ValueError(f"{path} has no camera with a profile; get it again")
    return found


def to_linear(rgb: Rgb) -> Image:
    """Display RGB to linear light with the sRGB curve."""
    return _TO_LINEAR[rgb]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """How a camera meets a dark scene: drawn once for a picture or for a whole clip. Noise is drawn for each frame."""

    ratio: float  # how many times too little light
    shade: NDArray[np.float32] | None  # (3, 3) share of the loss in parts of the picture; None: the same everywhere
    balance: NDArray[np.float32]  # (3,) white-balance gains of the sensor's R, G, B
    cast: NDArray[np.float32]  # (3,) error of the white balance
    black: float  # error of the black level, in linear light
    gain: "Gain"
    blur: float  # sigma in pixels of demosaicing and of the camera's own denoising; 0: none
    grain: float  # of the noise, in pixels
    matrix: NDArray[np.float32]  # (3, 3) from the sensor's colours to the display's
    gamma: float | None  # of the camera's tone curve; None: sRGB
    quality: int | None  # of JPEG; None: not compressed
    crf: int | None  # of H.264, rate factor; None: not compressed

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        all_cameras: list[Camera],
        *,
        least: float = 2.0,
        most: float = 30.0,
        shares: tuple[float, float] = SHARES,
        grainy: float = 0.0,
    ) -> "Shot":
        """A random one; `least` and `most` are the smallest and the largest loss of light.

        A share of `grainy` has noise of a grain of more than a pixel and colours that overlap.
        """
        processed = grainy > 0 and rng.random() < grainy
        grain = float(np.exp(rng.uniform(0, np.log(GRAIN)))) if processed else 1.0
        overlap = np.float32(rng.uniform(0, 1) if processed else 0.0)
        return cls(
            ratio=float(np.exp(rng.uniform(np.log(least), np.log(most)))),
            shade=rng.uniform(0, 1, (3, 3)).astype(np.float32) if rng.random() < 0.2 else None,
            balance=np.array([rng.uniform(1.4, 2.4), 1.0, rng.uniform(1.3, 2.3)], dtype=np.float32),
            cast=np.exp(rng.normal(0.0, 0.06, 3)).astype(np.float32),
            black=float(rng.normal(0.0, 0.0015)),
            gain=Gain.draw(rng, all_cameras, share=float(np.exp(rng.uniform(*np.log(shares))))),
            blur=rng.uniform(0.35, 0.9) if rng.random() < 0.7 else 0.0,
            grain=grain, matrix=np.eye(3, dtype=np.float32) * (1 - overlap) + MATRIX * overlap,
            gamma=rng.uniform(1.8, 2.6) if rng.random() < 0.5 else None,
            **({"quality": None, "crf": int(rng.integers(*RATE_FACTORS))} if rng.random() < VIDEO else
               {"quality": _draw_quality(rng), "crf": None}),
        )  # fmt: skip

    def well_lit(self, rng: np.random.Generator) -> "Shot":
        """The same camera in enough light, well exposed: no more noise than the calibrated cameras have."""
        return replace(
            self, ratio=1.0, shade=None, balance=np.ones(3, np.float32), cast=np.ones(3, np.float32), black=0.0,
            gain=replace(self.gain, share=rng.uniform(0.0, 1.0)), blur=0.0, matrix=np.eye(3, dtype=np.float32),
            gamma=None,
        )  # fmt: skip

    def take(self, light: Image, rng: np.random.Generator) -> Rgb:
        """A dark, noisy, compressed version of a clean frame: linear light in, display RGB out."""
        if self.crf is None:
            return compress(self._expose(light, rng), self.quality)
        return h264([self._expose(light, rng) for _ in range(2)], crf=self.crf)[-1]  # the second leans on the first

    def film(self, frames: Sequence[Image], rng: np.random.Generator) -> list[Rgb]:
        """A dark, noisy, compressed version of a clip: fresh noise in each frame, everything else the same."""
        exposed = [self._expose(light, rng) for light in frames]
        return [compress(rgb, self.quality) for rgb in exposed] if self.crf is None else h264(exposed, crf=self.crf)

    def _expose(self, light: Image, rng: np.random.Generator) -> Rgb:
        seen = light @ np.linalg.inv(self.matrix).T / self._loss(light.shape[:2]) / self.balance
        raw = self.gain.add_noise(seen, rng, grain=self.grain)
        if self.blur:
            raw = cv2.GaussianBlur(raw, (0, 0), self.blur)
        return tone(raw * (self.balance * self.cast) @ self.matrix.T + np.float32(self.black), self.gamma)

    def _loss(self, shape: tuple[int, ...]) -> NDArray[np.float32] | np.float32:
        if self.shade is None:
            return np.float32(self.ratio)
        smooth = cv2.resize(self.shade, shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
        return np.exp(np.log(np.float32(self.ratio)) * smooth)[:, :, None].astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """A camera at one ISO setting: how much noise it adds, in code values of its sensor."""

    k: float  # variance of the shot noise over signal
    read: float  # standard deviation of the read noise
    row: float  # standard deviation of an offset that a row shares
    share: float  # of that noise which is there: less in a smaller picture, more from a smaller sensor

    @classmethod
    def draw(cls, rng: np.random.Generator, all_cameras: list[Camera], *, share: float) -> "Gain":
        """A random camera at a random gain."""
        camera = all_cameras[rng.integers(len(all_cameras))]
        log_k = rng.uniform(np.log(camera.k_min), np.log(camera.k_max))
        return cls(
            k=float(np.exp(log_k)), read=camera.read.draw(rng, log_k), row=camera.row.draw(rng, log_k), share=share
        )

    def add_noise(self, raw: Image, rng: np.random.Generator, *, grain: float = 1.0) -> Image:
        """Fresh noise on linear sensor values in 0..1, of a `grain` in pixels."""
        signal = np.maximum(raw, 0) * np.float32(FULL_WELL)
        deviation = np.sqrt(np.float32(self.k) * signal + np.float32(self.read**2))
        height, width = raw.shape[:2]
        noise = rng.standard_normal((round(height / grain), round(width / grain), 3), dtype=np.float32)
        if noise.shape != raw.shape:
            noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
        noise *= deviation
        noise += rng.standard_normal((raw.shape[0], 1, 1), dtype=np.float32) * np.float32(self.row)
        return raw + noise * np.float32(self.share / FULL_WELL)


def darken(
    rgb: Rgb, rng: np.random.Generator, all_cameras: list[Camera], *, shares: tuple[float, float] = SHARES
) -> Rgb:
    """A dark version of a clean picture, by a random camera in a random dark scene."""
    return Shot.draw(rng, all_cameras, shares=shares).take(to_linear(rgb), rng)


def light_lamps(light: Image, rng: np.random.Generator) -> Image:
    """A scene with a few lamps in it, up to 60 times as bright as white, with their glow: highlights that must stay."""
    height, width = light.shape[:2]
    y, x = np.ogrid[:height, :width]
    light = light.copy()
    for _ in range(rng.integers(1, 6)):
        away = np.hypot(y - rng.uniform(0, height), (x - rng.uniform(0, width)) * rng.uniform(0.4, 1.6))
        radius = np.exp(rng.uniform(np.log(1.5), np.log(height / 12)))
        power = np.exp(rng.uniform(np.log(1.5), np.log(60.0)))
        colour = np.array([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.25, 1.0)])[:: rng.choice([1, 1, 1, -1])]
        bulb = np.clip(radius + 0.5 - away, 0, 1) + rng.uniform(0, 0.06) / (1 + (away / radius) ** 2)
        light += (power * bulb[:, :, None] * colour).astype(np.float32)
    return light


def mild(rgb: Rgb, rng: np.random.Generator, all_cameras: list[Camera]) -> Rgb:
    """A picture with enough light: a little noise, a little compression, the brightness left as it is."""
    if rng.random() < 0.3:
        return rgb
    gain = Gain.draw(rng, all_cameras, share=rng.uniform(0.0, 1.0))
    return compress(tone(gain.add_noise(to_linear(rgb), rng), None), _draw_quality(rng))


def lightless(rgb: Rgb, rng: np.random.Generator, all_cameras: list[Camera]) -> Rgb:
    """What a camera makes of no light at all; the picture that belongs to it is black."""
    if rng.random() < 0.3:
        return np.zeros_like(rgb)
    gain = Gain.draw(rng, all_cameras, share=rng.uniform(0.0, 0.5))
    return compress(tone(gain.add_noise(np.zeros(rgb.shape, np.float32), rng), None), _draw_quality(rng))


def tone(linear: Image, gamma: float | None) -> Rgb:
    """Linear light to display RGB: the sRGB curve, or a power of 1 / gamma."""
    table = _TO_DISPLAY
    if gamma is not None:
        table = np.linspace(0, 1, _CURVE_STEPS + 1, dtype=np.float32) ** np.float32(1 / gamma)
        table = (table * 255 + 0.5).astype(np.uint8)
    return table[(np.clip(linear, 0, 1) * _CURVE_STEPS + 0.5).astype(np.uint16)]


def compress(rgb: Rgb, quality: int | None) -> Rgb:
    """Through JPEG and back; None leaves the picture as it is."""
    if quality is None:
        return rgb
    _, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def _draw_quality(rng: np.random.Generator) -> int | None:
    return None if rng.random() < 0.25 else int(rng.integers(40, 99))


def display(light: NDArray[Any]) -> NDArray[Any]:
    """Linear light in 0..1 to sRGB's display values in 0..1, not rounded."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _srgb_tables() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    code = np.arange(256) / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    steps = np.linspace(0, 1, _CURVE_STEPS + 1)
    return linear.astype(np.float32), (display(steps) * 255 + 0.5).astype(np.uint8)


_TO_LINEAR, _TO_DISPLAY = _srgb_tables()
