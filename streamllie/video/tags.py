"""Read what a stream says about itself: colour tags, range, aspect ratio, rotation, bit rate."""

import math
import re
import struct
import threading
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

import av
from av import logging as libav_log
from av.container import Container, InputContainer
from av.format import Flags
from av.video.stream import VideoStream

from streamllie.frame import TICK, VideoFormat
from streamllie.video.opening import container_length
from streamllie.video.planes import depth_for, is_full_range, is_rgb, rgb_matrix

UNSPECIFIED = 2  # of primaries, transfer and matrix
RGB = 0  # of matrix
FASTEST = 1000  # frames per second
NUMBERED = {"avi", "mpegvideo"}  # formats of files
LIMITED, FULL = 1, 2  # of range; 0 is untagged
CHROMA_LOCATIONS = ("unspecified", "left", "center", "topleft", "top", "bottomleft", "bottom")  # by libav's number

_log_level = threading.Lock()


def video_format(stream: VideoStream, first: av.VideoFrame, *, chroma_location: int) -> VideoFormat:
    """What is true of every frame, as the first decoded frame and the stream tell it."""
    context = stream.codec_context
    found = VideoFormat(
        height=first.height,
        width=first.width,
        depth=depth_for(first.format),
        full_range=is_full_range(first),
        time_base=stream.time_base or TICK,
        rate=frame_rate(stream),
        primaries=_tag(first.color_primaries, context.color_primaries),
        transfer=_tag(first.color_trc, context.color_trc),
        matrix=_tag(first.colorspace, context.colorspace),
        range_tag=int(first.color_range) or int(context.color_range),
        chroma_location=chroma_location,
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        rotation=first.rotation,
    )
    if is_rgb(first.format):
        return replace(found, matrix=rgb_matrix(first.height), full_range=False, range_tag=LIMITED)
    return replace(found, matrix=UNSPECIFIED) if found.matrix == RGB else found  # grey PNG says so too


def oriented(video: VideoFormat, first: av.VideoFrame) -> VideoFormat:
    """The same, `mirrored` if players do so, and turned to the nearest degree; libav's number is cut, and no mirror's.

    Not for every frame: one that was asked for its side data is let go of by the garbage collector alone.
    """
    data = side_data(first).get("DISPLAYMATRIX")
    if data is None:
        return video
    a, b, _, c, d = struct.unpack_from("5i", bytes(data))
    mirrored = a * d - b * c < 0
    return replace(video, rotation=-round(math.degrees(math.atan2(b, -a if mirrored else a))), mirrored=mirrored)


def side_data(frame: av.VideoFrame) -> Mapping[Any, Any]:
    """What goes with a frame; nothing if one of its kinds, such as EXIF of MJPEG, is newer than our libav's names."""
    try:
        return cast("Mapping[Any, Any]", frame.side_data)  # its types say less than it is
    except ValueError:
        return {}


def is_raw(container: Container) -> bool:
    """Whether it is a bare stream without times, in which libav cannot seek."""
    return bool(container.format.flags & Flags.no_timestamps.value)


def is_numbered(stream: VideoStream) -> bool:
    """Whether its pictures have numbers, not times: where some are shown later than stored, their pts are wrong."""
    return stream.container.format.name in NUMBERED and bool(stream.codec_context.has_b_frames)


def frame_rate(stream: VideoStream) -> Fraction | None:
    """Frames per second, if anybody says. Of a raw stream, which has no times, it is what its codec says.

    So it is where the average is beyond belief: of raw DV libav takes it to be one frame a tick.
    """
    average, guessed = stream.average_rate, stream.guessed_rate
    if is_raw(stream.container) or (average is not None and average > FASTEST):
        return guessed or average or None
    return average or guessed or None


def source_bit_rate(container: InputContainer, stream: VideoStream) -> float | None:
    """Bits per second of the video, from the headers; None if nobody says."""
    if stream.bit_rate:
        return float(stream.bit_rate)
    stated = stream.metadata.get("BPS") or stream.metadata.get("BPS-eng") or ""  # Matroska's statistics
    if stated.isdecimal():
        return float(stated)
    length = container_length(container)
    if not length or container.size <= 0:
        return None
    # Other streams are counted too: an upper bound, good enough for a cap.
    return float(container.size * 8 / length)


def frames_estimate(container: InputContainer, stream: VideoStream, rate: Fraction | None) -> int | None:
    """About how many frames there are; for a progress bar, never for a loop."""
    if stream.frames:
        return stream.frames
    length = container_length(container)
    return round(length * rate) if length and rate else None


def promised_end(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """When the stream ends, in seconds, if a header written for the whole file says so."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:  # its length is of what is there
        return stream.frames / stream.average_rate
    if stream.duration and stream.time_base:
        return (stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base
    if told := re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", "")):  # Matroska's
        return Fraction(int(told[1]) * 3600 + int(told[2]) * 60) + Fraction(told[3])
    return container_length(container) if len(container.streams) == 1 else None


def _tag(of_frame: int, of_stream: int) -> int:
    return int(of_frame) if of_frame != UNSPECIFIED else int(of_stream)


def chroma_location(container: InputContainer, stream: VideoStream) -> int:
    """Where chroma sits between luma samples. PyAV has no name for it; libav's verbose words tell it.

    Call it before the first frame is decoded: while libav's words go to Python, a decoder thread that has one
    waits for the interpreter, and who closes that decoder meanwhile waits for the thread, for ever.
    """
    with _log_level:
        level = libav_log.get_level()
        libav_log.set_level(libav_log.VERBOSE)
        libav_log.set_libav_level(libav_log.VERBOSE)
        try:
            text: str = getattr(container, "dumps_format")()  # noqa: B009 - missing in the type stubs
        finally:
            libav_log.set_libav_level(libav_log.INFO)
            libav_log.set_level(level)
    line = next((line for line in text.splitlines() if re.match(rf"\s*Stream #0:{stream.index}\b", line)), "")
    words = re.findall(r"[a-z]+", line)
    # As in "yuv420p(tv, bt709, progressive, left)": the last word in the brackets after the pixel format.
    for word, after in pairwise(re.findall(r"[a-z0-9]+|[)]", line)):
        if after == ")" and word in CHROMA_LOCATIONS and word in words:
            return CHROMA_LOCATIONS.index(word)
    return 0
