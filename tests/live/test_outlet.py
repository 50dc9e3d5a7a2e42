"""What a live stream is written into: a file that gets its name."""

from contextlib import nullcontext
from fractions import Fraction

import pytest

from streamllie.ahead import Stop
from streamllie.frame import Frame, VideoFormat
from streamllie.video.outlet import Outlet, Target
from tests.live.peers import pictures
from tests.media import picture


@pytest.mark.parametrize("failure", [None, KeyboardInterrupt, RuntimeError])
def test_a_recording_gets_its_name_unless_the_run_failed(tmp_path, failure):
    format = VideoFormat(height=48, width=64, rate=Fraction(25))
    target = Target.of(str(tmp_path / "day.mkv"))
    with (
        pytest.raises(failure) if failure is not None else nullcontext(),
        Outlet(target, format, stop=Stop()) as outlet,
    ):
        for n in range(10):
            y, u, v = picture(n)
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25)), at=Fraction(n, 25))
        if failure is not None:
            raise failure
    named = "day.partial.mkv" if failure is RuntimeError else "day.mkv"
    assert [path.name for path in tmp_path.iterdir()] == [named]
    assert len(pictures(tmp_path / named)) == 10
