"""Clips made dark, and what evaluation says of them."""

import json
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.models.graphs import exported
from tests.models.networks import REMEMBERS
from training import clips, evaluate, steadiness
from training.clips import LIGHTS, Scene

pytestmark = pytest.mark.usefixtures("opens_fast")

SECONDS = 0.6


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(clips, "SECONDS", SECONDS)


@pytest.fixture
def scene(data, short) -> Scene:
    return next(clips.scenes(data))


def means(frames) -> np.ndarray:
    return np.array([frame.mean() for frame in frames])


def test_without_clips_of_person_d_there_are_stills_in_every_motion(data, short):
    found = {scene.name: scene.shot.grain for scene in clips.scenes(data)}
    assert list(found) == list(clips.STILLS)
    assert {grain for name, grain in found.items() if not name.startswith(clips.GRAIN)} == {1.0}
    assert [found[name] for name in ("grain-2", "grain-3", "grain-2-passing")] == [2.0, 3.0, 2.0]


def test_a_short_clip_is_played_there_and_back(data, short, tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "sensor-noise").symlink_to(data / "sensor-noise")
    writer = cv2.VideoWriter(str(tmp_path / "clips/person-d-nod.avi"), cv2.VideoWriter_fourcc(*"FFV1"), 30, (32, 24))
    for n in range(7):
        writer.write(np.full((24, 32, 3), 30 * n, np.uint8))
    writer.release()
    scene, held = clips.scenes(tmp_path)
    assert means(scene.truth)[:14].round(-1).tolist() == [0, 30, 60, 90, 120, 150, 180, 150, 120, 90, 60, 30, 0, 30]
    assert held.name == "held-d-nod"
    assert set(means(held.truth).tolist()) == {means(scene.truth)[0]}


def test_a_subtitle_comes_and_goes_and_is_as_white_in_the_dark_as_in_the_light(data, short):
    scene = next(scene for scene in clips.scenes(data) if scene.name == clips.SUBTITLE)
    assert scene.text is not None
    begin, end = scene.text.frames.start, scene.text.frames.stop
    assert 0 < begin < end < len(scene.truth)
    for clip in (scene.truth, scene.calm()):
        white = [frame.max() for frame in clip]
        assert min(white[begin:end]) > max(white[:begin] + white[end:]) + 20
    assert scene.calm()[begin].mean() < 0.6 * scene.truth[begin].mean()


def test_the_same_scene_is_the_same_dark_clip_twice_and_its_noise_is_fresh_in_every_frame(scene):
    once, again = scene.dark("steady"), scene.dark("steady")
    assert all((a == b).all() for a, b in zip(once, again, strict=True))
    assert (once[0] != once[1]).any()
    assert (scene.truth[0] == scene.truth[1]).all()


def test_a_calm_clip_has_neither_noise_nor_hunting(scene):
    calm = scene.calm()
    assert all((frame == calm[0]).all() for frame in calm)
    assert np.median(np.abs(calm[0].astype(int) - np.mean(scene.dark("steady"), axis=0))) <= 2


def test_an_exposure_that_hunts_swings_by_some_percent_and_a_lamp_by_much(scene):
    swing = means(scene.dark("hunting")) / means(scene.dark("steady"))
    assert 1.01 < swing.max() < 1.08
    assert 0.92 < swing.min() < 0.99
    dark = means(scene.dark("switch"))
    assert dark[: scene.switch].max() < 0.7 * dark[scene.switch :].min()


@pytest.mark.parametrize("history", [False, True])
def test_every_scene_is_scored_in_every_light_and_mode(history, data, short, monkeypatch, capsys, tmp_path_factory):
    model = exported(REMEMBERS, tmp_path_factory) / "model.onnx" if history else "lite-lol"
    monkeypatch.setattr(
        sys,
        "argv",
        ["evaluate", "--model", str(model), "--clips", str(data), "--scene", "pan", "--json", "--precision", "fp32"],
    )
    evaluate.main()
    printed = json.loads(capsys.readouterr().out)
    scored = [(row["light"], row["mode"]) for row in printed["rows"]]
    modes = [mode for mode in steadiness.MODES if history or mode != "denoised"]
    assert scored == [(light, mode) for light in LIGHTS for mode in ("input", *modes)]
    assert all(row["trail"] is not None for row in printed["rows"])
    assert [row["settling"] is None for row in printed["rows"]] == [row["light"] != "switch" for row in printed["rows"]]
    assert "moving, steady, smoothed" in printed["against_single"]


def test_the_table_says_nothing_of_what_was_not_measured(scene):
    quiet = steadiness.score(
        scene, "steady", "input", scene.truth, motion=steadiness.flows(scene.truth), calm=scene.truth
    )
    head, line = steadiness.table([quiet])
    assert len(head.split()) == 13
    assert len(line.split()) == 13 - 3  # nothing was uncovered, no light was switched
    assert (quiet.flicker, quiet.shimmer, quiet.warping, quiet.trail) == (0, 0, 0, None)
    assert quiet.ssim == 1


def test_a_mode_is_told_as_a_share_of_single_frames(scene):
    def row(mode: str, flicker: float) -> steadiness.Row:
        zero = steadiness.score(
            scene, "steady", mode, scene.truth, motion=steadiness.flows(scene.truth), calm=scene.truth
        )
        return replace(zero, flicker=flicker, psnr=20 + flicker)

    told = steadiness.summary([row("input", 9), row("single", 2), row("smoothed", 0.5)])
    assert list(told) == ["still, steady, smoothed"]
    assert told["still, steady, smoothed"]["flicker"] == 0.25
    assert told["still, steady, smoothed"]["psnr"] == -1.5


def test_a_folder_without_clips_and_pictures_is_named(data, tmp_path):
    (tmp_path / "sensor-noise").symlink_to(data / "sensor-noise")
    with pytest.raises(ValueError, match="has neither clips/person-d"):
        next(clips.scenes(tmp_path))


def test_a_clip_that_cannot_be_read_is_named(data, tmp_path):
    (tmp_path / "sensor-noise").symlink_to(data / "sensor-noise")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/person-d-torn.mp4").write_bytes(b"torn")
    with pytest.raises(ValueError, match=r"person-d-torn\.mp4 is no readable clip"):
        next(clips.scenes(tmp_path))
