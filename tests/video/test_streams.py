"""What is neither picture nor sound comes out as it went in, or a sentence names what does not."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.packet import Packet

from tests import media
from tests.video.chain import enhance, packets, reopened, streams, times


def test_attached_fonts_survive_in_mkv_and_are_named_where_dropped(tmp_path: Path) -> None:
    font = bytes(range(256)) * 4
    source = media.make_video(tmp_path / "night.mkv", fonts={"Night Sans.ttf": font})

    enhance(source, tmp_path / "day.mkv")
    _, dropped = enhance(source, tmp_path / "day.mp4")

    with reopened(tmp_path / "day.mkv") as file:
        attachment = file.streams.attachments[0]
        assert (attachment.name, attachment.mimetype, attachment.data) == ("Night Sans.ttf", "font/ttf", font)
    assert dropped.notes == ["attachment stream #1 (Night Sans.ttf) is dropped: .mp4 cannot hold it"]


@pytest.mark.parametrize(("origin", "container"), [("mp4", "mp4"), ("mkv", "mkv"), ("mp4", "mkv"), ("mkv", "mp4")])
def test_cover_art_survives(tmp_path: Path, origin: str, container: str) -> None:
    cover = media.png()
    source = media.make_video(tmp_path / f"night.{origin}", cover=cover, sound=[media.Sound()])
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    with reopened(target) as file:
        stream = file.streams.video[-1]
        assert stream.disposition & av.stream.Disposition.attached_pic
        assert bytes(next(file.demux(stream))) == cover
    assert len(times(target)) == media.FRAMES


def test_cover_art_that_has_no_place_is_named(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", cover=media.png())

    _, writer = enhance(source, tmp_path / "day.ts")

    assert any("video stream #1 (png" in note for note in writer.notes)


def _with_data(path: Path, codec: str, payload: list[bytes], container: str) -> Path:
    video = media.make_video(path.with_name(f"plain.{container}"), time_base=Fraction(1, 90_000))
    with av.open(str(video)) as source, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(source.streams.video[0], opaque=True)
        data = output.add_data_stream(codec)
        data.time_base = Fraction(1, 90_000)
        output.start_encoding()
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = copy
                output.mux_one(packet)
        for n, content in enumerate(payload):
            packet = Packet(content)
            packet.stream = data
            packet.time_base = Fraction(1, 90_000)
            packet.pts = packet.dts = n * 7200
            packet.is_keyframe = True
            output.mux_one(packet)
    return path


def test_data_that_only_its_own_header_explains_is_dropped_with_its_number(tmp_path: Path) -> None:
    """As the timed metadata of a phone (mebx), whose keys stand in a box that libav does not read."""
    source = media.make_video(tmp_path / "night.mov", subtitles=[media.Subtitle(codec="mov_text")])
    data = source.read_bytes().replace(b"mhlrtext", b"mhlrmeta").replace(b"text", b"mebx")
    source.write_bytes(data.replace(b"mhlrsbtl", b"mhlrmeta").replace(b"tx3g", b"mebx"))
    assert [kind for kind, _ in streams(source)] == ["video", "data"]

    _, writer = enhance(source, tmp_path / "day.mov")

    assert [kind for kind, _ in streams(tmp_path / "day.mov")] == ["video"]
    assert any("data stream #1" in note and "is dropped" in note for note in writer.notes)


def test_data_in_a_transport_stream_is_copied_and_named_where_dropped(tmp_path: Path) -> None:
    payload = [b"\x06\x0e\x2b\x34" + bytes([n]) * 20 for n in range(4)]
    source = _with_data(tmp_path / "night.ts", "klv", payload, "ts")

    enhance(source, tmp_path / "day.ts")
    _, dropped = enhance(source, tmp_path / "day.mkv")

    assert streams(tmp_path / "day.ts")[1] == ("data", "klv")
    assert [data for data, _, _ in packets(tmp_path / "day.ts", 1)] == payload
    assert any("data stream #1 (klv) is dropped" in note for note in dropped.notes)


def test_the_timecode_of_a_camera_survives_in_mov(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mov", stream_metadata={"timecode": "01:02:03:04"})
    assert ("data", "") in streams(source)

    enhance(source, tmp_path / "day.mov")

    with reopened(tmp_path / "day.mov") as file:
        assert file.streams.video[0].metadata["timecode"] == "01:02:03:04"
    assert streams(tmp_path / "day.mov") == streams(source)


def test_a_start_at_the_beginning_keeps_the_timecode(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mov", stream_metadata={"timecode": "01:02:03:04"})

    enhance(source, tmp_path / "day.mov", start=0)

    with reopened(tmp_path / "day.mov") as file:
        assert file.streams.video[0].metadata["timecode"] == "01:02:03:04"


def test_the_timecode_of_a_trimmed_video_is_dropped_and_it_is_said(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mov", stream_metadata={"timecode": "01:02:03:04"})

    _, writer = enhance(source, tmp_path / "day.mov", start=0.2)

    assert any("timecode is dropped" in note for note in writer.notes)
    assert streams(tmp_path / "day.mov") == [("video", "h264")]


@pytest.mark.parametrize("container", ["avi", "ts"])
def test_a_timecode_that_the_container_cannot_say_is_named(tmp_path: Path, container: str) -> None:
    source = media.make_video(tmp_path / "night.mov", stream_metadata={"timecode": "01:02:03:04"})

    writer = enhance(source, tmp_path / f"day.{container}")[1]

    assert any("timecode (01:02:03:04) of stream #0" in note for note in writer.notes)
