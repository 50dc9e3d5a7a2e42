"""Make small media files with every property that a test asks for: 64 x 48, ten frames, dark and moving."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

HEIGHT, WIDTH, FRAMES, RATE = 48, 64, 10, 25
QUIET = {"libx265": {"x265-params": "log-level=none"}, "libx264": {"preset": "ultrafast", "bf": "2"}}


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One sound track: a tone of its own height."""

    codec: str = "aac"
    start: Fraction = Fraction(0)
    seconds: float = 0.4
    rate: int = 48_000
    hertz: int = 440
    layout: str = "mono"
    bit_rate: int = 0  # 0: the encoder's own
    form: str = ""  # of its samples, as libav calls it; "": the encoder's own
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    disposition: int | None = None


@dataclass(frozen=True, kw_only=True)
class Subtitle:
    """One subtitle track; `codec` as libav calls the encoder, events as (start, end, text) in seconds."""

    codec: str = "subrip"
    events: Sequence[tuple[float, float, str]] = (
        (0.04, 0.16, "<i>Night</i> falls"),
        (0.2, 0.36, "Zwölf Uhr"),
    )
    metadata: dict[str, str] = field(default_factory=dict[str, str])


def picture(
    index: int, *, height: int = HEIGHT, width: int = WIDTH, depth: int = 8
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Three planes of a dark picture that moves and differs from frame to frame."""
    unit = 2 ** (depth - 8)
    kind = np.uint8 if depth == 8 else np.uint16
    rows, columns = np.mgrid[0:height, 0:width]
    y = (20 + (rows + columns + 3 * index) % 40) * unit + index % unit
    half_rows, half_columns = np.mgrid[0 : (height + 1) // 2, 0 : (width + 1) // 2]
    u = (118 + (half_rows + index) % 20) * unit
    v = (122 + (half_columns + index) % 12) * unit
    return y.astype(kind), u.astype(kind), v.astype(kind)


def planar_frame(index: int, *, height: int = HEIGHT, width: int = WIDTH, layout: str = "yuv420p") -> av.VideoFrame:
    """The picture as a frame of libav, in any pixel format."""
    depth = max(c.bits for c in av.VideoFormat(layout).components)
    native = {8: "yuv420p", 10: "yuv420p10le", 12: "yuv420p12le"}[max(8, depth) if depth in (8, 10, 12) else 8]
    if layout in ("yuv420p", "yuvj420p", "yuv420p10le", "yuv420p12le"):
        native = layout
    frame = av.VideoFrame(width, height, native)
    bits = {"yuv420p10le": 10, "yuv420p12le": 12}.get(native, 8)
    for plane, values in zip(frame.planes, picture(index, height=height, width=width, depth=bits), strict=True):
        rows = np.frombuffer(plane, values.dtype).reshape(plane.height, -1)
        rows[:, : values.shape[1]] = values
    return frame if native == layout else frame.reformat(format=layout)


def make_video(
    path: Path,
    *,
    codec: str | None = "libx264",
    layout: str = "yuv420p",
    height: int = HEIGHT,
    width: int = WIDTH,
    frames: int = FRAMES,
    rate: Fraction | int = RATE,
    time_base: Fraction | None = None,
    pts: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    tags: dict[str, Any] | None = None,
    rotation: int = 0,
    mirrored: bool = False,
    sound: Sequence[Sound] = (),
    subtitles: Sequence[Subtitle] = (),
    chapters: Sequence[tuple[float, float, str]] = (),
    fonts: dict[str, bytes] | None = None,
    cover: bytes | None = None,
    metadata: dict[str, str] | None = None,
    stream_metadata: dict[str, str] | None = None,
    muxer: str | None = None,
    muxer_options: dict[str, str] | None = None,
    pictures: Sequence[av.VideoFrame] | None = None,
) -> Path:
    """Write one file. `pts` are in units of `time_base`, which is one frame unless given."""
    unit = time_base or Fraction(1) / Fraction(rate)
    step = round(Fraction(1) / Fraction(rate) / unit)
    with av.open(str(path), "w", format=muxer, container_options=muxer_options or {}) as output:
        output.metadata.update(metadata or {})
        packets: list[tuple[float, Packet]] = []
        if codec is not None:
            video = output.add_stream(codec, rate=rate, options={**QUIET.get(codec, {}), **(options or {})})
            video.width, video.height, video.pix_fmt = width, height, layout
            video.time_base = video.codec_context.time_base = unit
            for name, value in (tags or {}).items():
                setattr(video.codec_context, name, value)
            video.metadata.update(stream_metadata or {})
            if rotation or mirrored:
                video.set_display_rotation(rotation, hflip=mirrored)
        tracks = [_add_sound(output, track) for track in sound]
        texts = [_add_subtitle(output, track) for track in subtitles]
        for name, data in (fonts or {}).items():
            output.add_attachment(name, "font/ttf", data)
        if cover is not None:
            _add_cover(output, cover, packets)
        if chapters:
            output.set_chapters(
                [
                    {
                        "id": n,
                        "start": round(start * 1000),
                        "end": round(end * 1000),
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": title},
                    }
                    for n, (start, end, title) in enumerate(chapters)
                ]
            )
        output.start_encoding()
        if codec is not None:
            given = pictures or [planar_frame(i, height=height, width=width, layout=layout) for i in range(frames)]
            for index, frame in enumerate(given):
                frame.pts = pts[index] if pts is not None else index * step
                frame.time_base = unit
                frame.duration = step
                packets += [(float(p.dts * p.time_base), p) for p in video.encode(frame)]
            packets += [(float(p.dts * p.time_base), p) for p in video.encode(None)]
        for track, stream in zip(sound, tracks, strict=True):
            packets += _sound_packets(track, stream)
        for track, encode in zip(subtitles, texts, strict=True):
            packets += [(event[0], encode(event)) for event in track.events]
        for _, packet in sorted(packets, key=lambda item: item[0]):
            output.mux_one(packet)
    return path


def samples(path: Path) -> NDArray[np.int16]:
    """Of the first sound track, 16 bits each, channels in turn."""
    with av.open(str(path)) as file:
        track = file.streams.audio[0]
        to = av.AudioResampler(format="s16", layout=track.codec_context.layout, rate=track.rate)
        parts = [part.to_ndarray() for frame in file.decode(track) for part in to.resample(frame)]
    return np.concatenate(parts, axis=1)[0]


def silence(path: Path) -> None:
    """Take all packets of a transport stream's second track away: it is announced, and nothing comes."""
    data = path.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    path.write_bytes(b"".join(p for p in packets if p[1] & 0x1F != 1 or p[2] != 1))


def png(*, height: int = 32, width: int = 32) -> bytes:
    """A small picture file."""
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = width, height, "rgb24"
    context.time_base = Fraction(1, 25)
    packets = context.encode(planar_frame(3, height=height, width=width, layout="rgb24"))
    return bytes((packets or context.encode(None))[0])


def _add_sound(output: OutputContainer, track: Sound) -> av.AudioStream:
    stream = output.add_stream(track.codec, rate=track.rate)
    stream.codec_context.layout = track.layout
    if track.form:
        stream.codec_context.format = track.form
    if track.bit_rate:
        stream.codec_context.bit_rate = track.bit_rate
    stream.metadata.update(track.metadata)
    if track.disposition is not None:
        stream.disposition = track.disposition
    return stream


def _sound_packets(track: Sound, stream: av.AudioStream) -> list[tuple[float, Packet]]:
    layout = stream.codec_context.format.name
    size = stream.codec_context.frame_size or 1024
    packets: list[Packet] = []
    total = round(track.seconds * track.rate)
    for at in range(0, total, size):
        tone = np.sin(np.arange(at, at + size) * (2 * np.pi * track.hertz / track.rate)) * 0.2
        if layout in ("s16", "s16p"):
            samples = (tone * 32767).astype(np.int16)[None]
        elif layout in ("s32", "s32p"):
            samples = (tone * 2**31).astype(np.int32)[None]
        else:
            samples = tone.astype(np.float32)[None]
        if (channels := stream.codec_context.channels) > 1:
            planar = layout.endswith("p")
            samples = np.repeat(samples, channels, axis=0 if planar else 1)
        frame = av.AudioFrame.from_ndarray(samples, format=layout, layout=track.layout)
        frame.sample_rate = track.rate
        frame.pts = at + round(track.start * track.rate)
        frame.time_base = Fraction(1, track.rate)
        packets += stream.encode(frame)
    packets += stream.encode(None)
    return [(float(p.dts * p.time_base), p) for p in packets]


def _add_subtitle(output: OutputContainer, track: Subtitle) -> Callable[[tuple[float, float, str]], Packet]:
    stream = output.add_stream(track.codec)
    tick = Fraction(1, 1000)
    stream.time_base = stream.codec_context.time_base = tick
    stream.metadata.update(track.metadata)
    if track.codec == "dvdsub":
        stream.codec_context.extradata = b"size: 64x48\npalette: " + b", ".join([b"000000"] * 16) + b"\n"
    else:
        stream.codec_context.subtitle_header = _ass_header()

    def encode(event: tuple[float, float, str]) -> Packet:
        start, end, text = event
        data = text.encode()
        if track.codec == "mov_text":
            data = len(data).to_bytes(2, "big") + data
        elif track.codec == "ass":
            data = b"0,0,Default,,0,0,0,," + data
        packet = Packet(data)
        packet.stream = stream
        packet.time_base = tick
        packet.pts = packet.dts = round(start * 1000)
        packet.duration = round((end - start) * 1000)
        packet.is_keyframe = True
        return packet

    return encode


def _ass_header() -> bytes:
    styles = "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic"
    more = "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment"
    lines = (
        "[Script Info]",
        "ScriptType: v4.00+",
        "",
        "[V4+ Styles]",
        f"Format: {styles}, {more}, MarginL, MarginR, MarginV, Encoding",
        "Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1",
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
        "",
    )
    return "\r\n".join(lines).encode()


def _add_cover(output: OutputContainer, cover: bytes, packets: list[tuple[float, Packet]]) -> None:
    if output.format.name == "matroska":
        output.add_attachment("cover.png", "image/png", cover)
        return
    stream = output.add_mux_stream("png", width=32, height=32)
    stream.time_base = Fraction(1, 90_000)
    stream.disposition = av.stream.Disposition.attached_pic
    packet = Packet(cover)
    packet.stream = stream
    packet.time_base = stream.time_base
    packet.pts = packet.dts = 0
    packet.is_keyframe = True
    packets.append((-10.0, packet))
