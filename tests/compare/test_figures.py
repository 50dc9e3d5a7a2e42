"""Brightness, flicker and likeness, of videos whose figures are known."""

import numpy as np
import pytest

from streamllie.compare.figures import BEST, Figures
from streamllie.compare.pairs import Together
from tests.compare.conftest import shot
from tests.media import make_video


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
