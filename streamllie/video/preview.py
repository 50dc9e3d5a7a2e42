"""Frames as RGB, for a screen."""

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from streamllie.frame import Frame, VideoFormat
from streamllie.video.planes import MATRICES, PLANAR, fill, rgb_matrix


class Preview:
    """Turns frames into RGB, as players do. Remembers one picture, which is filled again and again."""

    def __init__(self) -> None:
        self._swscale = VideoReformatter()
        self._native: av.VideoFrame | None = None

    def rgb(self, frame: Frame, format: VideoFormat) -> NDArray[np.uint8]:
        """The picture, (H, W, 3) uint8."""
        height, width = frame.y.shape
        layout = PLANAR[format.depth]
        native = self._native
        if native is None or (native.height, native.width, native.format.name) != (height, width, layout):
            native = self._native = av.VideoFrame(width, height, layout)
        fill(native, frame.y, frame.u, frame.v)
        picture = self._swscale.reformat(
            native,
            format="rgb24",
            src_colorspace=MATRICES.get(format.matrix, MATRICES[rgb_matrix(height)]),
            src_color_range=ColorRange.JPEG if format.full_range else ColorRange.MPEG,
        )
        return np.asarray(picture.to_ndarray(), np.uint8)
