"""Video files: the only place that decodes and encodes with av."""

from streamllie.video.sink import VideoSink
from streamllie.video.source import VideoSource

__all__ = ["VideoSink", "VideoSource"]
