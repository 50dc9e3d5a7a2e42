"""Memory and time: a start in the middle, the frame rate, and no memory at all."""

from fractions import Fraction

import av
import numpy as np
import pytest

from streamllie import enhance_video
from streamllie.backends import open_engine
from streamllie.enhance import Steady
from streamllie.errors import SourceError
from streamllie.frame import Frame, VideoFormat
from streamllie.shelf import find
from streamllie.temporal.policy import Smoothing
from streamllie.video import VideoSource
from tests.media import HEIGHT, RATE, WIDTH, make_video

pytestmark = pytest.mark.usefixtures("opens_fast")


def dark_scene(light: float) -> np.ndarray:
    """A still of boxes in some light, (HEIGHT, WIDTH) video levels."""
    rng = np.random.default_rng(4)
    still = np.full((HEIGHT, WIDTH), 0.3)
    for _ in range(20):
        top, left, size = rng.integers(0, HEIGHT), rng.integers(0, WIDTH), rng.integers(3, 20)
        still[top : top + size, left : left + size] = rng.uniform()
    return (16 + 219 * light * still).round().clip(0, 255).astype(np.uint8)


def dusk(seconds: float) -> np.ndarray:
    """The same in a light that changes all the time, so that a memory of it matters."""
    return dark_scene(0.08 + 0.05 * np.sin(4 * seconds) + 0.03 * np.sin(13 * seconds))


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    """Four seconds with a lamp that swings, and irregular times."""
    pts = [2 * n + n % 3 // 2 for n in range(98)]
    unit = Fraction(1, 2 * RATE)
    frames = [av.VideoFrame.from_ndarray(dusk(float(t * unit)), format="gray").reformat(format="yuv420p") for t in pts]
    path = tmp_path_factory.mktemp("evening") / "evening.mkv"
    return make_video(path, codec="libx264", options={"crf": "1", "g": "25"}, pictures=frames, pts=pts, time_base=unit)


def lumas(path) -> dict[Fraction, np.ndarray]:
    """The luma codes of a video by their time."""
    with VideoSource(path) as source:
        return {frame.time: frame.y.astype(int) for frame in source}


def farthest(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a - b).max())


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_a_start_in_the_middle_gives_the_frames_of_the_whole_run(evening, tmp_path, smoothing):
    start = Fraction("3.2")
    enhance_video(evening, tmp_path / "whole.mkv", smoothing=smoothing, codec="ffv1", precision="fp32")
    report = enhance_video(
        evening, tmp_path / "part.mkv", smoothing=smoothing, codec="ffv1", precision="fp32", start=float(start)
    )
    whole, part = lumas(tmp_path / "whole.mkv"), lumas(tmp_path / "part.mkv")
    assert report.frames == len(part) == sum(time >= start for time in whole)
    for time, luma in part.items():
        assert farthest(luma, whole[time + start]) <= 1  # a rounding may tip


def test_without_the_frames_before_it_the_first_would_look_otherwise(evening):
    """Or the test above would prove nothing."""
    with VideoSource(evening) as source, VideoSource(evening, start=3.2) as late:
        whole, part = list(source), list(late)
        engine = open_engine(find("lite"), source.format, precision="fp32")
        with engine:
            steady = Steady(engine, source.format, Smoothing(0.5), strength=1.0)
            full = [steady(frame) for frame in whole][-len(part)]
            steady.forget()
            assert farthest(steady(part[0]).y.astype(int), full.y.astype(int)) > 1


def test_the_run_up_ends_before_the_start_and_is_not_counted(evening):
    with VideoSource(evening, start=1.0, duration=0.2) as source:
        before = [frame.time for frame in source.run_up(0.5)]
        chosen = [frame.time for frame in source]
    assert before == sorted(before)
    assert 0.5 <= before[0] < 0.58
    assert 0.92 < before[-1] < 1.0 <= chosen[0]
    assert source.frames_read == len(chosen)
    assert source.notes == []


@pytest.mark.parametrize("start", [None, 0.0])
def test_the_beginning_of_a_file_has_no_run_up(evening, start):
    with VideoSource(evening, start=start) as source:
        assert list(source.run_up(1.0)) == []


def test_a_run_up_longer_than_what_is_there_begins_with_the_file(evening):
    with VideoSource(evening, start=0.4) as source:
        assert next(frame.time for frame in source.run_up(60)) == 0


def test_a_gap_before_the_start_is_an_empty_run_up(tmp_path):
    video = make_video(tmp_path / "gap.mkv", pts=[0, 1, 2, 200, 201, 202, 203, 204, 205, 206])
    with VideoSource(video, start=8.0) as source:
        assert list(source.run_up(1.0)) == []
        assert len(list(source)) == 7


def test_what_the_run_up_meets_is_told_once(tmp_path, caplog):
    video = make_video(tmp_path / "rgb.mkv", codec="ffv1", layout="yuv444p", frames=40)
    enhance_video(video, tmp_path / "day.mkv", start=1.2)
    assert [record.getMessage() for record in caplog.records if "4:2:0" in record.getMessage()] == [
        "rgb.mkv: converted from yuv444p to 4:2:0 (yuv420p)"
    ]


def test_a_start_after_the_end_is_still_refused(evening, tmp_path):
    with pytest.raises(SourceError, match="no frame in the chosen span"):
        enhance_video(evening, tmp_path / "none.mkv", start=60)


def enhanced(rate: int, *, smoothing: float, seconds: float = 1.5) -> dict[Fraction, Frame]:
    """The same scene at a frame rate, by time."""
    format = VideoFormat(height=HEIGHT, width=WIDTH)
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    with open_engine(find("lite"), format, precision="fp32") as engine:
        steady = Steady(engine, format, Smoothing(smoothing), strength=1.0)
        frames = [
            Frame(y=dusk(n / rate), u=grey, v=grey, pts=n, time_base=Fraction(1, rate))
            for n in range(round(seconds * rate))
        ]
        return {frame.time: steady(frame) for frame in frames}


def test_a_scene_looks_the_same_at_15_30_and_60_frames_per_second():
    """The memory fades alike; what it averages over is sampled more coarsely at a lower rate."""
    by_rate = {rate: enhanced(rate, smoothing=0.5) for rate in (15, 30, 60)}
    single = enhanced(15, smoothing=0.0)
    memory = [np.abs(by_rate[60][t].y - single[t].y.astype(float)).mean() for t in by_rate[15]]
    for rate, usual, most in ((15, 2, 9), (30, 1.5, 5)):
        apart = [np.abs(by_rate[rate][t].y - by_rate[60][t].y.astype(float)).mean() for t in by_rate[15]]
        assert np.mean(apart) < usual
        assert np.mean(apart) < np.mean(memory) / 4  # or the rates would agree for want of any memory
        assert max(apart) < min(most, max(memory) / 3)  # where the light comes back from nothing


def test_without_smoothing_every_frame_of_a_video_is_the_picture_alone_bit_for_bit():
    stream = enhanced(15, smoothing=0.0, seconds=0.5)
    with open_engine(find("lite"), VideoFormat(height=HEIGHT, width=WIDTH), precision="fp32") as engine:
        for time, frame in stream.items():
            engine.reset()
            grey = np.full(frame.u.shape, 128, np.uint8)
            alone = engine(Frame(y=dusk(float(time)), u=grey, v=grey, pts=0, time_base=Fraction(1, 15)))
            assert (alone.y == frame.y).all()
            assert (alone.u == frame.u).all()
            assert (alone.v == frame.v).all()
