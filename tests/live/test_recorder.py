"""A recording of what is shown, whatever becomes of it."""

from fractions import Fraction

import pytest

from streamllie.errors import OutputExists
from streamllie.frame import Frame, VideoFormat
from streamllie.live.recorder import Recorder
from streamllie.live.stage import Shown
from tests.media import picture

FORMAT = VideoFormat(height=48, width=64, rate=Fraction(25))


def test_a_recording_that_cannot_get_its_name_ends_and_says_so(tmp_path):
    recorder = Recorder(tmp_path / "day.mp4", FORMAT)
    with pytest.raises(OutputExists, match="made by another program"), recorder:
        for n in range(5):
            y, u, v = picture(n, height=48, width=64)
            frame = Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25))
            seen = Shown(
                before=frame, after=frame, format=FORMAT, captured=n / 25, work=0.0, mode="full", backend="none"
            )
            recorder.show(seen)
        (tmp_path / "day.mp4").write_bytes(b"another's")
    assert (tmp_path / "day.mp4").read_bytes() == b"another's"
