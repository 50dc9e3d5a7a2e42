"""Choose an encoder that runs here, with settings that look right and do not blow the file up."""

import logging
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.context import Flags, ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from streamllie.errors import SinkError
from streamllie.frame import VideoFormat
from streamllie.video.containers import Container
from streamllie.video.opening import reason
from streamllie.video.rate import BUFFER, default_cap, parse_rate
from streamllie.video.tags import CHROMA_LOCATIONS

log = logging.getLogger(__name__)

X26_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
PRORES_PROFILES = ("proxy", "lt", "standard", "hq")


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One encoder of libav: what it takes and what we ask of it."""

    name: str
    family: str
    layouts: dict[int, str]  # bits per sample: the pixel format that it takes
    preset_option: str | None = None
    presets: tuple[str, ...] = ()
    preset: str | None = None
    quality_option: str | None = None  # where --crf goes
    quality: int = 0
    quality_range: tuple[int, int] = (0, 51)
    odd_sizes: bool = True
    hardware: bool = False
    options: tuple[tuple[str, str], ...] = ()


# The presets are near real time on two cores. Measured, 1080p, frames per second: x264 veryfast 28 to 47,
# x265 superfast 22, SVT-AV1 10 above 100, libvpx 7 about 80. The qualities look alike: near the source.
YUV8_10 = {8: "yuv420p", 10: "yuv420p10le"}
ENCODERS = (
    *(
        Encoder(
            name=f"{family}_nvenc",
            family=family,
            layouts={8: "yuv420p"} if family == "h264" else {8: "yuv420p", 10: "p010le"},
            preset_option="preset",
            presets=tuple(f"p{n}" for n in range(1, 8)),
            preset="p5",
            quality_option="cq",
            quality=quality,
            odd_sizes=False,
            hardware=True,
            options=(("rc", "vbr"), ("b", "0"), ("spatial-aq", "1")),
        )
        for family, quality in (("h264", 22), ("hevc", 24), ("av1", 30))
    ),
    Encoder(
        name="libx264",
        family="h264",
        layouts=YUV8_10,
        preset_option="preset",
        presets=X26_PRESETS,
        preset="veryfast",
        quality_option="crf",
        quality=20,
        odd_sizes=False,
    ),
    Encoder(
        name="libx265",
        family="hevc",
        layouts=YUV8_10 | {12: "yuv420p12le"},
        preset_option="preset",
        presets=X26_PRESETS,
        preset="superfast",
        quality_option="crf",
        quality=22,
        odd_sizes=False,
        options=(("x265-params", "log-level=none"),),
    ),
    Encoder(
        name="libsvtav1",
        family="av1",
        layouts=YUV8_10,
        preset_option="preset",
        presets=tuple(str(n) for n in range(14)),
        preset="10",
        quality_option="crf",
        quality=30,
        quality_range=(0, 63),
    ),
    Encoder(
        name="libvpx-vp9",
        family="vp9",
        layouts={8: "yuv420p"},
        preset_option="cpu-used",
        presets=tuple(str(n) for n in range(9)),
        preset="7",
        quality_option="crf",
        quality=28,
        quality_range=(0, 63),
        options=(("deadline", "realtime"), ("row-mt", "1")),
    ),
    Encoder(
        name="ffv1",
        family="ffv1",
        layouts=YUV8_10 | {12: "yuv420p12le"},
        options=(("level", "3"), ("slicecrc", "1"), ("g", "1")),
    ),
    Encoder(
        name="prores_ks",
        family="prores",
        layouts={10: "yuv422p10le"},
        preset_option="profile",
        presets=PRORES_PROFILES,
        preset="standard",
    ),
)
FAMILIES = tuple(dict.fromkeys(encoder.family for encoder in ENCODERS))
LOSSY_FAMILIES = (
    "h264",
    "hevc",
    "av1",
    "vp9",
)  # "auto" turns to these; ffv1 and prores only if the source has them


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An encoder with all its settings, known to open here."""

    encoder: Encoder
    depth: int  # bits per sample that are written
    height: int  # may be one more than the source's
    width: int
    options: dict[str, str]
    why: str  # one sentence if it is not what one would expect, or ""

    @property
    def pixels(self) -> str:
        """The pixel format that the encoder takes."""
        return self.encoder.layouts[self.depth]


def choose(
    video: VideoFormat,
    container: Container,
    *,
    suffix: str,
    codec: str = "auto",
    source_codec: str | None = None,
    crf: float | None = None,
    preset: str | None = None,
    max_bitrate: str | None = None,
    source_rate: float | None = None,
) -> Choice:
    """The encoder for an output. "auto": the source's family, else what the container usually holds."""
    families = _families(video, container, suffix=suffix, codec=codec, source_codec=source_codec)
    candidates = [e for family in families for e in ENCODERS if e.family == family]
    odd = bool(video.height % 2 or video.width % 2)
    if codec == "auto":  # keep size and depth rather than the family
        candidates.sort(key=lambda e: (odd and not e.odd_sizes, max(e.layouts) < video.depth))
    refused: list[str] = []
    for encoder in candidates:
        refusal = _refusal(encoder, video, preset)
        if refusal is not None:
            refused.append(refusal)
            continue
        grow = odd and not encoder.odd_sizes
        height = video.height + (video.height % 2 if grow else 0)
        width = video.width + (video.width % 2 if grow else 0)
        depth = video.depth if video.depth in encoder.layouts else max(encoder.layouts)
        if failure := _probe(encoder.name, width, height, encoder.layouts[depth]):
            refused.append(f"{encoder.name} does not run here ({failure})")
            log.info("%s; trying the next encoder", refused[-1])
            continue
        options = _options(
            encoder, video, crf=crf, preset=preset, max_bitrate=max_bitrate, source_rate=source_rate
        )
        choice = Choice(encoder=encoder, depth=depth, height=height, width=width, options=options, why="")
        why = _explain(choice, video, source_codec=source_codec, named=codec != "auto")
        return replace(choice, why=why)
    raise SinkError(f"no encoder can write this video: {'; '.join(dict.fromkeys(refused))}")


