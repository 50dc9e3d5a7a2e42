"""Video files: the only place that imports av."""

from streamllie.video.sink import VideoSink
from streamllie.video.source import VideoSource
from streamllie.video.target import check_target

__all__ = ["VideoSink", "VideoSource", "check_target"]
