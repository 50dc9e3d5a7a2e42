"""Before and after in one picture: halves, line, and videos that players turn."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from streamllie import enhance_video
from streamllie.cli import app
from streamllie.frame import Frame, VideoFormat
from streamllie.split import split, split_rgb
from streamllie.video import VideoSource
from tests.media import make_video

pytestmark = pytest.mark.usefixtures("opens_fast")


def flat(level: int, format: VideoFormat) -> Frame:
    half = ((format.height + 1) // 2, (format.width + 1) // 2)
    dtype = np.uint8 if format.depth == 8 else np.uint16
    return Frame(
        y=np.full((format.height, format.width), level, dtype),
        u=np.full(half, level, dtype),
        v=np.full(half, level, dtype),
        pts=3,
        time_base=Fraction(1, 30),
    )


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90, 270])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63), (1080, 1920)])
def test_what_was_is_on_the_left_of_the_upright_picture(rotation, mirrored, height, width):
    format = VideoFormat(height=height, width=width, rotation=rotation, mirrored=mirrored)
    joined = split(flat(20, format), flat(200, format), format)
    for plane in (joined.y, joined.u, joined.v):
        upright = np.rot90(plane, rotation // 90 % 4)
        upright = upright[:, ::-1] if mirrored else upright
        columns = upright.shape[1]
        assert (upright[:, : columns // 2 - columns // 20 - 1] == 20).all()
        assert (upright[:, columns // 2 + columns // 20 + 1 :] == 200).all()
        assert plane.shape in (joined.y.shape, joined.u.shape)
    assert joined.pts == 3


@pytest.mark.parametrize(("crooked", "rotation"), [(89, 90), (-91, -90), (2, 0), (-1, 0), (181, 180)])
def test_a_video_that_lies_a_little_crooked_is_turned_to_the_nearest_side(crooked, rotation):
    told, straight = (VideoFormat(height=48, width=64, rotation=degrees) for degrees in (crooked, rotation))
    assert told.shown_size == straight.shown_size
    picture = np.arange(48 * 64).reshape(48, 64)
    assert (told.upright(picture) == straight.upright(picture)).all()


@pytest.mark.parametrize(("depth", "full_range", "white"), [(8, False, 235), (8, True, 255), (10, False, 940)])
def test_the_line_is_thin_and_white_at_any_depth_and_range(depth, full_range, white):
    format = VideoFormat(height=36, width=64, depth=depth, full_range=full_range)
    joined = split(flat(20, format), flat(90, format), format)
    assert np.flatnonzero((joined.y == white).all(axis=0)).tolist() == [31, 32]
    assert (joined.u[:, 15:17] == format.levels.neutral).all()


def test_neither_frame_is_changed():
    format = VideoFormat(height=36, width=64)
    before, after = flat(20, format), flat(90, format)
    split(before, after, format)
    assert (before.y == 20).all()
    assert (after.y == 90).all()


def test_a_split_video_has_the_source_on_the_left_and_the_result_on_the_right(night, tmp_path):
    enhance_video(night, tmp_path / "day.mkv", codec="ffv1", precision="fp32")
    enhance_video(night, tmp_path / "both.mkv", codec="ffv1", precision="fp32", compare=True)
    with (
        VideoSource(night) as before,
        VideoSource(tmp_path / "day.mkv") as after,
        VideoSource(tmp_path / "both.mkv") as both,
    ):
        for dark, bright, joined in zip(before, after, both, strict=True):
            assert joined.time == pytest.approx(dark.time, abs=1e-3)
            assert (joined.y[:, :31] == dark.y[:, :31]).all()
            assert (joined.y[:, 33:] == bright.y[:, 33:]).all()
    with av.open(str(tmp_path / "both.mkv")) as file:
        assert len(file.streams.audio) == 1


def test_the_command_splits_videos_and_pictures(tmp_path, dark_rgb):
    video = make_video(tmp_path / "night.mkv", codec="ffv1")
    cv2.imwrite(str(tmp_path / "night.png"), dark_rgb)
    for name in ("night.mkv", "night.png"):
        done = CliRunner().invoke(
            app, ["enhance", "--compare", str(tmp_path / name), str(tmp_path / f"both-{name}"), "-q"]
        )
        assert done.exit_code == 0, done.output
    with VideoSource(video) as before, VideoSource(tmp_path / "both-night.mkv") as both:
        assert len(list(before)) == len(list(both))
    joined = cv2.imread(str(tmp_path / "both-night.png"))
    assert (joined[:, :46] == dark_rgb[:, :46]).all()
    assert joined[:, 50:].mean() > 1.5 * dark_rgb[:, 50:].mean()


def test_pictures_are_split_in_the_middle():
    joined = split_rgb(np.full((4, 40, 3), 10, np.uint8), np.full((4, 40, 3), 90, np.uint8))
    assert joined[0, :, 0].tolist() == [10] * 19 + [255] * 2 + [90] * 19
