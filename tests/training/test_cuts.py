"""Stories whose cuts are known, and how the detector does on them."""

import sys
from itertools import islice

import cv2
import numpy as np
import pytest

from streamllie.temporal.cuts import CutDetector
from training import cuts
from training.stories import EVENTS, HEIGHT, WIDTH, Happening, Story, scenes

RATE = 10  # frames per second; few, to be quick


@pytest.fixture(scope="module")
def told() -> list[tuple[list[Happening], list[np.ndarray]]]:
    """Two stories and all their frames."""
    stories = [Story(seed, scenes(None, part="judge"), [cuts.CAMERA], rate=RATE) for seed in (7, 8)]
    frames = [list(story) for story in stories]
    return [(story.happenings, seen) for story, seen in zip(stories, frames, strict=True)]


def judged(told, detector) -> cuts.Judgement:
    judgement = cuts.Judgement()
    for seed, (happenings, frames) in enumerate(told):
        is_cut = detector()
        judgement.add(seed, RATE, happenings, [n for n, luma in enumerate(frames) if is_cut(luma)])
    return judgement


def test_the_detector_finds_the_cuts_of_drawn_stories_and_little_else(told):
    judgement = judged(told, CutDetector)
    assert judgement.expected.total() == 20
    assert judgement.recall >= 0.95, judgement.missed
    assert judgement.precision >= 0.95, judgement.alarms


def test_a_detector_that_cries_always_and_one_that_sleeps_are_found_out(told):
    always, never = judged(told, lambda: lambda luma: True), judged(told, lambda: lambda luma: False)
    assert always.recall == 1
    assert always.precision < 0.15
    assert never.recall == 0


def test_a_story_has_every_event_in_a_dark_picture_of_video_levels(told):
    for happenings, frames in told:
        assert {event.kind for event in happenings} == set(EVENTS)
        assert frames[0].shape == (HEIGHT, WIDTH)
        assert frames[0].dtype == np.uint8
        assert 16 <= np.min(frames) <= np.max(frames) <= 235


def test_a_story_is_the_same_each_time(told):
    again = Story(7, scenes(None, part="judge"), [cuts.CAMERA], rate=RATE)
    assert all((a == b).all() for a, b in zip(told[0][1][:20], islice(again, 20), strict=True))


def test_the_halves_of_the_scenes_share_none():
    tuned, kept = (scenes(None, part=part)[:5] for part in ("tune", "judge"))
    assert not any((a(0.0) == b(0.0)).all() for a in tuned for b in kept)


def test_a_cut_counts_once_and_only_in_its_window():
    judgement = cuts.Judgement()
    happenings = [Happening("pan", 0, 5, None), Happening("cut", 10, 12, (10, 11)), Happening("cut", 20, 22, (20, 21))]
    judgement.add(0, 30, happenings, called=[3, 11, 22, 40])
    assert judgement.recall == 0.5
    assert judgement.precision == 0.25
    assert dict(judgement.false) == {"pan": 1, "rest": 2}
    assert judgement.missed == [(0, 30, 20)]


def test_precision_and_recall_are_printed_by_event(monkeypatch, capsys):
    monkeypatch.setattr(cuts, "RATES", (5,))
    monkeypatch.setattr(sys, "argv", ["cuts", "--stories", "1"])
    cuts.main()
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in printed[1:-1]] == [*EVENTS, "rest"]
    assert "precision" in printed[-1]


def test_a_folder_without_two_scenes_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"has 0 pictures and clips .* leave --data out"):
        scenes(tmp_path, part="judge")
    (tmp_path / "open-photos").mkdir()
    cv2.imwrite(str(tmp_path / "open-photos/a.jpg"), np.full((90, 160, 3), 90, np.uint8))
    with pytest.raises(ValueError, match="has 1 pictures and clips"):
        scenes(tmp_path, part="tune")