def set_up(context: VideoCodecContext, choice: Choice, video: VideoFormat) -> None:
    """Give an encoder the video's size, clock and tags, before it opens."""
    context.width, context.height, context.pix_fmt = choice.width, choice.height, choice.pixels
    context.time_base = video.time_base
    context.framerate = video.rate or Fraction(30)
    context.thread_type = ThreadType.AUTO
    context.flags |= Flags.frame_duration
    context.color_primaries = video.primaries
    context.color_trc = video.transfer
    context.colorspace = video.matrix
    context.color_range = video.range_tag or (2 if video.full_range else 0)
    if video.sample_aspect_ratio:
        context.sample_aspect_ratio = video.sample_aspect_ratio
    options = dict(choice.options)
    if video.chroma_location:
        options["chroma_sample_location"] = CHROMA_LOCATIONS[video.chroma_location]
    context.options = options
    if choice.encoder.name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only; it writes its banner straight to stderr


def _families(
    video: VideoFormat, container: Container, *, suffix: str, codec: str, source_codec: str | None
) -> list[str]:
    if codec != "auto":
        if codec not in FAMILIES:
            raise SinkError(f'there is no codec "{codec}"; there are: auto, {", ".join(FAMILIES)}')
        if codec not in container.families:
            raise SinkError(
                f"{suffix} does not hold {codec}; it holds: {', '.join(container.families)}; or write to .mkv"
            )
        return [codec]
    usual = [family for family in container.families if family in LOSSY_FAMILIES]
    if video.depth > 8 and "hevc" in usual:  # few players decode H.264 with more than 8 bits
        usual = ["hevc", *usual]
    if source_codec in container.families:
        usual = [source_codec, *usual]
    return list(dict.fromkeys(usual))


def _refusal(encoder: Encoder, video: VideoFormat, preset: str | None) -> str | None:
    if preset is not None and not encoder.presets:
        return f"{encoder.name} has no presets; leave --preset out"
    if preset is not None and preset not in encoder.presets:
        return f'{encoder.name} has no preset "{preset}"; it has: {", ".join(encoder.presets)}'
    if video.depth > 8 and max(encoder.layouts) == 8:
        return f"{encoder.name} takes no more than 8 bits and the video has {video.depth}; use hevc or av1"
    return None


def _options(
    encoder: Encoder,
    video: VideoFormat,
    *,
    crf: float | None,
    preset: str | None,
    max_bitrate: str | None,
    source_rate: float | None,
) -> dict[str, str]:
    options = dict(encoder.options)
    if encoder.preset_option is not None:
        options[encoder.preset_option] = _preset_value(encoder, preset or encoder.preset or "")
    low, high = encoder.quality_range
    if crf is not None and encoder.quality_option is None:
        raise SinkError(f"{encoder.family} has no --crf; leave it out")
    if crf is not None and not low <= crf <= high:
        raise SinkError(f"--crf for {encoder.name} goes from {low} (best) to {high} (smallest), not {crf:g}")
    if encoder.quality_option is None:
        if max_bitrate is not None:
            raise SinkError(
                f"{encoder.family} has no --max-bitrate; leave it out, or use h264, hevc, av1 or vp9"
            )
        return options
    options[encoder.quality_option] = f"{encoder.quality if crf is None else crf:g}"
    cap = parse_rate(max_bitrate) if max_bitrate is not None else default_cap(video, source_rate)
    if encoder.name == "libvpx-vp9":
        options["b"] = str(cap)  # with crf: constrained quality, the rate is the upper limit
    else:
        options["maxrate"] = str(cap)
        options["bufsize"] = str(cap * BUFFER)
    return options


def _preset_value(encoder: Encoder, preset: str) -> str:
    if encoder.name == "prores_ks":
        return str(PRORES_PROFILES.index(preset))
    return preset


def _explain(choice: Choice, video: VideoFormat, *, source_codec: str | None, named: bool) -> str:
    said: list[str] = []
    family = choice.encoder.family
    if not named and source_codec is not None and source_codec != family:
        said.append(f"the source is {source_codec}, the output is {family}")
    if choice.depth < video.depth:
        said.append(f"{video.depth} bits become {choice.depth}, which is what {choice.encoder.name} takes")
    if (choice.height, choice.width) != (video.height, video.width):
        said.append(
            f"{video.width}x{video.height} becomes {choice.width}x{choice.height}: {family} has no odd sizes"
        )
    return "; ".join(said)


@cache
def _probe(name: str, width: int, height: int, pixels: str) -> str | None:
    """Why an encoder does not run here, or None. It encodes one frame: an old driver fails only then."""
    try:
        Codec(name, "w")
    except UnknownCodecError:
        return "it is not in this build of libav"
    if not name.endswith("_nvenc"):
        return None  # software either is there or not; it opens for real in a moment
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, pixels
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame(width, height, pixels)
    frame.pts = 0
    try:
        context.encode(frame)
        context.encode(None)
    except (FFmpegError, ValueError) as error:
        return reason(error)
    return None
