"""Decode the end of a damaged file once more, packet by packet: frame threads lose good pictures there."""

import contextlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import av
from av.codec.context import ThreadType
from av.error import FFmpegError

from streamllie.video.opening import open_input, packets, reason, video_stream


def tail(path: Path, *, after: int, damaged: list[str]) -> Iterator[av.VideoFrame]:
    """The frames after a pts of the video. Packets that cannot be decoded are skipped, the reasons go to `damaged`.

    A decoder with frame threads holds its last pictures back until it is told that no more will come; PyAV then
    stops at the first that is damaged, and those behind it are out of reach.
    """
    with open_input(path) as container:
        stream = video_stream(container, path)
        stream.thread_type = ThreadType.SLICE
        with contextlib.suppress(FFmpegError):  # no index: we read from the start
            container.seek(after, stream=stream)
        for packet in chain(packets(container, [stream], path=path, damaged=[]), [None]):
            try:
                frames = stream.decode(packet)
            except FFmpegError as error:
                if packet is not None and (packet.pts is None or packet.pts > after):
                    damaged.append(reason(error))
                continue
            yield from (frame for frame in frames if frame.pts is not None and frame.pts > after)
