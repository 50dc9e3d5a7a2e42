"""Brightness, flicker and likeness, of videos whose figures are known."""

import av
import numpy as np
import pytest

from streamllie.compare.figures import BEST, Figures
from streamllie.compare.pairs import Together
from streamllie.frame import turned
from streamllie.video import VideoSource
from tests.compare.conftest import shot
from tests.media import HEIGHT, WIDTH, make_video


def measured(*paths, reference: bool = False) -> Figures:
    with Together(*paths) as videos:
        figures = Figures(videos.formats, reference=reference)
        for moment in videos:
            figures.add(moment)
    return figures


def test_brightness_is_mean_luma_of_255(dark, bright):
    figures = measured(dark, bright)
    assert figures.brightness(0) == pytest.approx(0.1 * 0.4 * 255, abs=0.3)
    assert figures.brightness(1).mean() == pytest.approx(0.4 * 255, abs=0.5)


def test_a_light_that_alternates_by_two_percent_is_a_flicker_of_two_percent(dark, bright):
    figures = measured(dark, bright)
    assert figures.flicker(0).whole == 0
    assert figures.flicker(1).whole == pytest.approx(0.02 * 0.4 * 255, rel=0.1)
    assert figures.flicker(1).cell > figures.flicker(1).whole


def test_a_light_that_changes_slowly_is_no_flicker(tmp_path):
    slow = shot(tmp_path / "slow.mkv", lambda n: 0.5 + n / 200, frames=50)
    assert measured(slow, slow).flicker(0).whole < 0.05 * np.ptp(measured(slow, slow).brightness(0))


def test_flicker_is_about_half_a_second_whatever_the_rate_is_later(tmp_path):
    pulse = [1 + 0.3 * np.sin(n / 2) if n < 25 else 1.0 for n in range(40)]
    even = shot(tmp_path / "even.mkv", lambda n: pulse[n], frames=40)
    pts = [*range(25), *range(30, 30 + 15 * 25, 25)]  # then one frame a second
    sparse = shot(tmp_path / "sparse.mkv", lambda n: pulse[n], frames=40, pts=pts)
    fast, other = (measured(path, path).fast(0)[:18] for path in (even, sparse))
    assert np.ptp(fast) > 30
    assert other == pytest.approx(fast, abs=0.01)


def test_a_cut_is_no_flicker(tmp_path):
    cut = shot(tmp_path / "cut.mkv", lambda n: 0.3 + 0.6 * (n >= 10), cut=10)
    figures = measured(cut, cut)
    assert figures.cuts == [10]
    assert figures.flicker(0).whole == pytest.approx(0, abs=1e-6)


def test_likeness_and_flicker_are_measured_against_a_reference(tmp_path, dark, bright):
    truth = shot(tmp_path / "truth.mkv", lambda n: 1.0)
    figures = measured(dark, bright, truth, reference=True)
    assert figures.psnr(0).mean() < 10
    assert 30 < figures.psnr(1).mean() < BEST
    assert figures.flicker_to_reference(1).whole == pytest.approx(0.02 * 0.4 * 255, rel=0.1)
    assert measured(dark, truth, truth, reference=True).psnr(1).tolist() == [BEST] * 20


@pytest.mark.parametrize(("rotation", "mirrored"), [(90, False), (180, False), (-90, True)])
def test_likeness_is_of_pictures_as_they_are_shown(tmp_path, rotation, mirrored):
    lying = make_video(tmp_path / "phone.mp4", rotation=rotation, mirrored=mirrored)
    with VideoSource(lying) as source:
        video, frames = source.format, list(source)
    upright = [
        np.concatenate([turned(p, video.rotation // 90 % 4, mirrored=video.mirrored).ravel() for p in (f.y, f.u, f.v)])
        for f in frames
    ]
    height, width = video.shown_size
    planes = [av.VideoFrame.from_ndarray(p.reshape(height * 3 // 2, width), format="yuv420p") for p in upright]
    standing = make_video(tmp_path / "tv.mkv", codec="ffv1", height=height, width=width, pictures=planes)
    figures = measured(lying, standing, standing, reference=True)
    assert figures.psnr(0).tolist() == [BEST] * len(frames)
    assert figures.flicker_to_reference(0).cell == 0


def test_what_is_blacker_than_black_is_black(tmp_path):
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT] = np.arange(WIDTH) % 16
    under = [av.VideoFrame.from_ndarray(planes, format="yuv420p")] * 5
    night = make_video(tmp_path / "night.mkv", codec="ffv1", pictures=under)
    figures = measured(night, night)
    assert figures.brightness(0).tolist() == [0] * 5
    assert figures.flicker(0).cell == 0


def test_without_a_reference_nothing_is_said_of_one(dark, bright):
    figures = measured(dark, bright)
    assert figures.psnr(0) is None
    assert figures.flicker_to_reference(0) is None


def test_ten_bits_have_the_brightness_of_eight(tmp_path):
    limited = make_video(tmp_path / "8.mkv", codec="ffv1")
    ten = make_video(tmp_path / "10.mkv", codec="ffv1", layout="yuv420p10le")
    figures = measured(limited, ten)
    assert figures.brightness(1) == pytest.approx(
        figures.brightness(0), abs=1
    )  # the picture of ten bits has fractions of a level


def test_one_frame_has_no_flicker(tmp_path):
    one = shot(tmp_path / "one.mkv", lambda n: 0.5, frames=1)
    assert measured(one, one).flicker(0).whole == 0
