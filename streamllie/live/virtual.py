"""Give the enhanced picture to other programs as a camera."""

import sys
import time
from types import TracebackType
from typing import Self

import numpy as np
import pyvirtualcam

from streamllie.errors import SinkError
from streamllie.frame import USUAL_RATE, VideoFormat
from streamllie.live.shape import fitted
from streamllie.live.stage import Shown
from streamllie.live.stats import Stats
from streamllie.video.v4l2 import users_of

LOOK = 1.0  # seconds between looks at who reads
GRACE = 5.0  # seconds that nobody may read before the source is let go
WAYS = {
    "linux": "load v4l2loopback: sudo modprobe v4l2loopback exclusive_caps=1",
    "darwin": "install OBS 30 or newer and start its virtual camera once",
    "win32": "install OBS, which brings one",
}


class VirtualCamera:
    """A camera that other programs see. A context manager; it has the size of the first frame."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate or float(USUAL_RATE)
        self._camera: pyvirtualcam.Camera | None = None
        self._looked = self._wanted = 0.0  # when somebody last looked for readers, and when there was one

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def show(self, picture: Shown) -> None:
        """Send one frame."""
        if self._camera is None:
            self._camera = self._opened(picture.format)
            self._format = VideoFormat(height=self._camera.height, width=self._camera.width)
            self._looked = self._wanted = time.monotonic()  # now there is something to read
        frame = fitted(picture.after, picture.format, self._format)
        self._camera.send(np.concatenate([plane.ravel() for plane in (frame.y, frame.u, frame.v)]))

    def tick(self, stats: Stats | None = None) -> bool:
        """Whether a program looked within the last seconds; True where the system does not tell."""
        if self._camera is None or not sys.platform.startswith("linux"):
            return True
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            if users_of(self._camera.device):
                self._wanted = now
        return now - self._wanted < GRACE

    def _opened(self, format: VideoFormat) -> pyvirtualcam.Camera:
        try:
            return pyvirtualcam.Camera(
                format.width // 2 * 2, format.height // 2 * 2, self._rate, fmt=pyvirtualcam.PixelFormat.I420
            )
        except RuntimeError as error:
            way = WAYS.get(sys.platform, "see pyvirtualcam's documentation")
            raise SinkError(f"there is no virtual camera here; {way}") from error
