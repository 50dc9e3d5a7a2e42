"""What is said of a file and its streams (titles, dates, chapters, how to show it) comes out as it went in."""

import math
import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests import media
from tests.video.chain import enhance, reopened, streams


@pytest.mark.parametrize("container", ["mp4", "mkv", "mov", "webm"])
def test_chapters_survive(tmp_path: Path, container: str) -> None:
    source = media.make_video(tmp_path / "night.mkv", chapters=[(0, 0.2, "Dusk"), (0.2, 0.4, "Dawn")])
    target = tmp_path / f"day.{container}"

    enhance(source, target)
    enhance(target, tmp_path / f"again.{container}")  # mp4 shows its chapters as a text track too: not copied twice

    for path in (target, tmp_path / f"again.{container}"):
        with reopened(path) as file:
            found = [
                (c["metadata"]["title"], c["start"] * c["time_base"], c["end"] * c["time_base"])
                for c in file.chapters()
            ]
        assert found == [("Dusk", 0, Fraction(1, 5)), ("Dawn", Fraction(1, 5), Fraction(2, 5))]
    assert streams(target) == streams(tmp_path / f"again.{container}")


def test_chapters_of_a_trimmed_video_move_with_it(tmp_path: Path) -> None:
    source = media.make_video(
        tmp_path / "night.mkv", frames=30, chapters=[(0, 0.4, "a"), (0.4, 0.8, "b"), (0.8, 1.2, "c")]
    )

    enhance(source, tmp_path / "day.mkv", start=0.6, duration=0.4)

    with reopened(tmp_path / "day.mkv") as file:
        found = [
            (c["metadata"]["title"], c["start"] * c["time_base"], c["end"] * c["time_base"]) for c in file.chapters()
        ]
    assert found == [("b", 0, Fraction(1, 5)), ("c", Fraction(1, 5), Fraction(2, 5))]


