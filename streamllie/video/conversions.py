"""What of a video's pictures is not passed on, or not understood: a sentence for each thing, from its first frame."""

from collections.abc import Iterator

import av
from av.video.stream import VideoStream

from streamllie.frame import VideoFormat
from streamllie.video.planes import BT709, DEPTHS, PLANAR, has_alpha, is_rgb
from streamllie.video.tags import side_data

LOST_SIDE_DATA = {
    "A53_CC": "closed caption text",
    "MASTERING_DISPLAY_METADATA": "HDR mastering metadata",
    "CONTENT_LIGHT_LEVEL": "HDR light levels (MaxCLL, MaxFALL)",
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
    "SPHERICAL": "360-degree (spherical) metadata",
    "STEREO3D": "3D (stereoscopic) metadata",
}
PQ = 16  # of transfer curves in ITU-T H.273: SMPTE ST 2084
UNSAID = {0, 2}  # of primaries, curve and matrix: reserved or RGB, and unspecified


def conversions(stream: VideoStream, first: av.VideoFrame, format: VideoFormat) -> Iterator[str]:
    """What becomes another, or is lost, or is unlike what models learned from."""
    pixels = first.format
    if (has_alpha(pixels) and not pixels.has_palette and not _is_opaque_gif(stream, first)) or (
        stream.metadata.get("alpha_mode") == "1"
    ):
        yield "transparency (alpha) is dropped"
    if pixels.name not in DEPTHS:
        how = ""
        if is_rgb(pixels):
            how = " as BT.709" if format.matrix == BT709 else " as BT.601"
        yield f"converted from {pixels.name} to 4:2:0 ({PLANAR[format.depth]}){how}"
    data = side_data(first)
    for kind, name in LOST_SIDE_DATA.items():
        if data.get(kind) is not None:
            yield f"{name} of the video is dropped"
    if format.transfer == PQ:
        yield "HDR in PQ is handled as ordinary video is, and comes out far too bright: convert it to SDR first"


def has_other_colours(frame: av.VideoFrame, format: VideoFormat) -> bool:
    """Whether a frame says something else of its colours than the format does."""
    said = (frame.color_primaries, frame.color_trc, frame.colorspace)
    known = (format.primaries, format.transfer, format.matrix)
    return not is_rgb(frame.format) and any(
        int(a) != b and not {int(a), b} & UNSAID for a, b in zip(said, known, strict=True)
    )


def _is_opaque_gif(stream: VideoStream, first: av.VideoFrame) -> bool:
    """libav reads every gif as one with transparency."""
    return stream.codec_context.name == "gif" and bool((first.to_ndarray(format="bgra")[:, :, 3] == 255).all())
