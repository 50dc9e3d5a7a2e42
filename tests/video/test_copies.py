"""Copied packets at hard places: pictures in another order, channels without names, clocks with coarse ticks."""

from pathlib import Path

import av
import pytest

from streamllie.errors import SinkError
from tests import media
from tests.video.chain import enhance, packets, reopened, streams


def with_second_video(path: Path, **second: object) -> Path:
    """A file of two videos, the second as `make_video` makes it."""
    one, two = path.with_name("a.mkv"), path.with_name("b.mkv")
    media.make_video(one, frames=30)
    media.make_video(two, **second)
    with av.open(str(one)) as a, av.open(str(two)) as b, av.open(str(path), "w") as output:
        targets = [output.add_stream_from_template(f.streams.video[0], opaque=True) for f in (a, b)]
        output.start_encoding()
        for file, target in zip((a, b), targets, strict=True):
            for packet in file.demux(file.streams.video[0]):
                if packet.size:
                    packet.stream = target
                    output.mux_one(packet)
    return path


def shown(path: Path) -> list[float]:
    """When the pictures of the second video are shown, each decoded."""
    with reopened(path) as file:
        return [round(frame.time, 3) for frame in file.decode(video=1)]


def test_a_second_video_stream_is_copied(tmp_path: Path) -> None:
    source = with_second_video(tmp_path / "night.mkv", codec="mpeg4", height=32, frames=30)

    enhance(source, tmp_path / "day.mkv")

    assert streams(tmp_path / "day.mkv") == [("video", "h264"), ("video", "mpeg4")]
    assert packets(tmp_path / "day.mkv", 1) == packets(source, 1)


def test_a_second_video_that_avi_would_hold_in_another_form_is_dropped_and_named_once(tmp_path: Path) -> None:
    source = with_second_video(tmp_path / "night.mkv", height=32, frames=30)

    writer = enhance(source, tmp_path / "day.avi")[1]

    assert streams(tmp_path / "day.avi") == [("video", "h264")]
    (named,) = [note for note in writer.notes if "stream #1" in note]
    assert named.endswith("is dropped: .avi cannot hold it")


@pytest.mark.parametrize("container", ["mkv", "mp4", "mov", "ts"])
def test_pictures_that_are_stored_in_another_order_are_copied_to_their_times(tmp_path: Path, container: str) -> None:
    source = with_second_video(tmp_path / "night.mkv", height=32, frames=30, options={"bf": "3", "b-adapt": "0"})

    enhance(source, tmp_path / f"day.{container}")

    after, before = shown(tmp_path / f"day.{container}"), shown(source)
    assert [at - after[0] for at in after] == pytest.approx([at - before[0] for at in before], abs=0.002)


def test_a_second_video_of_a_span_begins_with_a_keyframe_and_it_is_said(tmp_path: Path) -> None:
    source = with_second_video(tmp_path / "night.mkv", height=32, frames=30, options={"g": "10"})

    writer = enhance(source, tmp_path / "day.mkv", start=0.5)[1]

    assert shown(tmp_path / "day.mkv") == pytest.approx([0.3 + n / 25 for n in range(10)], abs=0.002)
    assert "begins with its first keyframe after the start" in " ".join(writer.notes)


def test_a_second_video_without_a_keyframe_after_the_start_is_named(tmp_path: Path) -> None:
    source = with_second_video(tmp_path / "night.mkv", height=32, frames=30, options={"g": "30"})

    writer = enhance(source, tmp_path / "day.mkv", start=0.5)[1]

    assert "has no keyframe after the start: none of it is copied" in " ".join(writer.notes)


def test_pictures_that_are_stored_late_are_in_the_span_too(tmp_path: Path) -> None:
    source = with_second_video(tmp_path / "night.mkv", height=32, frames=30, options={"bf": "3", "b-adapt": "0"})

    enhance(source, tmp_path / "day.mkv", duration=0.3)

    assert shown(tmp_path / "day.mkv") == pytest.approx([n / 25 for n in range(8)], abs=0.002)


@pytest.mark.parametrize("container", ["mkv", "mp4", "ts"])
def test_a_short_video_none_of_whose_packets_has_a_decoding_time_keeps_its_pictures(
    tmp_path: Path, container: str
) -> None:
    source = with_second_video(tmp_path / "night.mkv", height=32, frames=3, options={"bf": "2", "b-adapt": "0"})
    with reopened(source) as file:
        assert any(packet.dts is None for packet in file.demux(video=1) if packet.size)

    enhance(source, tmp_path / f"day.{container}")

    after = shown(tmp_path / f"day.{container}")
    assert [at - after[0] for at in after] == pytest.approx([0, 0.04, 0.08], abs=0.002)


def test_channels_without_names_get_the_usual_ones_in_mp4(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mkv", sound=[media.Sound(codec="pcm_s16le", layout="stereo")])
    with reopened(source) as file:
        assert file.streams.audio[0].layout.name == "2 channels"

    enhance(source, tmp_path / "day.mp4")

    with reopened(tmp_path / "day.mp4") as file:
        assert file.streams.audio[0].layout.name == "stereo"
    assert b"".join(data for data, _, _ in packets(tmp_path / "day.mp4", 1)) == b"".join(
        data for data, _, _ in packets(source, 1)
    )


@pytest.mark.parametrize("codec", ["mp2", "mp3", "ac3"])
def test_sound_of_avi_keeps_its_times_in_avi(tmp_path: Path, codec: str) -> None:
    source = media.make_video(
        tmp_path / "night.avi", codec="mpeg4", frames=50, sound=[media.Sound(codec=codec, seconds=2)]
    )

    enhance(source, tmp_path / "day.avi")

    assert packets(tmp_path / "day.avi", 1) == packets(source, 1)


def test_sound_that_would_get_longer_in_avi_is_refused_with_what_holds_it(tmp_path: Path) -> None:
    sound = media.Sound(codec="adpcm_ima_wav", layout="stereo", rate=44_100, seconds=2)
    source = media.make_video(tmp_path / "night.avi", codec="mjpeg", layout="yuvj420p", frames=50, sound=[sound])

    with pytest.raises(SinkError, match=r"\(adpcm_ima_wav\) cannot be copied into \.avi; name the output \.mkv"):
        enhance(source, tmp_path / "day.avi")