def test_a_chapter_without_a_title_does_not_run_into_the_next_in_mp4(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mkv", chapters=[(0, 0.16, ""), (0.16, 0.4, "Dawn")])

    for container, title in (("mp4", "Chapter 1"), ("mkv", "")):
        enhance(source, tmp_path / f"day.{container}")
        with av.open(str(tmp_path / f"day.{container}")) as file:
            found = [
                (c["metadata"].get("title", ""), round(float(c["start"] * c["time_base"]), 2)) for c in file.chapters()
            ]
        assert found == [(title, 0.0), ("Dawn", 0.16)]


def test_chapters_are_named_where_there_are_none(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mkv", chapters=[(0, 0.2, "Dusk")])

    _, writer = enhance(source, tmp_path / "day.ts")

    assert "1 chapters are dropped: .ts has none" in writer.notes


TITLE = {"title": "Night", "artist": "Owl", "comment": "dark", "creation_time": "2020-01-02T03:04:05.000000Z"}


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_titles_and_the_creation_date_survive(tmp_path: Path, container: str) -> None:
    source = media.make_video(tmp_path / "night.mkv", metadata=TITLE)

    enhance(source, tmp_path / f"day.{container}")

    with reopened(tmp_path / f"day.{container}") as file:
        found = {key.lower(): value for key, value in file.metadata.items()}
    for key, value in TITLE.items():
        assert found[key] == value


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_what_a_phone_writes_about_itself_survives(tmp_path: Path, container: str) -> None:
    phone = {"com.android.version": "14", "com.apple.quicktime.make": "Apple", "location": "+48.1+011.5/"}
    source = media.make_video(
        tmp_path / f"night.{container}",
        metadata={**TITLE, **phone},
        muxer_options={"movflags": "use_metadata_tags"},
    )

    enhance(source, tmp_path / f"day.{container}")

    with reopened(source) as before, reopened(tmp_path / f"day.{container}") as after:
        for key, value in before.metadata.items():
            assert key in {"encoder", "major_brand", "minor_version"} or after.metadata[key] == value


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_languages_titles_and_dispositions_of_streams_survive(tmp_path: Path, container: str) -> None:
    Disposition = av.stream.Disposition
    source = media.make_video(
        tmp_path / "night.mkv",
        stream_metadata={"language": "fra", "title": "Nuit"},
        sound=[
            media.Sound(metadata={"language": "fra"}, disposition=int(Disposition.default)),
            media.Sound(metadata={"language": "eng", "title": "Director"}, disposition=int(Disposition.comment)),
        ],
    )

    enhance(source, tmp_path / f"day.{container}")

    with reopened(tmp_path / f"day.{container}") as file:
        assert [s.language for s in file.streams] == ["fra", "fra", "eng"]
        assert file.streams[1].disposition & Disposition.default
        assert not file.streams[2].disposition & Disposition.default
        assert file.streams[2].disposition & Disposition.comment
        key = "name" if container == "mp4" else "title"  # as libav reads it back
        assert file.streams[2].metadata[key] == "Director"
        assert file.streams[0].metadata[key] == "Nuit"
    enhance(tmp_path / f"day.{container}", tmp_path / "again.mkv")
    with reopened(tmp_path / "again.mkv") as file:
        assert file.streams[2].metadata["title"] == "Director"


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ("ts", "title, comment, make, title (Commentary) of stream #1: dropped, .ts cannot say so"),
        ("avi", "make, language (ger) of stream #1: dropped, .avi cannot say so"),
    ],
)
def test_titles_and_languages_that_a_container_cannot_say_are_named(tmp_path: Path, container: str, told: str) -> None:
    source = media.make_video(
        tmp_path / "night.mkv",
        metadata={"title": "Night", "comment": "dark", "make": "Phone"},
        sound=[media.Sound(codec="ac3", metadata={"language": "ger", "title": "Commentary"})],
    )

    _, writer = enhance(source, tmp_path / f"day.{container}")
    _, silent = enhance(source, tmp_path / "day.mkv")

    assert {word.lower() for word in writer.notes[0].split(", ")} == set(told.lower().split(", "))
    assert silent.notes == []


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_languages_are_kept_by_either_of_their_two_codes(tmp_path: Path, container: str) -> None:
    codes = ("fre", "fra", "deu", "ger", "nld", "jpn")
    sound = [media.Sound(metadata={"language": code}) for code in codes]
    source = media.make_video(tmp_path / "night.mkv", sound=sound)

    _, writer = enhance(source, tmp_path / f"day.{container}")

    kept = ("fra", "fra", "ger", "ger", "dut", "jpn") if container == "mov" else codes
    with reopened(tmp_path / f"day.{container}") as file:
        assert tuple(stream.language for stream in file.streams.audio) == kept
    assert writer.notes == []


def test_what_is_not_to_be_read_in_the_new_file_is_named(tmp_path: Path) -> None:
    comment = int(av.stream.Disposition.comment)
    sound = [
        media.Sound(metadata={"language": "hrv"}),  # QuickTime has no number for Croatian that libav writes
        media.Sound(metadata={"language": "eng"}, disposition=comment),
    ]
    source = media.make_video(tmp_path / "night.mkv", sound=sound)

    _, writer = enhance(source, tmp_path / "day.mov")

    assert writer.notes == ["language (hrv) of stream #1, comment of stream #2: dropped, .mov cannot say so"]


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_a_track_of_which_nothing_was_wanted_is_no_loss(tmp_path: Path, container: str) -> None:
    late = media.Sound(start=Fraction(2), metadata={"language": "jpn"})
    sound = [late, media.Sound(metadata={"language": "eng"}), media.Sound(metadata={"language": "fin"})]
    source = media.make_video(tmp_path / "night.mkv", frames=75, sound=sound)

    _, writer = enhance(source, tmp_path / f"day.{container}", duration=0.3)

    assert writer.notes == []


