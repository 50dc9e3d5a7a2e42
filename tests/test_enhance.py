"""enhance_video, with the real model and real files."""

import threading

import av
import numpy as np
import pytest

from streamllie import enhance_video
from streamllie.errors import (
    BackendError,
    ModelNotFound,
    OutputExists,
    SourceError,
    StreamLLIEError,
)
from streamllie.timing import Progress
from tests.media import FRAMES, HEIGHT, WIDTH, make_video, planar_frame

pytestmark = pytest.mark.usefixtures("opens_fast")


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


def test_the_first_picture_after_black_looks_as_if_it_were_the_first(tmp_path):
    """A second of black taught the memory that all is dark: the frames after it came out black."""
    pictures = [planar_frame(n) for n in range(12)]
    black = av.VideoFrame.from_ndarray(np.zeros((HEIGHT, WIDTH), np.uint8), format="gray").reformat(format="yuv420p")
    after, alone = tmp_path / "after.mkv", tmp_path / "alone.mkv"
    wish = {"codec": "ffv1", "precision": "fp32"}
    with_black = [black] * 24 + pictures
    enhance_video(make_video(tmp_path / "a.mkv", codec="ffv1", pictures=with_black, frames=36), after, **wish)
    enhance_video(make_video(tmp_path / "b.mkv", codec="ffv1", pictures=pictures, frames=12), alone, **wish)
    assert all(luma.mean() < 16.5 for luma in lumas(after)[:24])
    assert all((a == b).all() for a, b in zip(lumas(after)[24:], lumas(alone), strict=True))


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
