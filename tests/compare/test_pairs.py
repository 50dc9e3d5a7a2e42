"""Videos in step: matched by time, whatever their rates and lengths."""

from fractions import Fraction

import pytest

from streamllie.compare.pairs import Together
from streamllie.errors import SourceError
from tests.compare.conftest import shot
from tests.media import make_video


def brightness_together(*paths) -> list[tuple[float, ...]]:
    """Of each moment: seconds, then the mean luma code of each video, rounded."""
    with Together(*paths) as videos:
        return [(float(m.time), *(round(float(f.y.mean())) for f in m.frames)) for m in videos]


def test_equal_videos_meet_frame_by_frame(tmp_path):
    paths = [shot(tmp_path / f"{name}.mkv", lambda n: n / 40) for name in "ab"]
    moments = brightness_together(*paths)
    assert len(moments) == 20
    assert all(a == b for _, a, b in moments)
    assert len({a for _, a, _ in moments}) == 20


def test_half_the_rate_shows_each_frame_twice(tmp_path):
    fast = shot(tmp_path / "fast.mkv", lambda n: n / 40, frames=20, rate=50)
    slow = shot(tmp_path / "slow.mkv", lambda n: 2 * n / 40, frames=10, rate=25)
    moments = brightness_together(fast, slow)
    assert [(n // 2 * 2) for n in range(20)] == [
        moments.index(next(m for m in moments if m[1] == b)) for _, _, b in moments
    ]
    assert len(brightness_together(slow, fast)) == 10
    assert all(a == b for _, a, b in brightness_together(slow, fast))


def test_each_clock_starts_at_its_own_first_frame(tmp_path):
    early = shot(tmp_path / "early.mkv", lambda n: n / 40)
    late = shot(tmp_path / "late.mkv", lambda n: n / 40, pts=[n + 50 for n in range(20)])
    moments = brightness_together(early, late)
    assert len(moments) == 20
    assert all(a == b for _, a, b in moments)


def test_the_shortest_ends_it_and_the_others_are_counted_all_the_same(tmp_path):
    paths = [shot(tmp_path / f"{n}.mkv", lambda _: 0.5, frames=n) for n in (20, 12)]
    with Together(*paths) as videos:
        assert len(list(videos)) == 12
        assert videos.counts == [20, 12]
        assert videos.lengths == [Fraction(20, 25), Fraction(12, 25)]


def test_times_that_a_container_rounded_still_meet(tmp_path):
    exact = make_video(tmp_path / "exact.mp4", rate=Fraction(30_000, 1001))
    rounded = make_video(tmp_path / "rounded.mkv", rate=Fraction(30_000, 1001), codec="ffv1")
    assert len(brightness_together(exact, rounded)) == len(brightness_together(rounded, exact)) == 10


def test_frames_shorter_than_containers_round_are_told_apart(tmp_path):
    fast = shot(tmp_path / "fast.mkv", lambda n: n / 40, rate=1000)
    moments = brightness_together(fast, fast)
    assert len(moments) == 20
    assert all(a == b for _, a, b in moments)


def test_a_single_frame_meets_another_however_short_it_is(tmp_path):
    one = [make_video(tmp_path / f"one{rate}.ts", frames=1, rate=rate) for rate in (25, 1000)]
    assert len(brightness_together(*one)) == len(brightness_together(*reversed(one))) == 1


def test_a_video_that_is_none_closes_the_other_and_is_named(tmp_path, dark):
    (tmp_path / "none.mkv").write_bytes(b"no video")
    with pytest.raises(SourceError, match=r"none\.mkv"), Together(dark, tmp_path / "none.mkv"):
        pass
