"""Put the parts together: enhance a video file."""

from collections.abc import Callable
from pathlib import Path

from streamllie.backends import open_engine
from streamllie.backends.base import Engine
from streamllie.defaults import MODEL, SMOOTHING
from streamllie.errors import SinkError, SourceError
from streamllie.frame import Frame, VideoFormat
from streamllie.pipeline import run
from streamllie.place import local
from streamllie.shelf import find
from streamllie.split import split
from streamllie.temporal.bars import Bars, Sides, with_bars, without_bars
from streamllie.temporal.cuts import CutDetector
from streamllie.temporal.policy import Smoothing
from streamllie.timing import Meter, Progress, Report
from streamllie.video import VideoSink, VideoSource

RUN_UP = 1.0  # seconds before a start in the middle from which the memory is filled, at least
MEMORIES = 10  # time constants of the smoothing, likewise: what one layer remembers, the next remembers once more


def enhance_video(
    source: str | Path,
    target: str | Path,
    *,
    model: str | Path = MODEL,
    backend: str = "auto",
    precision: str = "auto",
    cuda: str = "auto",
    strength: float = 1.0,
    smoothing: float = SMOOTHING,
    codec: str = "auto",
    crf: float | None = None,
    preset: str | None = None,
    max_bitrate: str | int | None = None,
    start: float | None = None,
    duration: float | None = None,
    overwrite: bool = False,
    compare: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Enhance every frame of a video file and copy everything else that is in it.

    `model` is a name on the shelf or the path of an .onnx, .pt or .engine file; `backend` "auto" or one of
    `streamllie.backends.BACKENDS`; `precision` "auto", "fp32", "bf16" or "fp16"; `cuda` the binding that TensorRT uses,
    "auto", "cuda-python" or "pycuda".
    `strength` in [0, 1] is the share of the effect, `smoothing` in [0, 1] how slowly the model follows the light
    (see Smoothing). `start` is seconds from the beginning of the file, `duration` seconds from there, more than 0.
    `codec` is "auto" (the source's, where the target holds it), "h264", "hevc", ...; `crf` its quality (0 is best; 0 to
    51 for H.264, HEVC and all of NVENC, 0 to 63 for VP9 and AV1); `preset` its encoder's word for speed; `max_bitrate`
    is bits per second, such as "8M" or 8_000_000. With `compare` every frame shows the source on its left half.
    `on_progress` is called after every frame. The target gets its name when it is complete. On Ctrl-C, a note of the
    KeyboardInterrupt names the playable part.

        report = enhance_video("night.mp4", "day.mp4")

    Raises:
        StreamLLIEError: the source, the target, the model or the backend fails. Each has a class of its own in
            `streamllie.errors`, such as SourceError, OutputExists, SinkError, ModelNotFound, BackendMissing.
        ValueError: strength or smoothing is out of range.
    """
    source, target = local(source, SourceError), local(target, SinkError)
    check_strength(strength)
    policy = Smoothing(smoothing)
    found = find(model)
    with VideoSource(source, start=start, duration=duration) as frames:
        sink = VideoSink(
            target,
            frames.format,
            copy_from=source,
            codec=codec,
            crf=crf,
            preset=preset,
            max_bitrate=max_bitrate,
            overwrite=overwrite,
            start=start,
            duration=duration,
        )
        with open_engine(found, frames.format, backend=backend, precision=precision, cuda=cuda) as engine:
            steady = Steady(engine, frames.format, policy, strength=strength)

            def tell(meter: Meter) -> None:
                if on_progress is not None:
                    on_progress(
                        Progress(
                            frames=meter.frames,
                            estimate=frames.estimate,
                            seconds=meter.seconds,
                            backend=engine.backend,
                            precision=engine.precision,
                        )
                    )

            try:
                with sink:
                    steady.warm_up(frames)
                    meter = run(frames, steady.beside if compare else steady, sink, on_frame=tell)
                    sink.expect(frames.frames_read)
            except KeyboardInterrupt as interrupt:
                if sink.written_to is not None:
                    interrupt.add_note(f'the first {sink.frames_written} frames are in "{sink.written_to}"')
                raise
            return Report(
                frames=meter.frames,
                seconds=meter.seconds,
                backend=engine.backend,
                precision=engine.precision,
                model=found.name,
                output=str(target),
                bitrate_ratio=round(sink.video_bytes / max(frames.video_bytes, 1), 3),
                notes=(*frames.notes, *sink.notes),
            )


class Steady:
    """An engine as a function of one frame, which keeps its memory within a scene and drops it at a cut.

    Black bars around the picture come out as they are, see `temporal.bars`.
    """

    def __init__(self, engine: Engine, format: VideoFormat, policy: Smoothing, *, strength: float) -> None:
        self.engine = engine
        self._format = format
        self.policy, self.strength = policy, strength  # strength, and the policy's amount, may change between frames
        self._cuts = CutDetector(format.levels)
        self._bars = Bars(format.levels)

    @property
    def in_flight(self) -> int:
        """How many frames may be started before the first of them is taken."""
        return self.engine.in_flight

    def __call__(self, frame: Frame) -> Frame:
        """Enhance one frame."""
        return self.start(frame)()

    def start(self, frame: Frame) -> Callable[[], Frame]:
        """Begin to enhance one frame, and give a function that waits for it."""
        if self.policy.seconds > 0:
            self._cuts(frame.y)
        keep = self.policy.keep(frame.time, cut=self._cuts.begins)
        bars = self.bars_of(frame, cut=keep == 0)
        take = self.engine.start(without_bars(frame, bars), keep=keep, strength=self.strength)
        return lambda: with_bars(take(), frame, bars)

    def bars_of(self, frame: Frame, *, cut: bool = False) -> Sides:
        """The bars of the next frame, for who enhances it in another way."""
        if self.policy.seconds == 0:
            self._bars.forget()  # pictures have nothing to do with each other
        return self._bars(frame.y, cut=cut)

    @property
    def bars(self) -> Sides:
        """Those of the last frame."""
        return self._bars.sides

    def beside(self, frame: Frame) -> Frame:
        """The same, with the frame as it was on the left half."""
        return split(frame, self(frame), self._format)

    def warm_up(self, source: VideoSource) -> None:
        """See the frames before a start in the middle, so that the first one looks as it would in a whole run."""
        if self.policy.seconds > 0:
            length = max(RUN_UP, MEMORIES * self.policy.seconds)
            if source.skipped > length:
                self._bars.begin_midway()
            for frame in source.run_up(length):
                self(frame)

    def forget(self) -> None:
        """Take the next frame for the first."""
        self.engine.reset()
        self.policy.forget()
        self._cuts.forget()
        self._bars.forget()


def check_strength(value: float) -> None:
    """Refuse what is not between 0 and 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"strength is {value}; it must be between 0 and 1")
