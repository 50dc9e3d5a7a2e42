"""Make dark video bright, clean and steady, in real time.

from streamllie import Enhancer, enhance_video

report = enhance_video("night.mp4", "day.mp4")
with Enhancer("lite", smoothing=0.0) as enhance:
    bright = enhance(rgb)  # (H, W, 3) uint8 RGB -> the same
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamllie import errors
    from streamllie.enhance import enhance_video
    from streamllie.enhancer import Enhancer
    from streamllie.timing import Report

    __version__: str

__all__ = ["Enhancer", "Report", "enhance_video", "errors"]

_HOMES = {
    "Enhancer": "streamllie.enhancer",
    "Report": "streamllie.timing",
    "enhance_video": "streamllie.enhance",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: libav and runtimes take a second to load."""
    if name == "__version__":
        return _version()
    if name == "errors":
        return importlib.import_module("streamllie.errors")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module streamllie has no attribute {name!r}")


def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - 20 ms

    try:
        return metadata.version("streamllie")
    except metadata.PackageNotFoundError:  # run from a clone that was never installed
        return "unknown"


def __dir__() -> list[str]:
    return __all__
