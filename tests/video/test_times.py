"""A frame keeps its own time, whatever the frame rate does, and the streams keep their distance."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from streamllie.errors import SourceError
from streamllie.video import VideoSource
from tests import media
from tests.video.chain import enhance, packets, times

IRREGULAR = [0, 1, 3003, 3004, 9000, 9100, 12_345, 20_000, 29_999, 36_000]  # of 1/90000 s


def irregular(path: Path, first: int = 0) -> Path:
    return media.make_video(
        path, time_base=Fraction(1, 90_000), pts=[first + n for n in IRREGULAR], options={"bf": "0"}
    )


@pytest.mark.parametrize("container", ["mp4", "mov", "ts"])
def test_vfr_timestamps_survive(tmp_path: Path, container: str) -> None:
    source = irregular(tmp_path / "night.mp4")

    enhance(source, tmp_path / f"day.{container}")

    found = times(tmp_path / f"day.{container}")
    shift = found[0]  # a transport stream has no time before 0, so all moves by the encoder's delay
    assert [t - shift for t in found] == [Fraction(n, 90_000) for n in IRREGULAR]
    assert shift == 0 or container == "ts"


@pytest.mark.parametrize(("container", "codec"), [("mkv", "h264"), ("mkv", "hevc"), ("webm", "vp9"), ("webm", "av1")])
def test_vfr_timestamps_survive_to_the_millisecond_that_matroska_has(
    tmp_path: Path, container: str, codec: str
) -> None:
    wanted = [0, 7, 40, 41, 90, 130, 131, 132, 400, 3600]
    source = media.make_video(tmp_path / "night.mkv", time_base=Fraction(1, 1000), pts=wanted)

    enhance(source, tmp_path / f"day.{container}", codec=codec)

    assert times(tmp_path / f"day.{container}") == [Fraction(n, 1000) for n in wanted]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_vfr_timestamps_survive_every_encoder(tmp_path: Path, codec: str) -> None:
    source = irregular(tmp_path / "night.mp4")

    enhance(source, tmp_path / "day.mp4", codec=codec)

    assert times(tmp_path / "day.mp4") == [Fraction(n, 90_000) for n in IRREGULAR]


@pytest.mark.parametrize("rate", [Fraction(30_000, 1001), Fraction(24_000, 1001), Fraction(25), Fraction(119, 4)])
def test_broadcast_rates_are_exact_and_do_not_drift(tmp_path: Path, rate: Fraction) -> None:
    source = media.make_video(tmp_path / "night.mp4", rate=rate, frames=30)

    enhance(source, tmp_path / "day.mp4")

    assert times(tmp_path / "day.mp4") == [n / rate for n in range(30)]


@pytest.mark.parametrize(("gap", "told"), [(200, False), (300, True)])
def test_a_gap_so_long_that_older_players_lose_the_order_of_mp4_is_told(tmp_path: Path, gap: int, told: bool) -> None:
    tick = Fraction(1, 1_000_000)
    pts = [n * 40_000 + (n >= 10) * gap * 1_000_000 for n in range(20)]
    night = media.make_video(tmp_path / "night.mp4", frames=20, pts=pts, time_base=tick, options={"bf": "0"})

    _, writer = enhance(night, tmp_path / "day.mp4")

    assert any("a very long gap" in note for note in writer.notes) == told


def test_the_last_frame_keeps_its_length(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", rate=Fraction(30_000, 1001), frames=30)

    enhance(source, tmp_path / "day.mp4")

    with av.open(str(tmp_path / "day.mp4")) as file:
        stream = file.streams.video[0]
        assert stream.duration is not None
        assert stream.duration * stream.time_base == Fraction(30 * 1001, 30_000)


@pytest.mark.parametrize("container", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize(
    ("video_first", "sound_start"),
    [(0, Fraction(1, 2)), (25_201, Fraction(0)), (90_000, Fraction(3, 2))],
    ids=["sound late", "video late", "both late"],
)
def test_start_offsets_between_streams_are_kept(
    tmp_path: Path, container: str, video_first: int, sound_start: Fraction
) -> None:
    source = media.make_video(
        tmp_path / "night.mp4",
        time_base=Fraction(1, 90_000),
        pts=[video_first + 3600 * n for n in range(10)],
        sound=[media.Sound(start=sound_start)],
        muxer_options={"movie_timescale": "720000"},
    )
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    exact = Fraction(0) if container != "mkv" else Fraction(1, 1000)
    assert abs(times(target)[0] - times(source)[0]) <= exact
    before, after = packets(source, 1), packets(target, 1)
    assert abs((after[0][1] or 0) - (before[0][1] or 0)) <= exact
    assert len(before) == len(after)


def test_a_transport_stream_that_starts_late_stays_late_there_and_in_mp4(tmp_path: Path) -> None:
    source = irregular(tmp_path / "night.ts", first=126_000)  # 1.4 s, where ffmpeg lets them start

    for container in ("ts", "mp4", "mkv"):
        enhance(source, tmp_path / f"day.{container}")
        assert abs(times(tmp_path / f"day.{container}")[0] - Fraction(14, 10)) <= Fraction(1, 2000)


def test_a_recording_whose_clock_starts_at_hour_twenty_starts_at_zero_in_mp4(tmp_path: Path) -> None:
    source = irregular(tmp_path / "night.ts", first=20 * 3600 * 90_000)

    enhance(source, tmp_path / "day.mp4")
    enhance(source, tmp_path / "day.ts")

    assert times(tmp_path / "day.mp4") == [Fraction(n, 90_000) for n in IRREGULAR]
    assert times(tmp_path / "day.ts")[0] == 20 * 3600


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_a_recording_that_began_before_its_clock_wrapped_starts_at_zero_and_loses_nothing(
    tmp_path: Path, container: str
) -> None:
    wrap = 2**33
    source = irregular(tmp_path / "night.ts", first=wrap - 20_000)
    first = times(source)[0]
    assert first < 0
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    assert [float(at - times(target)[0]) for at in times(target)] == pytest.approx(
        [n / 90_000 for n in IRREGULAR], abs=0.001
    )
    assert times(target)[0] == 0 if container != "ts" else times(target)[0] < 1
    enhance(source, tmp_path / "late.mp4", start=0.1)
    assert len(times(tmp_path / "late.mp4")) == sum(n >= 9000 for n in IRREGULAR)


def test_b_frames_do_not_move_the_first_frame(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", options={"bf": "3", "b-adapt": "0"}, frames=20)

    for container in ("mp4", "mkv", "mov"):
        enhance(source, tmp_path / f"day.{container}", preset="medium")
        assert times(tmp_path / f"day.{container}") == times(source)


def test_avi_keeps_a_constant_rate_and_a_late_start(tmp_path: Path) -> None:
    steady = media.make_video(tmp_path / "night.mp4")
    late = media.make_video(tmp_path / "late.mp4", pts=range(7, 17))

    enhance(steady, tmp_path / "day.avi")
    enhance(late, tmp_path / "late.avi")

    with VideoSource(tmp_path / "day.avi") as reader:
        assert [f.time for f in reader] == [Fraction(n, 25) for n in range(10)]
    with VideoSource(tmp_path / "late.avi") as reader:
        assert [f.time for f in reader] == [Fraction(n, 25) for n in range(7, 17)]


@pytest.mark.parametrize("start", [0.1, 0.5, 0.3, 1.0])
def test_avi_keeps_a_constant_rate_from_between_two_frames(tmp_path: Path, start: float) -> None:
    source = media.make_video(tmp_path / "night.mp4", frames=40)

    _, writer = enhance(source, tmp_path / "day.avi", start=start)

    assert {b - a for a, b in pairwise(times(tmp_path / "day.avi"))} == {Fraction(1, 25)}
    assert writer.notes == []


@pytest.mark.parametrize("first", [0, 7])
def test_sound_does_not_delay_the_video_in_avi(tmp_path: Path, first: int) -> None:
    source = media.make_video(tmp_path / "night.mp4", pts=range(first, first + 10), sound=[media.Sound()])

    enhance(source, tmp_path / "day.avi")

    with VideoSource(tmp_path / "day.avi") as reader:
        assert [f.time for f in reader] == [Fraction(n, 25) for n in range(first, first + 10)]
    heard = [data for data, time, _ in packets(source, 1) if time is not None and time >= 0]
    assert packets(tmp_path / "day.avi", 1)[0][:2] == (heard[0], 0)


def test_avi_says_that_it_cannot_keep_a_variable_rate(tmp_path: Path) -> None:
    source = irregular(tmp_path / "night.mp4")

    _, writer = enhance(source, tmp_path / "day.avi")

    assert any("avi cannot" in note for note in writer.notes)
    assert writer.frames_written == 10


def test_avi_with_repeated_pictures_gives_each_stored_picture_once_at_its_time(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.avi", pts=[0, 1, 2, 6, 7, 8], frames=6, options={"bf": "0"})

    with VideoSource(source) as reader:
        assert [f.pts for f in reader] == [0, 1, 2, 6, 7, 8]


@pytest.mark.parametrize(("name", "codec"), [("night.avi", "mpeg4"), ("night.m2v", "mpeg2video")])
def test_pictures_stored_in_another_order_where_they_have_numbers_follow_without_a_gap(
    tmp_path: Path, name: str, codec: str
) -> None:
    source = media.make_video(tmp_path / name, codec=codec, frames=12, options={"bf": "2", "g": "6"})

    with VideoSource(source) as reader:
        assert [f.time for f in reader] == [Fraction(n, 25) for n in range(12)]
        assert not reader.notes


def test_a_start_in_a_raw_stream_is_counted_from_its_beginning(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.h264", frames=50, options={"g": "12"})

    with VideoSource(source, start=1.0, duration=0.2) as reader:
        assert [round(f.time * 25) for f in reader] == [25, 26, 27, 28, 29]


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(("start", "duration"), [(0.4, 0.4), (0.5, None), (None, 0.2), (1.92, 5.0), (0.2, 0.04)])
def test_start_and_duration_choose_frames_by_their_exact_time(
    tmp_path: Path, container: str, start: float | None, duration: float | None
) -> None:
    source = media.make_video(
        tmp_path / f"night.{container}",
        frames=50,
        options={"g": "12", "bf": "2"},
        sound=[media.Sound(seconds=2)],
    )
    with av.open(str(source)) as file:
        opening = Fraction(max(0, file.start_time), 1_000_000)
    begin = opening + Fraction(str(start or 0))
    end = begin + Fraction(str(duration or 99))
    wanted = [t for t in times(source) if begin <= t < end]

    reader, _ = enhance(source, tmp_path / "day.mp4", start=start, duration=duration)

    assert reader.frames_read == len(wanted) > 0
    moved = begin if start is not None else 0
    tick = reader.format.time_base
    assert all(abs(b - (a - moved)) <= tick for a, b in zip(wanted, times(tmp_path / "day.mp4"), strict=True))


def test_a_trimmed_video_takes_the_same_span_of_its_sound(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", frames=100, options={"g": "10"}, sound=[media.Sound(seconds=4)])

    enhance(source, tmp_path / "day.mp4", start=1.0, duration=1.0)

    sound = packets(tmp_path / "day.mp4", 1)
    begin, end = sound[0][1] or 0, (sound[-1][1] or 0) + sound[-1][2]
    assert 0 <= begin < Fraction(1025, 48_000)
    assert abs(end - 1) < Fraction(1100, 48_000)
    assert len(times(tmp_path / "day.mp4")) == 25


@pytest.mark.parametrize("start", [60, 1e20, float("inf")])
def test_a_span_without_frames_is_refused_with_the_length(tmp_path: Path, start: float) -> None:
    source = media.make_video(tmp_path / "night.mp4")

    with (
        pytest.raises(SourceError, match=r"no frame in the chosen span; it is 0\.4 s long"),
        VideoSource(source, start=start),
    ):
        pass


@pytest.mark.parametrize(
    ("start", "duration"), [(-1.0, None), (None, 0.0), (None, -3.0), (float("nan"), None), (None, float("nan"))]
)
def test_a_senseless_span_is_refused(tmp_path: Path, start: float | None, duration: float | None) -> None:
    source = media.make_video(tmp_path / "night.mp4")

    with pytest.raises(SourceError, match="must"), VideoSource(source, start=start, duration=duration):
        pass


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "h264"), ("libx265", "hevc")])
@pytest.mark.parametrize("rate", [30, 60])
def test_a_raw_stream_runs_at_the_rate_that_its_codec_says(tmp_path: Path, codec: str, suffix: str, rate: int) -> None:
    source = media.make_video(tmp_path / f"night.{suffix}", codec=codec, frames=30, rate=rate, options={"bf": "0"})

    enhance(source, tmp_path / "day.mp4")

    assert times(tmp_path / "day.mp4") == [Fraction(n, rate) for n in range(30)]


@pytest.mark.parametrize("container", ["mp4", "avi"])
def test_raw_dv_of_a_camcorder_keeps_its_frame_rate(tmp_path: Path, container: str) -> None:
    sound = [media.Sound(codec="pcm_s16le", layout="stereo")]
    tape = media.make_video(
        tmp_path / "tape.dv", codec="dvvideo", height=576, width=720, sound=sound, options={"bf": "0"}
    )

    enhance(tape, tmp_path / f"day.{container}")

    with av.open(str(tmp_path / f"day.{container}")) as day:
        assert day.streams.video[0].average_rate == 25
        assert len(day.streams.audio) == 1
