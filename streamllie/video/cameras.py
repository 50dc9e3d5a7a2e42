"""The cameras of this machine: names, sizes and rates."""

import contextlib
import sys
from dataclasses import dataclass
from fractions import Fraction

import av

from streamllie.video.v4l2 import Device, devices

USUAL = (720, 1280)  # rows and columns that a camera is asked for: every computer enhances so much in real time
RAW_BEFORE_JPEG = ("yuv420p", "nv12", "yuyv422", "uyvy422", "gray", "mjpeg")  # at equal rates the first is best


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One way to take pictures."""

    pixels: str  # libav's word; "mjpeg" is compressed
    height: int
    width: int
    rates: tuple[Fraction, ...]  # frames per second

    def event(self) -> dict[str, object]:
        """For `cameras --json`."""
        rates = [round(float(rate), 2) for rate in self.rates]
        return {"pixels": self.pixels, "size": f"{self.width}x{self.height}", "rates": rates}


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One camera."""

    name: str
    device: str  # what --camera takes
    modes: tuple[Mode, ...] = ()  # empty where the system does not tell

    def event(self) -> dict[str, object]:
        """One of the array that `cameras --json` prints."""
        return {"name": self.name, "device": self.device, "modes": [mode.event() for mode in self.modes]}


def cameras() -> list[Camera]:
    """Every camera that can be asked."""
    if sys.platform.startswith("linux"):
        return [camera for device in devices() if (camera := _ask(device)) is not None]
    grabber = {"darwin": "avfoundation", "win32": "dshow"}.get(sys.platform)
    if grabber is None:
        return []
    found = av.enumerate_input_devices(grabber)
    return [Camera(name=d.description or d.name, device=d.name) for d in found if "video" in d.media_types]


def best_mode(camera: Camera, *, size: tuple[int, int] | None, rate: float) -> Mode | None:
    """The mode that reaches the rate at this (height, width): raw before JPEG; None if the camera has no such size.

    Without a size, it has the largest of up to USUAL, or else the smallest.
    """
    fitting = [mode for mode in camera.modes if size in (None, (mode.height, mode.width))]
    if not fitting:
        return None

    def worth(mode: Mode) -> tuple[float, bool, int, int]:
        fastest = max((float(r) for r in mode.rates), default=0.0)
        pixels = mode.height * mode.width
        usual = mode.height <= USUAL[0] and mode.width <= USUAL[1]
        return min(fastest, rate * 0.99), usual, pixels if usual else -pixels, -RAW_BEFORE_JPEG.index(mode.pixels)

    return max(fitting, key=worth)


def _ask(path: str) -> Camera | None:
    with contextlib.suppress(OSError), Device(path) as device:
        name = device.name()
        if name is None:
            return None  # the second device of a camera gives data about pictures, not pictures
        modes = [Mode(pixels=p, height=h, width=w, rates=tuple(r)) for p, h, w, r in device.modes()]
        return Camera(name=name, device=path, modes=tuple(modes))
    return None
