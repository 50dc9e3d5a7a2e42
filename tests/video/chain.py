"""Copy a video from source to sink with any step between, and look into files with plain PyAV."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from streamllie.frame import Frame
from streamllie.video import VideoSink, VideoSource


def same(frame: Frame) -> Frame:
    """The picture as it is."""
    return frame


def brighter(frame: Frame) -> Frame:
    """A real change: twice the light, within the levels of 8-bit video."""
    y = np.minimum(235, (frame.y.astype(np.int32) - 16) * 2 + 16).astype(frame.y.dtype)
    return frame.with_planes(y, frame.u, frame.v)


def enhance(
    source: Path,
    target: Path,
    *,
    step: Callable[[Frame], Frame] = same,
    start: float | None = None,
    duration: float | None = None,
    **options: Any,
) -> tuple[VideoSource, VideoSink]:
    """What the pipeline does, without threads."""
    with (
        VideoSource(source, start=start, duration=duration) as reader,
        VideoSink(target, reader.format, copy_from=source, start=start, duration=duration, **options) as writer,
    ):
        for frame in reader:
            writer.write(step(frame))
        writer.expect(reader.frames_read)
    return reader, writer


def frames_of(path: Path) -> list[Frame]:
    """All frames as our source reads them."""
    with VideoSource(path) as reader:
        return list(reader)


def times(path: Path) -> list[Fraction]:
    """When each picture of the first real video stream is shown, read with plain PyAV."""
    with av.open(str(path)) as file:
        stream = next(s for s in file.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
        return [frame.pts * stream.time_base for frame in file.decode(stream)]


def packets(path: Path, index: int) -> list[tuple[bytes, Fraction | None, Fraction]]:
    """Bytes, time and length of each packet of one stream."""
    with av.open(str(path)) as file:
        return [
            (
                bytes(p),
                None if p.pts is None else p.pts * p.time_base,
                (p.duration or 0) * p.time_base,
            )
            for p in file.demux(file.streams[index])
            if p.size
        ]


def streams(path: Path) -> list[tuple[str, str]]:
    """Type and codec of each stream."""
    with av.open(str(path)) as file:
        return [
            (
                s.type,
                s.codec_context.codec.canonical_name if getattr(s, "codec_context", None) else s.name or "",
            )
            for s in file.streams
        ]


def luma(path: Path) -> NDArray[Any]:
    """(frames, H, W): the luma of every frame, by plain PyAV."""
    with av.open(str(path)) as file:
        return np.stack([np.asarray(_rows(frame)) for frame in file.decode(video=0)])


def _rows(frame: av.VideoFrame) -> NDArray[Any]:
    plane = frame.planes[0]
    kind = np.uint16 if frame.format.components[0].bits > 8 else np.uint8
    return np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].copy()


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def reopened(path: Path) -> av.container.InputContainer:
    """The file, with plain PyAV."""
    return av.open(str(path))
