"""Write a notice into a picture, for those who see only the stream."""

import cv2
import numpy as np

from streamllie.frame import Frame, VideoFormat

LINE = 0.045  # share of the picture's height that a line of letters takes
DARK, LIGHT = 0.1, 0.9  # of the range of luma


def with_notice(frame: Frame, text: str, format: VideoFormat) -> Frame:
    """The frame with a dark bar at the bottom and the text in it."""
    height, width = frame.y.shape
    line = max(10, round(LINE * height))
    y = frame.y.copy()
    levels = format.levels
    bar = y[height - 2 * line :]
    bar[:] = levels.black + round(DARK * levels.luma_range)
    drawn = np.zeros(bar.shape, np.uint8)
    scale = line / 30
    words = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0]
    scale *= min(1.0, (width - line) / max(1, words[0]))
    place = (line // 2, round(1.35 * line))
    cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), 1, cv2.LINE_AA)
    bar[drawn > 127] = levels.black + round(LIGHT * levels.luma_range)
    return frame.with_planes(y, frame.u, frame.v)
