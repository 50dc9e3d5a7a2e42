"""Choose an encoder that runs here, and settings that do not blow the file up."""

import logging
import os
from dataclasses import dataclass, replace
from functools import cache

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.context import Flags, ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from streamllie.errors import SinkError
from streamllie.frame import USUAL_RATE, VideoFormat
from streamllie.video.containers import Container
from streamllie.video.encoders import ENCODERS, FAMILIES, LOSSY_FAMILIES, Encoder
from streamllie.video.opening import reason
from streamllie.video.rate import BUFFER, default_cap, parse_rate
from streamllie.video.tags import CHROMA_LOCATIONS, FULL, LIMITED

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An encoder with all its settings, known to open here."""

    encoder: Encoder
    depth: int  # bits per sample that are written
    height: int  # may be one more than the source's
    width: int
    range_tag: int  # of the levels that are written: 0 untagged, which is limited too, 1 limited, 2 full
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
    source_profile: str | None = None,
    crf: float | None = None,
    preset: str | None = None,
    max_bitrate: str | int | None = None,
    source_rate: float | None = None,
) -> Choice:
    """The encoder for an output. "auto": the source's family, else what the container usually holds."""
    families = _families(video, container, suffix=suffix, codec=codec, source_codec=source_codec)
    candidates = [e for family in families for e in ENCODERS if e.family == family]
    odd = bool(video.height % 2 or video.width % 2)
    if codec == "auto":  # keep size and depth rather than the family
        stays = "prores" if source_codec == "prores" else None  # who edits expects it again, though of 10 bits, not 12
        candidates.sort(key=lambda e: (odd and not e.odd_sizes, max(e.layouts) < video.depth and e.family != stays))
        if preset is not None:  # it belongs to the codec that is written without it, and never chooses another
            candidates = [e for e in candidates if e.family == candidates[0].family]
    refused: list[str] = []
    for encoder in candidates:
        refusal = refusal_of(encoder, video, preset)
        if refusal is not None:
            refused.append(refusal)
            continue
        grow = odd and not encoder.odd_sizes
        height = video.height + (video.height % 2 if grow else 0)
        width = video.width + (video.width % 2 if grow else 0)
        depth = video.depth if video.depth in encoder.layouts else max(encoder.layouts)
        if failure := probe(encoder.name, width, height, encoder.layouts[depth]):
            refused.append(f"{encoder.name} does not run here ({failure})")
            log.info("%s; trying the next encoder", refused[-1])
            continue
        if preset is None and encoder.family == source_codec:
            preset = dict(encoder.kept_profiles).get(source_profile or "")
        options = options_of(encoder, video, crf=crf, preset=preset, max_bitrate=max_bitrate, source_rate=source_rate)
        choice = Choice(
            encoder=encoder,
            depth=depth,
            height=height,
            width=width,
            range_tag=_range_tag(encoder, video, container),
            options=options,
            why="",
        )
        why = _explain(choice, video, suffix=suffix, source_codec=source_codec, named=codec != "auto")
        return replace(choice, why=why)
    other = "; or name another --codec" if codec == "auto" and preset is not None else ""
    raise SinkError(f"no encoder can write this video: {'; '.join(dict.fromkeys(refused))}{other}")


def set_up(context: VideoCodecContext, choice: Choice, video: VideoFormat) -> None:
    """Give an encoder the video's size, clock and tags, before it opens."""
    context.width, context.height, context.pix_fmt = choice.width, choice.height, choice.pixels
    context.time_base = video.time_base
    context.framerate = video.rate or USUAL_RATE
    context.thread_type = ThreadType.AUTO
    context.flags |= Flags.frame_duration
    context.color_primaries = video.primaries
    context.color_trc = video.transfer
    context.colorspace = video.matrix
    context.color_range = choice.range_tag
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


