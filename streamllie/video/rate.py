"""Bit rates: read what a person typed, and cap what a brightened video may grow to."""

import re

from streamllie.errors import SinkError
from streamllie.frame import USUAL_RATE, VideoFormat

UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
GROWTH = 4  # times the source's rate: light brings detail and noise back that darkness had made cheap
BITS_PER_PIXEL = 0.15  # what H.264 needs to look right at any content: 9 Mbit/s for 1080p30, 4 for 720p30
LEAST = 1_000_000  # bits per second; small pictures cost more per pixel
MOST = 1e15  # bits per second; more digits than that are a slip of the hand, and no encoder takes as much
SMALLEST = 1_000  # bits per second; whoever types less forgot the unit
BUFFER = 2  # seconds that may be above the cap: a cut or a flash is not starved


def parse_rate(text: str | int) -> int:
    """Bits per second from "8M", "900k", "2500000" or the number itself."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)", str(text).strip().lower())
    if match is None or float(match[1]) <= 0:
        raise SinkError(f'the bit rate "{text}" is not understood; write it like 8M, 900k or 2500000')
    rate = round(min(float(match[1]) * UNITS[match[2]], MOST))
    if rate < SMALLEST:
        raise SinkError(f'the bit rate "{text}" is too low for any video; write it like 8M or 900k')
    return rate


def default_cap(video: VideoFormat, source_rate: float | None) -> int:
    """Bits per second that the output may take when nobody said anything.

    Four times the source, and never less than a normal video of this size needs. Measured: a dark clip of
    0.5 Mbit/s brightened five times without denoising takes 40 Mbit/s at constant quality.
    """
    frames = float(video.rate or USUAL_RATE)
    floor = max(LEAST, BITS_PER_PIXEL * video.width * video.height * frames)
    return round(max(floor, GROWTH * (source_rate or 0)))
