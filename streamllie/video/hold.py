"""Keep a Linux camera at its frame rate in the dark, and put its control back afterwards."""

import contextlib
import logging
import sys
from collections.abc import Generator

from streamllie.video.v4l2 import EXPOSURE_DYNAMIC_FRAMERATE, Device

log = logging.getLogger(__name__)


@contextlib.contextmanager
def held(device: str) -> Generator[None]:
    """While inside, the camera does not expose longer than a frame. Without such a control nothing happens."""
    before = _set(device, 0) if sys.platform.startswith("linux") else None
    try:
        yield
    finally:
        if before:  # 0 and None leave nothing to put back
            _set(device, before)


def _set(path: str, value: int) -> int | None:
    """Change the control; give its value before, None if there is none."""
    try:
        with Device(path) as device:
            before = device.control(EXPOSURE_DYNAMIC_FRAMERATE)
            if before is not None and before != value:
                device.set_control(EXPOSURE_DYNAMIC_FRAMERATE, value)
            return before
    except OSError as error:  # unplugged, most likely
        log.debug("%s: exposure_dynamic_framerate cannot be set: %s", path, error.strerror)
        return None
