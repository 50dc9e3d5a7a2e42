"""Whether NVDEC decodes here: seen by decoding one frame."""

import io

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.error import FFmpegError

from streamllie.video.opening import reason

SIDE = 256  # pixels: hardware decoders refuse very small frames


def probe_nvdec() -> str | None:
    """Why NVDEC does not decode H.264 here, or None. Software is not allowed to step in."""
    if "cuda" not in hwdevices_available():
        return "it is not in this build of libav"
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(SIDE, SIDE, "yuv420p")))
        container.mux(stream.encode(None))
    file.seek(0)
    try:
        with av.open(file, "r", hwaccel=HWAccel("cuda", allow_software_fallback=False)) as container:
            next(iter(container.decode(video=0)))
    except (FFmpegError, RuntimeError, NotImplementedError) as error:
        return reason(error) if isinstance(error, FFmpegError) else str(error)
    return None
