"""The stage between a live source and the view: which frames are enhanced, and with what time."""

import time
from fractions import Fraction

import numpy as np
import pytest

from streamllie.frame import Frame, VideoFormat
from streamllie.live.pace import Pace
from streamllie.live.stage import STALE, Controls, Stage
from streamllie.shelf import find
from streamllie.video.liveframes import Shot
from tests.media import picture

FORMAT = VideoFormat(height=48, width=64)


def shot(n: int, *, captured: float) -> Shot:
    y, u, v = picture(n, height=48, width=64)
    frame = Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 30))
    return Shot(frame=frame, format=FORMAT, captured=captured)


def stage(*, waits: bool = False) -> Stage:
    return Stage(find("lite"), Controls(always=True), Pace(), backend="onnxruntime", precision="fp32", waits=waits)


@pytest.mark.parametrize("waits", [False, True])
def test_time_never_runs_backwards_when_frames_waited_for_the_engine(waits):
    """The first frame opens the run at the time it can be shown; one that came while it waited was captured before
    that. A browser that gets such a pair shows the first picture for ever.
    """
    long_ago = time.perf_counter() - 10 * STALE

    def shots():
        yield shot(0, captured=long_ago)
        yield shot(1, captured=long_ago + 1 / 30)
        yield shot(2, captured=time.perf_counter())

    under_test = stage(waits=waits)
    shown = list(under_test.of(shots()))
    assert [picture.before.y[0, 0] for picture in shown] == [shot(n, captured=0.0).frame.y[0, 0] for n in (0, 2)]
    first = shown[0].before.pts
    assert first == 0 if waits else first >= 10 * STALE * 30, "a stream goes on meanwhile, a file does not"
    assert shown[0].captured < shown[1].captured
    assert under_test.skipped == 1


def test_black_bars_do_not_make_a_well_lit_picture_dark():
    y = np.full((96, 128), 16, np.uint8)
    y[24:-24] = np.linspace(120, 200, 128, dtype=np.uint8)
    grey = np.full((48, 64), 128, np.uint8)
    format = VideoFormat(height=96, width=128)

    began = time.perf_counter() + 60  # none is too old

    def shots():
        for n in range(90):
            frame = Frame(y=y, u=grey, v=grey, pts=n, time_base=Fraction(1, 30))
            yield Shot(frame=frame, format=format, captured=began + n / 30)

    *_, last = Stage(find("lite"), Controls(), Pace(), backend="onnxruntime", precision="fp32").of(shots())
    assert last.after is last.before
