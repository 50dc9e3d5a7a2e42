"""Deinterlace with bwdif: one frame in, one frame out, with its own timestamp."""

from fractions import Fraction

import av
from av.error import BlockingIOError as WantsMore
from av.error import EOFError as HasNoMore
from av.filter import Graph
from av.filter.context import FilterContext

TOP_FIRST, BOTTOM_FIRST = (2, 4), (3, 5)  # libav's field orders
# These say it for each picture; with others (ProRes, MJPEG, raw) perhaps only the container knows.
MARKS_FRAMES = {"h264", "hevc", "mpeg1video", "mpeg2video", "vc1", "wmv3"}


def stream_is_interlaced(stream: av.VideoStream) -> bool:
    """Whether the container says so and the codec would not say better."""
    codec = stream.codec_context
    return codec.field_order in TOP_FIRST + BOTTOM_FIRST and codec.codec.canonical_name not in MARKS_FRAMES


class Deinterlacer:
    """Remembers one frame before and one after; `push(None)` gives the last one back."""

    def __init__(self, stream: av.VideoStream, *, time_base: Fraction, every_frame: bool) -> None:
        self._time_base = time_base
        self._deint = "all" if every_frame else "interlaced"  # "interlaced": progressive frames pass untouched
        order = stream.codec_context.field_order
        self._parity = "bff" if every_frame and order in BOTTOM_FIRST else "auto"
        self._layout: tuple[str, int, int] | None = None
        self._entry: FilterContext | None = None
        self._exit: FilterContext | None = None
        self._graph: Graph | None = None  # holds the filters in memory

    def push(self, frame: av.VideoFrame | None) -> list[av.VideoFrame]:
        """Give one frame; get those that are ready, in order. None: no more frames."""
        if frame is None:
            return self._finish()
        ready: list[av.VideoFrame] = []
        layout = (frame.format.name, frame.width, frame.height)
        if layout != self._layout:
            ready = self._finish()
            self._build(frame)
            self._layout = layout
        assert self._entry is not None
        self._entry.push(frame)
        return ready + self._pull()

    def _build(self, frame: av.VideoFrame) -> None:
        graph = Graph()
        entry = graph.add(
            "buffer",
            video_size=f"{frame.width}x{frame.height}",
            pix_fmt=frame.format.name,
            time_base=str(self._time_base),
            colorspace=str(int(frame.colorspace)),
            range=str(int(frame.color_range)),
        )
        bwdif = graph.add("bwdif", mode="send_frame", parity=self._parity, deint=self._deint)
        leave = graph.add("buffersink")
        entry.link_to(bwdif)
        bwdif.link_to(leave)
        graph.configure()
        self._graph, self._entry, self._exit = graph, entry, leave

    def _finish(self) -> list[av.VideoFrame]:
        if self._entry is None:
            return []
        self._entry.push(None)
        ready = self._pull()
        self._graph = self._entry = self._exit = self._layout = None
        return ready

    def _pull(self) -> list[av.VideoFrame]:
        assert self._exit is not None
        ready: list[av.VideoFrame] = []
        while True:
            try:
                frame = self._exit.pull()
            except (WantsMore, HasNoMore):
                return ready
            assert isinstance(frame, av.VideoFrame)
            assert frame.pts is not None
            assert frame.time_base is not None
            # bwdif counts in half units; a whole frame lies on a whole one.
            frame.pts = int(frame.pts * frame.time_base / self._time_base)
            frame.duration = int(frame.duration * frame.time_base / self._time_base)
            frame.time_base = self._time_base
            ready.append(frame)
