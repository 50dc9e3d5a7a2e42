"""What video compression does to dark frames: H.264 and back, in memory."""

from collections.abc import Sequence

import av
import cv2

from training.planes import Rgb


def h264(frames: Sequence[Rgb], *, crf: int) -> list[Rgb]:
    """Encode frames of one size as a camera or a phone would, 4:2:0 at a constant rate factor, and decode them.

    A constant rate factor of 18 is hardly seen, 28 is a video call, 40 is blocks.
    """
    height, width = frames[0].shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = width, height, "yuv420p", 30
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(crf), "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    packets: list[av.Packet | None] = []
    for index, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        frame.pts = index
        packets += encoder.encode(frame)
    decoded = [frame for packet in [*packets, *encoder.encode(None), None] for frame in decoder.decode(packet)]
    return [cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2RGB_I420) for frame in decoded]
