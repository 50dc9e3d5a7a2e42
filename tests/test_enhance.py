"""enhance_video and Enhancer, with the real model and real files."""

import threading

import av
import numpy as np
import pytest

from streamllie import Enhancer, enhance_video
from streamllie.enhance import SIZES
from streamllie.errors import (
    BackendError,
    ModelNotFound,
    OutputExists,
    SourceError,
    StreamLLIEError,
)
from streamllie.timing import Progress
from tests.media import FRAMES, make_video


def lumas(path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def test_a_dark_video_comes_out_brighter_with_all_its_frames_and_its_sound(night, tmp_path):
    report = enhance_video(night, tmp_path / "day.mp4")
    before, after = lumas(night), lumas(tmp_path / "day.mp4")
    assert report.frames == len(after) == len(before) == FRAMES
    assert np.mean(after) > 1.5 * np.mean(before)
    with av.open(str(tmp_path / "day.mp4")) as container:
        assert len(container.streams.audio) == 1
    assert (report.model, report.output) == ("lite", str(tmp_path / "day.mp4"))
    assert report.backend in ("openvino", "onnxruntime", "eager")
    assert report.bitrate_ratio > 0


def test_no_strength_is_no_change(night, tmp_path):
    enhance_video(night, tmp_path / "same.mkv", strength=0.0, codec="ffv1")
    assert all((a == b).all() for a, b in zip(lumas(night), lumas(tmp_path / "same.mkv"), strict=True))


def test_progress_is_told_for_every_frame_in_order(night, tmp_path):
    told: list[Progress] = []
    enhance_video(night, tmp_path / "day.mp4", on_progress=told.append)
    assert [progress.frames for progress in told] == list(range(1, FRAMES + 1))
    assert told[0].estimate == FRAMES
    assert told[0].backend in ("openvino", "onnxruntime", "eager")


def test_start_and_duration_choose_frames_by_their_time(night, tmp_path):
    report = enhance_video(night, tmp_path / "part.mkv", start=0.12, duration=0.16, strength=0.0, codec="ffv1")
    assert report.frames == 4
    wanted = lumas(night)[3:7]
    assert all((a == b).all() for a, b in zip(wanted, lumas(tmp_path / "part.mkv"), strict=True))


def test_an_interrupt_names_the_playable_part_and_no_thread_stays(night, tmp_path):
    def interrupt(progress: Progress) -> None:
        if progress.frames == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        enhance_video(night, tmp_path / "day.mp4", on_progress=interrupt)
    assert caught.value.__notes__ == [f'the first 6 frames are in "{tmp_path / "day.partial.mp4"}"']
    assert len(lumas(tmp_path / "day.partial.mp4")) == 6
    assert not (tmp_path / "day.mp4").exists()
    assert [t for t in threading.enumerate() if t.name == "streamllie-ahead"] == []


def test_an_existing_output_is_refused_before_the_engine_is_opened(night, tmp_path):
    (tmp_path / "day.mp4").write_bytes(b"mine")
    with pytest.raises(OutputExists, match="--overwrite"):
        enhance_video(night, tmp_path / "day.mp4", backend="none such")
    assert (tmp_path / "day.mp4").read_bytes() == b"mine"


def test_a_failure_leaves_only_the_source(night, tmp_path):
    with pytest.raises(BackendError, match='no backend "abacus"'):
        enhance_video(night, tmp_path / "day.mp4", backend="abacus")
    assert [path.name for path in tmp_path.iterdir()] == ["night.mp4"]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"model": "huge"}, ModelNotFound, 'no model "huge"'),
        ({"strength": 1.5}, ValueError, r"strength is 1\.5; it must be between 0 and 1"),
        ({"strength": float("nan")}, ValueError, "strength is nan"),
        ({"cuda": "x"}, BackendError, 'no CUDA layer "x"; there are: auto, cuda-python, pycuda'),
        ({"smoothing": -1}, ValueError, "smoothing is -1; it must be between 0 and 1"),
        ({"precision": "int3"}, BackendError, 'no precision "int3"'),
        ({"codec": "cinepak"}, StreamLLIEError, 'no codec "cinepak"'),
    ],
)
def test_what_cannot_be_is_named(night, tmp_path, options, error, sentence):
    with pytest.raises(error, match=sentence):
        enhance_video(night, tmp_path / "day.mp4", **options)


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match="gone"):
        enhance_video(tmp_path / "gone.mp4", tmp_path / "day.mp4")


def test_smoothing_steadies_a_video_whose_light_flickers(tmp_path):
    """The same picture, every second frame darker: the exposure is evened out before the network sees it."""
    rng = np.random.default_rng(2)
    still = rng.integers(20, 60, (48, 64))
    frames = []
    for n in range(20):
        gray = (still * (1.0 if n % 2 else 0.7)).astype(np.uint8)
        frames.append(av.VideoFrame.from_ndarray(gray, format="gray").reformat(format="yuv420p"))
    night = make_video(tmp_path / "flicker.mkv", codec="ffv1", pictures=frames)
    swings = {}
    for smoothing in (0.0, 1.0):
        target = tmp_path / f"{smoothing}.mkv"
        enhance_video(night, target, smoothing=smoothing, codec="ffv1", precision="fp32")
        levels = [luma.mean() for luma in lumas(target)][4:]
        source = [luma.mean() for luma in lumas(night)][4:]
        swings[smoothing] = np.std(levels) / np.mean(levels) / (np.std(source) / np.mean(source))
    assert swings[1.0] < 0.1
    assert swings[1.0] < swings[0.0]


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
        for time in (float("nan"), float("inf")):
            with pytest.raises(ValueError, match=f"the time of a picture is {time}"):
                enhance(dark_rgb, time=time)
        enhance(dark_rgb // 2, time=0.04)
        assert (enhance(dark_rgb, time=60.0) == first).all()


def test_an_engine_is_opened_once_for_each_size_and_the_oldest_is_closed(dark_rgb, monkeypatch):
    from streamllie import enhance as module  # noqa: PLC0415

    opened = []

    def counted(model, format, **options):
        opened.append(format.width)
        return real(model, format, **options)

    real = module.open_engine
    monkeypatch.setattr(module, "open_engine", counted)
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
