"""Subtitles keep their times, and their lines where another container has another form for them."""

from fractions import Fraction
from pathlib import Path

import pytest

from tests import media
from tests.video.chain import enhance, packets, reopened, streams


@pytest.mark.parametrize("codec", ["subrip", "ass", "webvtt"])
def test_text_subtitles_in_mkv_are_copied(tmp_path: Path, codec: str) -> None:
    source = media.make_video(tmp_path / "night.mkv", subtitles=[media.Subtitle(codec=codec)])

    enhance(source, tmp_path / "day.mkv")

    assert packets(tmp_path / "day.mkv", 1) == packets(source, 1)


@pytest.mark.parametrize("container", ["mp4", "mov"])
@pytest.mark.parametrize("codec", ["subrip", "ass", "webvtt"])
def test_text_subtitles_become_mov_text_in_mp4(tmp_path: Path, codec: str, container: str) -> None:
    source = media.make_video(
        tmp_path / "night.mkv", subtitles=[media.Subtitle(codec=codec, metadata={"language": "eng"})]
    )
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    assert streams(target)[1] == ("subtitle", "mov_text")
    shown = [(data, at, length) for data, at, length in packets(target, 1) if len(data) > 2]
    assert [(at, length) for _, at, length in shown] == [
        (Fraction(4, 100), Fraction(12, 100)),
        (Fraction(20, 100), Fraction(16, 100)),
    ]
    assert b"Night" in shown[0][0]
    assert "Zwölf Uhr".encode() in shown[1][0]
    with reopened(target) as file:
        assert file.streams[1].language == "eng"


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_subtitles_that_overlap_keep_their_times_and_all_of_their_lines(tmp_path: Path, container: str) -> None:
    events = [
        *((0.04, 0.2, "<b>A</b>"), (0.12, 0.28, "and <i>B</i>"), (0.28, 0.3, "C")),
        *((0.32, 0.4, "D"), (0.32, 0.36, "E")),
    ]
    source = media.make_video(tmp_path / "night.mkv", frames=15, subtitles=[media.Subtitle(events=events)])
    target = tmp_path / f"day.{container}"

    _, writer = enhance(source, target)

    samples = [(data, at, length) for data, at, length in packets(target, 1) if len(data) > 2]
    assert [(data[2 : 2 + data[1]].decode(), at, length) for data, at, length in samples] == [
        ("A", Fraction(4, 100), Fraction(8, 100)),
        ("A\nand B", Fraction(12, 100), Fraction(8, 100)),
        ("and B", Fraction(20, 100), Fraction(8, 100)),
        ("C", Fraction(28, 100), Fraction(2, 100)),
        ("D\nE", Fraction(32, 100), Fraction(4, 100)),
        ("D", Fraction(36, 100), Fraction(4, 100)),
    ]
    bold_and_italic = samples[1][0].split(b"styl")[1]
    assert bold_and_italic[:2] == b"\x00\x02"
    assert bold_and_italic[2:6] + bold_and_italic[14:18] == b"\x00\x00\x00\x01" + b"\x00\x06\x00\x07"
    assert writer.notes == []


def test_a_subtitle_in_another_encoding_than_utf_8_is_skipped_and_said_and_the_rest_is_there(tmp_path: Path) -> None:
    events = [(0.04, 0.12, "Zwoelf"), (0.2, 0.3, "Eins")]
    source = media.make_video(tmp_path / "night.mkv", subtitles=[media.Subtitle(events=events)])
    source.write_bytes(source.read_bytes().replace(b"Zwoelf", b"Zw\xf6lf "))  # as Latin-1 has it

    _, writer = enhance(source, tmp_path / "day.mp4")

    shown = [data for data, _, _ in packets(tmp_path / "day.mp4", 1) if len(data) > 2]
    assert [data[2 : 2 + data[1]] for data in shown] == [b"Eins"]
    assert writer.notes == ["1 damaged packets of sound, subtitles or data were skipped"]