def test_an_unknown_language_is_nothing_to_lose(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", sound=[media.Sound(codec="ac3", metadata={"language": "und"})])

    _, writer = enhance(source, tmp_path / "day.avi")

    assert not any("language" in note for note in writer.notes)


def test_the_statistics_of_the_old_video_are_not_claimed_for_the_new_one(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mkv", stream_metadata={"BPS": "123", "NUMBER_OF_FRAMES": "99"})

    enhance(source, tmp_path / "day.mkv")

    with reopened(tmp_path / "day.mkv") as file:
        assert "BPS" not in file.streams[0].metadata
        assert "NUMBER_OF_FRAMES" not in file.streams[0].metadata


def test_a_rate_that_is_no_number_is_not_believed_and_the_old_encoder_not_named(tmp_path: Path) -> None:
    said = {"BPS": "a lot", "ENCODER": "Lavc59 of the source"}
    source = media.make_video(tmp_path / "night.mkv", stream_metadata=said)

    enhance(source, tmp_path / "day.mkv")

    with reopened(tmp_path / "day.mkv") as file:
        assert "Lavc59 of the source" not in file.streams[0].metadata.values()


def turned(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """How a player turns and mirrors it: the signs of libav's matrix."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    a, b, _, c, d = struct.unpack_from("5i", bytes(data))
    return tuple((n > 1000) - (n < -1000) for n in (a, b, c, d))


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
def test_rotation_and_mirror_are_kept_and_not_baked(
    tmp_path: Path, rotation: int, mirrored: bool, container: str
) -> None:
    source = media.make_video(tmp_path / "night.mp4", rotation=rotation, mirrored=mirrored)

    enhance(source, tmp_path / f"day.{container}")

    with reopened(source) as before, reopened(tmp_path / f"day.{container}") as after:
        old, new = next(before.decode(video=0)), next(after.decode(video=0))
        assert turned(new) == turned(old)
        assert (turned(old) is None) == (rotation == 0 and not mirrored)
        assert (new.width, new.height) == (old.width, old.height)


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_slant_keeps_its_degrees(tmp_path: Path, container: str) -> None:
    source = media.make_video(tmp_path / "night.mp4", rotation=30)

    _, writer = enhance(source, tmp_path / f"day.{container}")

    assert writer.format.rotation == 30
    with reopened(tmp_path / f"day.{container}") as after:
        matrix = bytes(next(after.decode(video=0)).side_data.get("DISPLAYMATRIX"))
    a, b = struct.unpack_from("2i", matrix)
    assert math.degrees(math.atan2(-b, a)) == pytest.approx(30, abs=0.01)


@pytest.mark.parametrize("container", ["ts", "avi"])
def test_a_rotation_that_the_container_cannot_say_is_named(tmp_path: Path, container: str) -> None:
    source = media.make_video(tmp_path / "night.mp4", rotation=90, mirrored=True)

    _, writer = enhance(source, tmp_path / f"day.{container}")

    assert any("turned by 90 degrees and mirrored" in note for note in writer.notes)


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "ts", "avi"])
def test_the_sample_aspect_ratio_survives(tmp_path: Path, container: str) -> None:
    source = media.make_video(tmp_path / "night.mkv", tags={"sample_aspect_ratio": Fraction(16, 11)})

    enhance(source, tmp_path / f"day.{container}")

    with reopened(tmp_path / f"day.{container}") as file:
        assert file.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


@pytest.mark.parametrize(
    ("codec", "container"), [("vp9", "webm"), ("av1", "webm"), ("av1", "mkv"), ("ffv1", "mkv"), ("ffv1", "avi")]
)
def test_a_sample_aspect_ratio_that_cannot_be_written_is_named(tmp_path: Path, codec: str, container: str) -> None:
    source = media.make_video(tmp_path / "night.mkv", tags={"sample_aspect_ratio": Fraction(16, 11)})

    _, writer = enhance(source, tmp_path / f"day.{container}", codec=codec)

    assert any("pixels become square, they were 16:11" in note for note in writer.notes)


@pytest.mark.parametrize(("codec", "container"), [("vp9", "mp4"), ("av1", "mp4"), ("prores", "mov"), ("hevc", "mkv")])
def test_the_sample_aspect_ratio_survives_other_codecs_without_a_word(
    tmp_path: Path, codec: str, container: str
) -> None:
    source = media.make_video(tmp_path / "night.mkv", tags={"sample_aspect_ratio": Fraction(16, 11)})

    _, writer = enhance(source, tmp_path / f"day.{container}", codec=codec)

    with reopened(tmp_path / f"day.{container}") as file:
        assert file.streams.video[0].sample_aspect_ratio == Fraction(16, 11)
    assert not any("pixels" in note for note in writer.notes)
