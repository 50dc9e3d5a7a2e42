"""Clocks that go back, stand still or are not there: recordings appended to each other, and damage."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from streamllie.video.clock import FrameClock
from tests import media
from tests.video.chain import enhance, packets, times


def appended(folder: Path) -> Path:
    """Two times the same 15 seconds of picture and sound."""
    both = folder / "night.ts"
    part = media.make_video(folder / "part.ts", frames=75, rate=5, sound=[media.Sound(seconds=15)])
    both.write_bytes(2 * part.read_bytes())
    return both


def test_recordings_appended_to_each_other_follow_without_a_gap_and_it_is_said(tmp_path: Path) -> None:
    one = media.make_video(
        tmp_path / "a.ts", time_base=Fraction(1, 90_000), pts=[900_000 + 3600 * n for n in range(10)]
    )
    two = media.make_video(tmp_path / "b.ts", time_base=Fraction(1, 90_000), pts=[3600 * n for n in range(10)])
    both = tmp_path / "night.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())

    reader, _ = enhance(both, tmp_path / "day.mkv")

    found = times(tmp_path / "day.mkv")
    assert len(found) == 20
    assert all(Fraction(30, 1000) < b - a < Fraction(50, 1000) for a, b in pairwise(found))
    assert any("clock goes back" in note for note in reader.notes)


def test_the_sound_of_appended_recordings_goes_along_with_the_picture_and_not_ahead_of_it(tmp_path: Path) -> None:
    both = appended(tmp_path)

    enhance(both, tmp_path / "day.mkv")

    shown, ahead = 0.0, []
    with av.open(str(tmp_path / "day.mkv")) as file:
        for packet in file.demux(video=0, audio=0):
            if packet.pts is not None and packet.stream.type == "video":
                shown = max(shown, float(packet.pts * packet.time_base))
            elif packet.pts is not None:
                ahead.append(float(packet.pts * packet.time_base) - shown)
    assert shown > 29
    assert len(ahead) > 1300
    assert max(ahead) < 1.5, "the rest of the sound was written at once"


def test_a_span_over_both_of_appended_recordings_has_the_sound_of_its_pictures(tmp_path: Path) -> None:
    both = appended(tmp_path)

    enhance(both, tmp_path / "day.mkv", duration=20)

    sound, shown = [float(at) for _, at, _ in packets(tmp_path / "day.mkv", 1)], times(tmp_path / "day.mkv")
    assert len(shown) == 100
    assert (sound[0], sound[-1]) == pytest.approx((float(shown[0]), float(shown[-1]) + 0.2), abs=0.1)
    assert max(b - a for a, b in pairwise(sound)) < 0.1, "nothing of it is missing where the second begins"


def test_a_clock_makes_equal_and_disordered_times_rise_and_counts_them() -> None:
    clock = FrameClock(time_base=Fraction(1, 1000), rate=Fraction(25))

    stamps = [clock.stamp(pts) for pts in (0, 40, 40, 35, 120, None, 200)]

    assert stamps == [0, 40, 41, 42, 120, 160, 200]
    assert (clock.disordered, clock.invented, clock.jumps) == (2, 1, 0)
