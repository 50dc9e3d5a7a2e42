"""One video, one picture, or a folder of both."""

import os

import cv2
import numpy as np
import pytest

from streamllie import stills
from streamllie.backends import open_engine
from streamllie.errors import ModelNotFound, OutputExists, SinkError, SourceError
from streamllie.files import Outcome, enhance_file, enhance_folder
from streamllie.stills import Still
from tests.media import FRAMES, make_video
from tests.models.echo import save_echo

pytestmark = pytest.mark.usefixtures("opens_fast")


@pytest.fixture
def folder(tmp_path, dark_rgb):
    """Two pictures, a video in a folder of its own, a text, a hidden file and two that are damaged."""
    source = tmp_path / "in"
    (source / "clips").mkdir(parents=True)
    stills.write(source / "a.png", Still(rgb=dark_rgb))
    stills.write(source / "b.jpg", Still(rgb=dark_rgb))
    make_video(source / "clips" / "c.mp4")
    (source / "notes.txt").write_text("not media")
    (source / ".hidden.png").write_bytes(b"")
    (source / "broken.mp4").write_bytes(b"not a video")
    (source / "broken.png").write_bytes(b"not a picture")
    return source


def test_a_target_that_is_a_link_to_itself_is_named_for_every_file(folder, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    failed = [outcome.failed for outcome in enhance_folder(folder, tmp_path / "loop") if not outcome.skipped]
    assert len(failed) == 5
    assert all(why.startswith(f'cannot make the folder "{tmp_path}/loop') for why in failed)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_comes_out_brighter(tmp_path, dark_rgb, suffix):
    stills.write(tmp_path / f"in{suffix}", Still(rgb=dark_rgb))
    report = enhance_file(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")
    assert stills.read(tmp_path / f"out{suffix}").rgb.mean() > 1.5 * dark_rgb.mean()
    assert report.frames == 1
    assert report.bitrate_ratio is None


def test_the_alpha_of_a_picture_is_kept(tmp_path, dark_rgb):
    alpha = np.arange(72 * 96, dtype=np.uint32).reshape(72, 96).astype(np.uint8)
    stills.write(tmp_path / "in.png", Still(rgb=dark_rgb, alpha=alpha))
    enhance_file(tmp_path / "in.png", tmp_path / "out.png")
    assert (stills.read(tmp_path / "out.png").alpha == alpha).all()


def test_a_grey_picture_stays_grey(tmp_path, dark_rgb):
    cv2.imwrite(str(tmp_path / "in.png"), dark_rgb[..., 0])
    enhance_file(tmp_path / "in.png", tmp_path / "out.png")
    assert cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED).shape == (72, 96)


def test_a_picture_with_no_strength_is_the_same_picture(tmp_path, dark_rgb):
    stills.write(tmp_path / "in.png", Still(rgb=dark_rgb))
    enhance_file(tmp_path / "in.png", tmp_path / "out.png", strength=0.0)
    assert (stills.read(tmp_path / "out.png").rgb == dark_rgb).all()


def test_every_option_of_the_engine_reaches_it_for_pictures_too(tmp_path, dark_rgb, monkeypatch):
    asked = {}

    def spy(model, format, **options):
        asked.update(options)
        return open_engine(model, format)

    monkeypatch.setattr("streamllie.enhancer.open_engine", spy)
    stills.write(tmp_path / "in.png", Still(rgb=dark_rgb))
    enhance_file(
        tmp_path / "in.png", tmp_path / "out.png", backend="tensorrt", precision="fp16", cuda="pycuda", overwrite=True
    )
    assert asked == {"backend": "tensorrt", "precision": "fp16", "cuda": "pycuda"}


@pytest.mark.parametrize(
    ("target", "error", "sentence"),
    [
        ("in.png", SinkError, "is the input itself"),
        ("taken.png", OutputExists, "--overwrite"),
        ("out.mp4", SinkError, "is a picture and cannot become"),
        ("nowhere/out.png", SinkError, "there is no folder"),
        (".", SinkError, "is a folder"),
    ],
)
def test_a_target_that_cannot_be_is_refused(tmp_path, dark_rgb, target, error, sentence):
    stills.write(tmp_path / "in.png", Still(rgb=dark_rgb))
    (tmp_path / "taken.png").write_bytes(b"mine")
    with pytest.raises(error, match=sentence):
        enhance_file(tmp_path / "in.png", tmp_path / target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "taken.png"]
    assert (tmp_path / "taken.png").read_bytes() == b"mine"


def test_a_video_does_not_become_a_picture(night, tmp_path):
    with pytest.raises(SinkError, match="cannot become"):
        enhance_file(night, tmp_path / "out.png")


def test_a_folder_goes_to_a_folder_and_one_bad_file_does_not_stop_the_rest(folder, tmp_path):
    told: list[Outcome] = []
    outcomes = enhance_folder(folder, tmp_path / "out", on_file=told.append)
    assert told == outcomes
    by_name = {str(outcome.source.relative_to(folder)): outcome for outcome in outcomes}
    done = {name: outcome.report.frames for name, outcome in by_name.items() if outcome.report}
    assert done == {"a.png": 1, "b.jpg": 1, "clips/c.mp4": FRAMES}
    assert [name for name, outcome in by_name.items() if outcome.skipped] == ["notes.txt"]
    failed = {name: outcome.failed for name, outcome in by_name.items() if outcome.failed}
    assert sorted(failed) == ["broken.mp4", "broken.png"]
    assert "broken.mp4" in failed["broken.mp4"]
    written = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert written == ["a.png", "b.jpg", "clips/c.mp4"]


def test_a_target_whose_name_is_too_long_is_one_sentence_for_each_file(folder, tmp_path):
    """It was called a mistake of ours."""
    outcomes = enhance_folder(folder, tmp_path / ("x" * 300))
    failed = [outcome.failed or "" for outcome in outcomes if not outcome.skipped]
    assert failed
    assert all("too long" in sentence for sentence in failed)


def test_a_target_inside_the_source_is_not_read(folder):
    enhance_folder(folder, folder / "bright")
    outcomes = enhance_folder(folder, folder / "bright", overwrite=True)
    assert not [outcome for outcome in outcomes if "bright" in outcome.source.parts]


def test_files_in_a_target_inside_the_source_that_nothing_was_made_of_are_named(folder, tmp_path, dark_rgb):
    (folder / "bright").mkdir()
    stills.write(folder / "bright" / "own.png", Still(rgb=dark_rgb))
    outcomes = {outcome.source.name: outcome for outcome in enhance_folder(folder, folder / "bright")}
    assert "move it out to have it enhanced" in str(outcomes["own.png"].skipped)
    assert outcomes["a.png"].report


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_target_around_the_source_costs_no_file_of_the_source(tmp_path, dark_rgb, overwrite):
    around, source = tmp_path / "films", tmp_path / "films" / "new"
    (source / "new").mkdir(parents=True)
    stills.write(source / "a.png", Still(rgb=dark_rgb))
    stills.write(source / "new" / "a.png", Still(rgb=dark_rgb))
    before = (source / "a.png").read_bytes()
    first, second = enhance_folder(source, around, overwrite=overwrite)
    assert first.report
    assert "would lie among the files to enhance; give a folder elsewhere" in str(second.failed)
    assert (source / "a.png").read_bytes() == before


def test_a_folder_again_does_what_is_left_and_replaces_nothing(folder, tmp_path):
    enhance_folder(folder, tmp_path / "out")
    before = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    (tmp_path / "out" / "b.jpg").unlink()
    outcomes = {outcome.target.name: outcome for outcome in enhance_folder(folder, tmp_path / "out")}
    assert [name for name, outcome in outcomes.items() if outcome.report] == ["b.jpg"]
    assert "exists; --overwrite replaces it" in str(outcomes["a.png"].skipped)
    assert "exists; --overwrite replaces it" in str(outcomes["c.mp4"].skipped)
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == before


def test_a_folder_whose_output_is_a_link_to_its_input_is_not_taken_for_done(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(folder / "a.png")
    outcomes = {outcome.target.name: outcome for outcome in enhance_folder(folder, tmp_path / "out")}
    assert "is the input itself" in str(outcomes["a.png"].failed)


def test_a_pipe_in_a_folder_fails_and_is_not_waited_for(folder, tmp_path):
    os.mkfifo(folder / "pipe.png")
    outcomes = {outcome.source.name: outcome for outcome in enhance_folder(folder, tmp_path / "out")}
    assert "is a pipe or a device" in str(outcomes["pipe.png"].failed)
    assert outcomes["b.jpg"].report


def test_a_link_to_nothing_does_not_stop_the_rest(folder, tmp_path):
    enhance_folder(folder, tmp_path / "out")
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to("gone.png")
    (tmp_path / "out/b.jpg").unlink()
    outcomes = {outcome.source.name: outcome for outcome in enhance_folder(folder, tmp_path / "out")}
    assert outcomes["a.png"].failed
    assert outcomes["b.jpg"].report


def test_a_link_to_a_folder_is_not_entered_and_that_is_said(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    outcomes = {outcome.source.name: outcome for outcome in enhance_folder(folder, tmp_path / "out")}
    assert outcomes["link"].skipped == "a link to a folder; name that folder itself"


def test_two_files_with_one_output_do_not_replace_each_other(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    make_video(source / "a.mpg", codec="mpeg2video")
    make_video(source / "a.mpg.mkv", frames=3)
    first, second = enhance_folder(source, tmp_path / "out", overwrite=True)
    assert first.report
    assert "is that of" in str(second.failed)
    assert "rename one" in str(second.failed)


def test_a_video_of_a_depth_that_the_model_has_no_graph_for_does_not_stop_the_rest(tmp_path, caplog):
    (source := tmp_path / "in").mkdir()
    make_video(source / "a.mp4", layout="yuv420p10le")
    make_video(source / "b.mp4")
    deep, usual = enhance_folder(source, tmp_path / "out", model=str(save_echo(tmp_path / "mine.onnx")))
    assert 'model "mine" has no graph for 10-bit video' in str(deep.failed)
    assert "trying the next backend" not in caplog.text  # which would say the same
    assert usual.report


def test_a_missing_model_stops_a_folder_at_once(folder, tmp_path):
    with pytest.raises(ModelNotFound, match="huge"):
        enhance_folder(folder, tmp_path / "out", model="huge")


@pytest.mark.parametrize("options", [{"strength": 1.5}, {"smoothing": -0.1}])
def test_an_option_that_is_out_of_range_stops_a_folder_before_its_first_file(folder, tmp_path, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        enhance_folder(folder, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_format_that_is_only_read_becomes_mkv_in_a_folder_and_clashes_with_nothing(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    make_video(source / "a.mpg", codec="mpeg2video")
    make_video(source / "a.mkv")
    outcomes = enhance_folder(source, tmp_path / "out")
    assert [outcome.failed for outcome in outcomes] == [None, None]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mkv", "a.mpg.mkv"]


@pytest.mark.parametrize(("alpha", "said"), [(100, True), (255, False)])
def test_transparency_that_a_jpg_cannot_hold_is_dropped_and_said(tmp_path, caplog, dark_rgb, alpha, said):
    stills.write(tmp_path / "in.png", Still(rgb=dark_rgb, alpha=np.full(dark_rgb.shape[:2], alpha, np.uint8)))
    report = enhance_file(tmp_path / "in.png", tmp_path / "out.jpg")
    assert ("transparency" in "".join(report.notes)) == said
    assert ("transparency" in caplog.text) == said


@pytest.mark.parametrize("wrong", ["itself", "a file", "empty"])
def test_folders_that_cannot_be_are_refused(tmp_path, wrong):
    source = tmp_path / "in"
    source.mkdir()
    target = source if wrong == "itself" else tmp_path / "out"
    if wrong == "a file":
        target.write_bytes(b"")
    with pytest.raises(SourceError if wrong == "empty" else SinkError):
        enhance_folder(source, target)
