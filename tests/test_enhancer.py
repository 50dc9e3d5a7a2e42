"""Enhancer, with the real model and pictures in memory."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from streamllie import Enhancer, enhancer
from streamllie.enhancer import SIZES
from streamllie.errors import BackendError

pytestmark = pytest.mark.usefixtures("opens_fast")


def test_a_dark_picture_comes_out_brighter_in_its_own_size(dark_rgb):
    with Enhancer() as enhance:
        bright = enhance(dark_rgb)
    assert bright.shape == dark_rgb.shape
    assert bright.dtype == np.uint8
    assert bright.mean() > 1.5 * dark_rgb.mean()


@pytest.mark.parametrize(("height", "width"), [(72, 96), (71, 95), (16, 16)])
def test_no_strength_gives_the_very_same_picture(dark_rgb, height, width):
    with Enhancer(strength=0.0) as enhance:
        assert (enhance(dark_rgb[:height, :width]) == dark_rgb[:height, :width]).all()


def test_without_smoothing_every_picture_is_on_its_own(dark_rgb):
    with Enhancer(precision="fp32") as enhance:
        first = enhance(dark_rgb)
        enhance(dark_rgb // 2)
        assert (enhance(dark_rgb) == first).all()


def test_with_smoothing_earlier_pictures_matter_until_reset(dark_rgb):
    with Enhancer(smoothing=1.0, precision="fp32") as enhance:
        first = enhance(dark_rgb)
        for _ in range(5):
            enhance(dark_rgb // 2)
        assert (enhance(dark_rgb) != first).any()
        enhance.reset()
        assert (enhance(dark_rgb) == first).all()


def test_with_smoothing_a_picture_a_minute_later_is_a_first_one(dark_rgb):
    with Enhancer(smoothing=1.0, precision="fp32") as enhance:
        first = enhance(dark_rgb, time=0.0)
        for time in (float("nan"), float("inf"), "1"):
            with pytest.raises(ValueError, match=f"the time of a picture is {time!r}"):
                enhance(dark_rgb, time=time)
        enhance(dark_rgb // 2, time=0.04)
        assert (enhance(dark_rgb, time=60.0) == first).all()


def test_an_engine_is_opened_once_for_each_size_and_the_oldest_is_closed(dark_rgb, monkeypatch):
    opened = []

    def counted(model, format, **options):
        opened.append(format.width)
        return real(model, format, **options)

    real = enhancer.open_engine
    monkeypatch.setattr(enhancer, "open_engine", counted)
    with Enhancer() as enhance:
        for _ in range(3):
            enhance(dark_rgb)
            enhance(dark_rgb[:, :64])
        assert opened == [96, 64]
        for width in range(32, 32 + 2 * SIZES, 2):
            enhance(dark_rgb[:, :width])
        enhance(dark_rgb)
        assert opened[-1] == 96


def test_the_enhancer_says_what_runs(dark_rgb):
    with Enhancer(precision="fp32") as enhance:
        enhance(dark_rgb)
        assert enhance.backend != "auto"
        assert enhance.precision == "fp32"


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_what_is_no_picture_is_named(picture):
    with Enhancer() as enhance, pytest.raises(ValueError, match=r"a picture is \(H, W, 3\) uint8 RGB, not"):
        enhance(picture)


def test_threads_that_share_one_each_get_their_own_picture_back(dark_rgb):
    shades = [np.maximum(dark_rgb, level) for level in range(0, 160, 20)]
    with Enhancer(precision="fp32") as enhance:
        alone = [enhance(rgb) for rgb in shades]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(enhance, 4 * shades))
    assert all((a == b).all() for a, b in zip(4 * alone, together, strict=True))


def test_who_was_closed_is_not_opened_again(dark_rgb):
    with Enhancer() as enhance:
        enhance(dark_rgb)
    with pytest.raises(BackendError, match=r"this Enhancer is closed.*; make a new one"):
        enhance(dark_rgb)


def test_it_works_without_with(dark_rgb):
    assert Enhancer()(dark_rgb).mean() > dark_rgb.mean()


@pytest.mark.parametrize("copied", [copy.copy, lambda enhance: pickle.loads(pickle.dumps(enhance))])
def test_a_copy_has_the_same_settings_and_remembers_nothing(dark_rgb, copied):
    with Enhancer(smoothing=1.0, strength=0.5, precision="fp32") as enhance:
        first = enhance(dark_rgb)
        enhance(dark_rgb // 2)
        with copied(enhance) as other:
            assert (other(dark_rgb) == first).all()
        assert (enhance(dark_rgb) != first).any()


def test_pictures_of_each_size_have_a_clock_of_their_own(dark_rgb):
    """The times of one size must not end the sequence of another."""
    with Enhancer(smoothing=1.0, precision="fp32") as enhance, Enhancer(smoothing=1.0, precision="fp32") as alone:
        for rgb in (dark_rgb, dark_rgb // 2, dark_rgb):
            enhance(dark_rgb[:, :64], time=100.0)
            assert (enhance(rgb) == alone(rgb)).all()


def test_a_time_may_be_any_number(dark_rgb):
    with Enhancer(smoothing=0.5) as enhance:
        for time in (np.float32(2.5), np.int64(3), 4, True):
            enhance(dark_rgb, time=time)
        with pytest.raises(ValueError, match="the time of a picture is too large"):
            enhance(dark_rgb, time=10**400)


def test_engines_of_large_pictures_make_room_for_each_other(dark_rgb, monkeypatch):
    """What an engine takes grows with its pictures; the newest stays, however large."""
    monkeypatch.setattr(enhancer, "PIXELS", 2 * dark_rgb[..., 0].size)
    with Enhancer() as enhance:
        four = np.tile(dark_rgb, (2, 2, 1))
        for pictures, kept in ((dark_rgb, 1), (dark_rgb[:, :64], 2), (dark_rgb[:64], 2), (four, 1)):
            enhance(pictures)
            assert len(enhance._sequences) == kept