def test_a_shadow_is_not_written_as_a_second_line_and_words_beside_a_drawing_stay(tmp_path: Path) -> None:
    events = [
        *((0.04, 0.2, r"{\\blur2}Night"), (0.04, 0.2, "Night"), (0.04, 0.2, r"{\\alpha&HFF&}")),
        (0.24, 0.32, r"{\\p1}m 0 0 l 9 0{\\p0} with words"),
    ]
    source = media.make_video(tmp_path / "night.mkv", subtitles=[media.Subtitle(codec="ass", events=events)])

    enhance(source, tmp_path / "day.mp4")

    shown = [data[2 : 2 + data[1]] for data, _, _ in packets(tmp_path / "day.mp4", 1) if len(data) > 2]
    assert shown[0] == b"Night"
    assert shown[-1].endswith(b"with words")


def test_what_ass_can_do_and_mp4_cannot_is_said_and_drawings_are_no_text(tmp_path: Path) -> None:
    events = [(0.04, 0.2, r"{\an8}Above"), (0.2, 0.3, r"{\p1}m 0 0 l 100 0 100 100{\p0}")]
    source = media.make_video(tmp_path / "night.mkv", subtitles=[media.Subtitle(codec="ass", events=events)])

    _, writer = enhance(source, tmp_path / "day.mp4")

    assert [data[2:] for data, _, _ in packets(tmp_path / "day.mp4", 1) if len(data) > 2] == [b"Above"]
    assert writer.notes == [
        "subtitle stream #1 (ass) becomes mov_text: where its lines stand, and its drawings, are lost"
    ]


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_subtitle_that_is_on_screen_where_the_cut_begins_is_there_for_the_rest_of_its_time(
    tmp_path: Path, container: str
) -> None:
    events = [(0.0, 0.04, "over"), (0.04, 0.2, "on screen"), (0.24, 0.36, "to come")]
    source = media.make_video(tmp_path / "night.mkv", subtitles=[media.Subtitle(events=events)])
    target = tmp_path / f"day.{container}"

    enhance(source, target, start=0.12)

    shown = [(at, length) for data, at, length in packets(target, 1) if len(data) > 2]
    assert shown == [(0, Fraction(8, 100)), (Fraction(12, 100), Fraction(12, 100))]


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_subtitle_that_is_on_screen_where_the_cut_ends_leaves_with_the_picture(
    tmp_path: Path, container: str
) -> None:
    events = [(0.04, 0.08, "before"), (0.08, 90.0, "for long")]
    source = media.make_video(tmp_path / "night.mkv", subtitles=[media.Subtitle(events=events)])
    target = tmp_path / f"day.{container}"

    enhance(source, target, start=0.04, duration=0.2)

    shown = [(at, length) for data, at, length in packets(target, 1) if len(data) > 2]
    assert shown == [(0, Fraction(4, 100)), (Fraction(4, 100), Fraction(16, 100))]


@pytest.mark.parametrize(("container", "codec"), [("mkv", "subrip"), ("webm", "webvtt")])
def test_mov_text_becomes_what_the_other_container_has(tmp_path: Path, container: str, codec: str) -> None:
    source = media.make_video(tmp_path / "night.mp4", subtitles=[media.Subtitle(codec="mov_text")])
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    assert streams(target)[1] == ("subtitle", codec)
    assert [at for _, at, _ in packets(target, 1)] == [Fraction(4, 100), Fraction(20, 100)]


def test_image_subtitles_are_copied_to_mkv_and_dropped_from_mp4_with_their_name(tmp_path: Path) -> None:
    source = media.make_video(
        tmp_path / "night.mkv",
        subtitles=[media.Subtitle(codec="dvdsub", metadata={"language": "jpn", "title": "Signs"})],
    )

    _, kept = enhance(source, tmp_path / "day.mkv")
    _, dropped = enhance(source, tmp_path / "day.mp4")

    assert streams(tmp_path / "day.mkv")[1] == ("subtitle", "dvd_subtitle")
    assert packets(tmp_path / "day.mkv", 1) == packets(source, 1)
    assert kept.notes == []
    assert dropped.notes == ["subtitle stream #1 (dvd_subtitle, jpn, Signs) is dropped: .mp4 cannot hold it"]
    assert len(streams(tmp_path / "day.mp4")) == 1


@pytest.mark.parametrize("container", ["ts", "avi"])
def test_text_subtitles_where_there_is_no_form_for_them_are_dropped_with_their_name(
    tmp_path: Path, container: str
) -> None:
    source = media.make_video(tmp_path / "night.mkv", subtitles=[media.Subtitle()])

    _, writer = enhance(source, tmp_path / f"day.{container}")

    assert any("subtitle stream #1 (subrip) is dropped" in note for note in writer.notes)
