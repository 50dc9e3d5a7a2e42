"""Frames in another shape: sizes, depth, halves, mirrors and splits."""

from fractions import Fraction

import numpy as np
import pytest

from streamllie.frame import Frame, VideoFormat
from streamllie.live.notice import with_notice
from streamllie.live.shape import composed, fitted, mirrored, with_half
from tests.media import picture


def frame(*, height: int = 48, width: int = 64, depth: int = 8) -> Frame:
    y, u, v = picture(3, height=height, width=width, depth=depth)
    return Frame(y=y, u=u, v=v, pts=7, time_base=Fraction(1, 30))


def test_half_the_size_and_back_loses_no_detail_of_a_picture_that_is_not_changed():
    for given in (frame(), frame(height=47, width=63), frame(depth=10)):
        same = with_half(given, lambda small: small, peak=1023)
        assert np.abs(same.y.astype(int) - given.y).max() <= 1  # rounding of the sum
        assert same.y.dtype == given.y.dtype
        assert same.pts == given.pts


def test_half_the_size_hands_over_half_the_size():
    seen = []
    with_half(frame(), lambda small: (seen.append(small.y.shape), small)[1], peak=255)
    assert seen == [(24, 32)]


def test_half_the_size_stays_within_the_codes_of_deep_video():
    given = frame(depth=10)
    white = with_half(given, lambda small: small.with_planes(small.y * 0 + 1023, small.u, small.v), peak=1023)
    assert white.y.max() == 1023


@pytest.mark.parametrize("to", [8, 10, 12])
@pytest.mark.parametrize("depth", [8, 10, 12])
def test_frames_fit_the_size_and_depth_of_a_target(depth, to):
    given = frame(depth=depth)
    format = VideoFormat(height=36, width=48, depth=to)
    out = fitted(given, VideoFormat(height=48, width=64, depth=depth), format)
    assert (out.y.shape, out.u.shape) == ((36, 48), (18, 24))
    assert out.y.dtype == (np.uint8 if to == 8 else np.uint16)
    assert abs(out.y.mean() / 2 ** (to - 8) - given.y.mean() / 2 ** (depth - 8)) < 1
    assert abs(out.u.mean() / 2 ** (to - 8) - given.u.mean() / 2 ** (depth - 8)) < 1


def test_a_picture_of_another_shape_stands_between_black_bars():
    upright = frame(height=64, width=36)
    out = fitted(upright, VideoFormat(height=64, width=36), VideoFormat(height=48, width=64))
    assert (out.y.shape, out.u.shape) == ((48, 64), (24, 32))
    assert set(out.y[:, :18].flat) | set(out.y[:, -18:].flat) == {16}
    assert set(out.u[:, :9].flat) == {128}
    assert abs(out.y[:, 20:44].mean() - upright.y.mean()) < 2
    wide = fitted(frame(), VideoFormat(height=48, width=64), VideoFormat(height=48, width=48))
    assert set(wide.y[:6].flat) == {16}
    assert wide.y[10:38].min() > 16


def test_the_shape_of_pixels_counts():
    given = frame(height=48, width=60)
    anamorphic = VideoFormat(height=48, width=60, sample_aspect_ratio=Fraction(16, 15))
    out = fitted(given, anamorphic, VideoFormat(height=48, width=64))
    assert out.y[:, 0].min() > 16, "there are no bars: it has the target's shape"


@pytest.mark.parametrize("depth", [8, 12])
def test_black_white_and_grey_keep_their_meaning_between_full_and_limited_levels(depth):
    full, limited = (VideoFormat(height=2, width=2, depth=d, full_range=f) for d, f in ((depth, True), (8, False)))
    kind = np.uint8 if depth == 8 else np.uint16
    y = np.array([[0, full.levels.peak], [full.levels.peak, 0]], kind)
    grey = np.full((1, 1), full.levels.neutral, kind)
    there = fitted(Frame(y=y, u=grey, v=grey, pts=0, time_base=Fraction(1, 30)), full, limited)
    assert there.y.tolist() == [[16, 235], [235, 16]]
    assert there.u.tolist() == there.v.tolist() == [[128]]
    back = fitted(there, limited, full)
    assert back.y.tolist() == y.tolist()
    below = there.with_planes(there.y * 0, there.u, there.v)
    assert fitted(below, limited, full).y.max() == 0, "codes below black wrapped around"


def test_a_mirror_swaps_left_and_right_and_twice_is_nothing():
    given = frame()
    assert np.array_equal(mirrored(given).y[:, 0], given.y[:, -1])
    assert np.array_equal(mirrored(mirrored(given)).v, given.v)


def test_a_split_shows_before_on_the_left_and_after_on_the_right():
    before = frame()
    after = before.with_planes(before.y + 100, before.u, before.v)
    both = composed(before, after, 0.5)
    assert np.array_equal(both.y[:, :32], before.y[:, :32])
    assert np.array_equal(both.y[:, 32:], after.y[:, 32:])
    assert composed(before, after, None) is after
    assert np.array_equal(composed(before, after, 0.0).y, after.y)
    assert np.array_equal(composed(before, after, 1.0).y, before.y)
    assert not np.array_equal(after.y[:, :32], before.y[:, :32]), "the frame itself was painted over"


def test_a_notice_is_written_into_a_copy():
    given = frame(height=240, width=320)
    untouched = given.y.copy()
    told = with_notice(given, "the camera gave no picture for 3 s; trying again", VideoFormat(height=240, width=320))
    assert np.array_equal(given.y, untouched)
    assert np.array_equal(told.y[:200], given.y[:200])
    assert (told.y[-20:] > 150).sum() > 50