def refusal_of(encoder: Encoder, video: VideoFormat, preset: str | None) -> str | None:
    """Why an encoder does not take this video, or not with this preset; None if it does."""
    if preset is not None and not encoder.presets:
        return f"{encoder.name} has no presets; leave --preset out"
    if preset is not None and preset not in encoder.presets:
        return f'{encoder.name} has no preset "{preset}"; it has: {", ".join(encoder.presets)}'
    if min(video.height, video.width) < encoder.least:
        size = f"{video.width}x{video.height}"
        return (
            f"{encoder.name} takes no side below {encoder.least} pixels and the video has {size}; name another --codec"
        )
    if video.depth > 8 and max(encoder.layouts) == 8:
        return f"{encoder.name} takes no more than 8 bits and the video has {video.depth}; use hevc or av1"
    return None


def options_of(
    encoder: Encoder,
    video: VideoFormat,
    *,
    crf: float | None,
    preset: str | None,
    max_bitrate: str | int | None,
    source_rate: float | None = None,
) -> dict[str, str]:
    """What the encoder is told.

    Raises:
        SinkError: a wish has no meaning for it, or is out of its range.
    """
    options = dict(encoder.options)
    if encoder.preset_option is not None:
        options[encoder.preset_option] = preset or encoder.preset or ""
    low, high = encoder.quality_range
    if crf is not None and encoder.quality_option is None:
        raise SinkError(f"{encoder.family} has no --crf; leave it out")
    if crf is not None and not low <= crf <= high:
        raise SinkError(f"--crf for {encoder.name} goes from {low} (best) to {high} (smallest), not {crf:g}")
    if encoder.quality_option is None:
        if max_bitrate is not None:
            raise SinkError(f"{encoder.family} has no --max-bitrate; leave it out, or use h264, hevc, av1 or vp9")
        return options
    options[encoder.quality_option] = f"{encoder.quality if crf is None else crf:g}"
    if max_bitrate is None:
        cap = min(default_cap(video, source_rate), encoder.most_rate)
    elif (cap := parse_rate(max_bitrate)) > encoder.most_rate:
        most = f"{encoder.most_rate // 1_000_000}M"
        raise SinkError(f"--max-bitrate for {encoder.name} goes up to {most}, not {max_bitrate}")
    if encoder.name == "libvpx-vp9":
        options["b"] = str(cap)  # with crf: constrained quality, the rate is the upper limit
    else:
        options["maxrate"] = str(cap)
        options["bufsize"] = str(cap * BUFFER)
    return options


def _range_tag(encoder: Encoder, video: VideoFormat, container: Container) -> int:
    if not video.full_range:
        return video.range_tag
    kept = encoder.full_range_in is None or container.muxer in encoder.full_range_in
    return FULL if kept else LIMITED


def _explain(choice: Choice, video: VideoFormat, *, suffix: str, source_codec: str | None, named: bool) -> str:
    said: list[str] = []
    family = choice.encoder.family
    if not named and source_codec is not None and source_codec != family:
        odd = video.height % 2 or video.width % 2
        why = f", which has odd sizes such as {video.width}x{video.height}" if odd and choice.encoder.odd_sizes else ""
        said.append(f"the source is {source_codec}, the output is {family}{why}")
    if choice.depth < video.depth:
        said.append(f"{video.depth} bits become {choice.depth}, which is what {choice.encoder.name} takes")
    if video.full_range and choice.range_tag == LIMITED:
        said.append(f"full-range levels become limited ones: {family} in {suffix} cannot say that they are full")
    if (choice.height, choice.width) != (video.height, video.width):
        said.append(f"{video.width}x{video.height} becomes {choice.width}x{choice.height}: {family} has no odd sizes")
    return "; ".join(said)


@cache
def probe(name: str, width: int, height: int, pixels: str) -> str | None:
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
    context.time_base = 1 / USUAL_RATE
    frame = av.VideoFrame(width, height, pixels)
    frame.pts = 0
    try:
        context.encode(frame)
        context.encode(None)
    except (FFmpegError, ValueError) as error:
        return reason(error)
    return None
