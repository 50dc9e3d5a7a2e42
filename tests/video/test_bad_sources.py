"""A damaged file gives the frames that it has; what is no video is refused in one sentence."""

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from streamllie.errors import SourceError
from streamllie.video import VideoSource
from tests import media
from tests.video.chain import enhance, times


def test_damaged_packets_are_skipped_counted_and_said(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mkv", codec="prores_ks", layout="yuv422p10le", frames=20)
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    source.write_bytes(bytes(data))

    reader, writer = enhance(source, tmp_path / "day.mkv")

    assert 15 <= reader.frames_read == writer.frames_written < 20
    assert f"damaged packets, which were skipped: {20 - reader.frames_read}" in reader.notes


def test_a_playlist_that_has_not_ended_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.m3u8", muxer="hls", muxer_options={"hls_time": "0.2"})
    with VideoSource(source) as reader:
        assert len(list(reader)) == 10
    source.write_text(source.read_text().replace("#EXT-X-ENDLIST\n", ""))

    with pytest.raises(SourceError, match=r"is a playlist without #EXT-X-ENDLIST: .*; if nothing is added"):
        VideoSource(source).__enter__()


@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_a_file_that_is_cut_short_gives_what_it_has(tmp_path: Path, cut: float) -> None:
    source = media.make_video(tmp_path / "night.ts", frames=40)
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * cut)])

    reader, _ = enhance(source, tmp_path / "day.mp4")

    assert 0 < reader.frames_read < 40
    assert len(times(tmp_path / "day.mp4")) == reader.frames_read


def test_good_pictures_behind_a_damaged_one_at_the_very_end_are_not_lost(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", options={"bf": "0"}, frames=20)
    with av.open(str(source)) as file:
        second_last = [packet for packet in file.demux(video=0) if packet.size][-2]
    data = bytearray(source.read_bytes())
    at = data.index(bytes(second_last))
    data[at : at + second_last.size] = bytes(second_last.size)
    source.write_bytes(bytes(data))

    reader, _ = enhance(source, tmp_path / "day.mp4")

    assert reader.frames_read == 19
    assert times(tmp_path / "day.mp4")[-1] == Fraction(19, media.RATE)
    assert reader.notes == ["damaged packets, which were skipped: 1"]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi"])
def test_a_video_that_stops_before_its_header_says_is_told(tmp_path: Path, suffix: str) -> None:
    source = media.make_video(tmp_path / f"night.{suffix}", options={"g": "10"}, frames=100, rate=10)
    whole, _ = enhance(source, tmp_path / f"whole.{suffix}")
    assert not any("cut short" in note for note in whole.notes)
    if suffix == "mp4":
        source = tmp_path / "whole.mp4"  # its header comes first, so that half of it can be opened
    data = source.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: int(len(data) * 0.6)])

    reader, _ = enhance(cut, tmp_path / "day.mkv")

    assert 0 < reader.frames_read < 100
    assert any("of 10.0 s: it is cut short" in note for note in reader.notes)


def test_a_third_of_a_short_clip_is_missed_too(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", options={"g": "10", "bf": "0"}, frames=60, rate=30)
    whole, _ = enhance(source, tmp_path / "whole.mp4")
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * 0.7)])

    reader, _ = enhance(tmp_path / "cut.mp4", tmp_path / "day.mkv")

    assert 30 < reader.frames_read < 50
    assert any("of 2.0 s: it is cut short" in note for note in reader.notes)
    assert whole.notes == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceError, match=r"there is no file .*absent\.mp4"),
        VideoSource(tmp_path / "absent.mp4"),
    ):
        pass


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")

    with pytest.raises(SourceError, match=r"pipe\.mp4.* is a pipe or a device"), VideoSource(tmp_path / "pipe.mp4"):
        pass


def test_a_folder_is_not_a_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"), VideoSource(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"this is a letter, not a video\n" * 40, bytes(5000)])
def test_a_file_that_is_no_video_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.mp4"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=r"letter\.mp4.*cannot be opened") as caught, VideoSource(path):
        pass

    assert "\n" not in str(caught.value)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = media.make_video(tmp_path / "song.m4a", codec=None, sound=[media.Sound()], muxer="mp4")

    with pytest.raises(SourceError, match="has no video stream"), VideoSource(path):
        pass


def test_cover_art_is_never_taken_for_the_video(tmp_path: Path) -> None:
    song = media.make_video(tmp_path / "song.mp4", codec=None, sound=[media.Sound()], cover=media.png())

    with pytest.raises(SourceError, match="has no video stream"), VideoSource(song):
        pass


def test_a_video_stream_without_packets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.mkv"
    media.make_video(path, frames=0, codec="ffv1", sound=[media.Sound()])

    with pytest.raises(SourceError, match="not one frame"), VideoSource(path):
        pass
