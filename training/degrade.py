"""Make dark pictures from bright ones the way a camera does.

display RGB -> linear light -> less light (everywhere, or all but the lamps' side) -> sensor colours -> shot, read and
row noise of a calibrated camera -> demosaic-like blur -> white balance -> tone curve -> 8 bits -> JPEG.
The noise model and its numbers are those of Wei et al., "A Physics-based Noise Formation Model for Extreme Low-light
Raw Denoising", CVPR 2020: shot noise has variance K * signal; read and row noise are log-linear in K.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

FULL_WELL = 15_583.0  # code values between black and saturation of a 14-bit sensor, as in the calibration
_CURVE_STEPS = 4095  # linear light is quantised to this for table look-up

Rgb = NDArray[np.uint8]  # (H, W, 3)
Image = NDArray[np.float32]  # (H, W, 3) linear light, 0..1


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


def cameras(path: Path) -> list[Camera]:
    """Read `sensor-noise/cameras.json`: one Camera for each profile."""
    found: list[Camera] = []
    for name, values in json.loads(path.read_text()).items():
        for key, profile in values.items():
            if key.startswith("Profile"):
                read, row = Fit(**profile["g_scale"]), Fit(**profile["R_scale"])
                found.append(Camera(f"{name}/{key}", values["Kmin"], values["Kmax"], read, row))
    return found


def to_linear(rgb: Rgb) -> Image:
    """Display RGB to linear light with the sRGB curve."""
    return _TO_LINEAR[rgb]


def darken(rgb: Rgb, rng: np.random.Generator, all_cameras: list[Camera], *, most: float = 30.0) -> Rgb:
    """A dark, noisy, compressed version of a clean picture. `most`: largest loss of light."""
    ratio = float(np.exp(rng.uniform(np.log(2.0), np.log(most))))
    light = to_linear(rgb) / (ratio if rng.random() < 0.8 else _shade(rgb.shape[:2], ratio, rng))
    balance = np.array([rng.uniform(1.4, 2.4), 1.0, rng.uniform(1.3, 2.3)], dtype=np.float32)
    raw = light / balance
    raw = _sensor_noise(raw, rng, rng.choice(np.array(all_cameras, dtype=object)), rng.uniform(0.15, 1.0))
    if rng.random() < 0.7:  # demosaicing and a camera's own denoising leave noise that is correlated
        raw = cv2.GaussianBlur(raw, (0, 0), rng.uniform(0.35, 0.9))
    cast = np.exp(rng.normal(0.0, 0.06, 3)).astype(np.float32)
    black = np.float32(rng.normal(0.0, 0.0015))
    return compress(tone(raw * (balance * cast) + black, rng), rng)


def mild(rgb: Rgb, rng: np.random.Generator, all_cameras: list[Camera]) -> Rgb:
    """A picture with enough light: a little noise, a little compression, the brightness left as it is."""
    if rng.random() < 0.3:
        return rgb
    camera = rng.choice(np.array(all_cameras, dtype=object))
    noisy = _sensor_noise(to_linear(rgb), rng, camera, rng.uniform(0.0, 1.0))
    return compress(tone(noisy, None), rng)


def lightless(rgb: Rgb, rng: np.random.Generator, all_cameras: list[Camera]) -> Rgb:
    """What a camera makes of no light at all; the picture that belongs to it is black."""
    if rng.random() < 0.3:
        return np.zeros_like(rgb)
    camera = rng.choice(np.array(all_cameras, dtype=object))
    return compress(tone(_sensor_noise(np.zeros(rgb.shape, np.float32), rng, camera, rng.uniform(0.0, 0.5)), rng), rng)


def tone(linear: Image, rng: np.random.Generator | None) -> Rgb:
    """Linear light to display RGB: the sRGB curve, or with a generator a camera's variation of it."""
    table = _TO_DISPLAY
    if rng is not None and rng.random() < 0.5:
        gamma = rng.uniform(1.8, 2.6)
        table = np.linspace(0, 1, _CURVE_STEPS + 1, dtype=np.float32) ** np.float32(1 / gamma)
        table = (table * 255 + 0.5).astype(np.uint8)
    return table[(np.clip(linear, 0, 1) * _CURVE_STEPS + 0.5).astype(np.uint16)]


def compress(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """JPEG at a random quality, three times in four."""
    if rng.random() < 0.25:
        return rgb
    quality = int(rng.integers(40, 99))
    _, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def _sensor_noise(raw: Image, rng: np.random.Generator, camera: Camera, share: float) -> Image:
    """Add a camera's noise; `share` scales it, as averaging pixels into a smaller picture does."""
    log_k = rng.uniform(np.log(camera.k_min), np.log(camera.k_max))
    read, row = camera.read.draw(rng, log_k), camera.row.draw(rng, log_k)
    signal = np.maximum(raw, 0) * FULL_WELL
    deviation = np.sqrt(np.exp(np.float32(log_k)) * signal + np.float32(read**2))
    noise = rng.standard_normal(raw.shape, dtype=np.float32) * deviation
    noise += rng.standard_normal((raw.shape[0], 1, 1), dtype=np.float32) * np.float32(row)
    return raw + noise * np.float32(share / FULL_WELL)


def _shade(shape: tuple[int, int], ratio: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Loss of light that varies over the picture, from nearly none to `ratio`: backlight, a lamp, a window."""
    grid = rng.uniform(0, 1, (3, 3)).astype(np.float32)
    smooth = cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return np.exp(np.log(np.float32(ratio)) * smooth)[:, :, None].astype(np.float32)


def _srgb_tables() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    code = np.arange(256) / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    steps = np.linspace(0, 1, _CURVE_STEPS + 1)
    display = np.where(steps <= 0.0031308, 12.92 * steps, 1.055 * steps ** (1 / 2.4) - 0.055)
    return linear.astype(np.float32), (display * 255 + 0.5).astype(np.uint8)


_TO_LINEAR, _TO_DISPLAY = _srgb_tables()
