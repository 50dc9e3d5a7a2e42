"""Sound comes out as it went in, as the same samples, or a sentence says why not."""

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from streamllie.errors import SinkError
from tests import media
from tests.video.chain import enhance, packets, reopened, streams, times


def heard(path: Path) -> int:
    """Samples that a player gets from the first sound track."""
    with reopened(path) as file:
        return sum(frame.samples for frame in file.decode(audio=0))


@pytest.mark.parametrize(
    ("container", "codecs"),
    [
        ("mp4", ("aac", "ac3", "flac")),
        ("mkv", ("aac", "libopus", "flac", "pcm_s24le")),
        ("mov", ("aac", "pcm_s16le")),
        ("webm", ("libopus", "libopus")),
        ("ts", ("aac", "ac3")),
        ("avi", ("pcm_s16le", "ac3")),
    ],
)
def test_sound_is_copied_bit_exact_in_all_its_tracks(tmp_path: Path, container: str, codecs: tuple[str, ...]) -> None:
    sound = [media.Sound(codec=codec, hertz=220 * (n + 1)) for n, codec in enumerate(codecs)]
    video = "libvpx-vp9" if container == "webm" else "libx264"
    source = media.make_video(tmp_path / f"night.{container}", codec=video, sound=sound)
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    assert streams(target) == streams(source)
    for index in range(1, len(codecs) + 1):
        before, after = packets(source, index), packets(target, index)
        assert [data for data, _, _ in after] == [data for data, _, _ in before]
        if container not in ("ts", "avi"):  # avi and ts move all by the run-up of the sound, below
            assert [at for _, at, _ in after] == [at for _, at, _ in before]


@pytest.mark.parametrize(
    ("origin", "container"), [("ts", "mp4"), ("mp4", "ts"), ("mp4", "mkv"), ("mkv", "mp4"), ("ts", "mkv")]
)
def test_sound_that_changes_its_container_sounds_the_same_and_stays_in_step(
    tmp_path: Path, origin: str, container: str
) -> None:
    source = media.make_video(tmp_path / f"night.{origin}", sound=[media.Sound()])
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    # ADTS headers of transport streams come and go; the coded sound after them is the same.
    for (old, _, _), (new, _, _) in zip(packets(source, 1), packets(target, 1), strict=True):
        assert old.endswith(new) or new.endswith(old)
    before = times(source)[0] - (packets(source, 1)[0][1] or 0)
    after = times(target)[0] - (packets(target, 1)[0][1] or 0)
    assert abs(before - after) <= Fraction(1, 900)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
def test_sound_that_an_edit_list_cuts_away_is_not_heard_in_another_container(tmp_path: Path, container: str) -> None:
    source = media.make_video(
        tmp_path / "night.mp4",
        sound=[media.Sound(start=Fraction(-3, 10), seconds=0.7)],
        muxer_options={"avoid_negative_ts": "disabled"},
    )
    target = tmp_path / f"day.{container}"

    enhance(source, target)

    two_packets = 2 * 1024  # the decoder's run-up, and one that is cut away in part
    assert 0 <= heard(target) - heard(source) <= (0 if container == "mp4" else two_packets)


def test_sound_that_the_container_cannot_hold_is_an_error_before_any_work(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", sound=[media.Sound(metadata={"language": "deu"})])

    with pytest.raises(SinkError, match=r"audio stream #1 \(aac, deu\) cannot be copied into \.webm; .*\.mkv"):
        enhance(source, tmp_path / "day.webm")

    assert sorted(p.name for p in tmp_path.iterdir()) == ["night.mp4"]


def test_sound_that_few_containers_hold_is_refused_with_one_that_does(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.avi", sound=[media.Sound(codec="adpcm_ms")])

    with pytest.raises(SinkError, match=r"adpcm_ms\) cannot be copied into \.mp4; name the output \.mkv"):
        enhance(source, tmp_path / "day.mp4")


@pytest.mark.parametrize(
    ("origin", "codec", "layout"),
    [
        ("mov", "pcm_alaw", "mono"),
        ("mov", "pcm_mulaw", "stereo"),
        ("avi", "adpcm_ms", "mono"),
        ("avi", "adpcm_ima_wav", "stereo"),
    ],
)
def test_sound_of_telephones_and_old_cameras_has_the_same_samples_in_mkv_and_it_is_said(
    tmp_path: Path, origin: str, codec: str, layout: str
) -> None:
    sound = media.Sound(codec=codec, layout=layout, rate=8000, seconds=0.5, start=Fraction(1, 4) * (origin == "mov"))
    source = media.make_video(tmp_path / f"night.{origin}", sound=[sound], frames=20)

    writer = enhance(source, tmp_path / "day.mkv")[1]

    assert media.samples(tmp_path / "day.mkv").tolist() == media.samples(source).tolist()
    starts = [packets(path, 1)[0][1] or 0 for path in (source, tmp_path / "day.mkv")]
    assert starts[1] == pytest.approx(starts[0], abs=0.001)
    assert f"audio stream #1 ({codec}" in " ".join(writer.notes)
    assert "becomes pcm_s16le: the same samples" in " ".join(writer.notes)


def heard_from(path: Path) -> float:
    """When the first sample is heard, in seconds since the first picture."""
    with av.open(str(path)) as file:
        shown = next(file.decode(video=0)).time
    with av.open(str(path)) as file:
        return next(file.decode(audio=0)).time - shown


@pytest.mark.parametrize(
    ("codec", "form", "becomes", "off"),
    [("wmav2", "fltp", "pcm_s16le: its samples, rounded", 1), ("pcm_bluray", "s32", "pcm_s24le: the same samples", 0)],
)
def test_sound_that_no_container_is_given_goes_into_mkv_as_pcm(
    tmp_path: Path, codec: str, form: str, becomes: str, off: int
) -> None:
    sound = media.Sound(codec=codec, layout="stereo", form=form, seconds=0.4, bit_rate=128_000)
    if codec == "wmav2":
        source = media.make_video(tmp_path / "night.wmv", codec="wmv2", sound=[sound])
    else:
        options = {"mpegts_m2ts_mode": "1"}
        source = media.make_video(tmp_path / "night.m2ts", sound=[sound], muxer_options=options)

    writer = enhance(source, tmp_path / "day.mkv")[1]

    before, after = (media.samples(path).astype(int) for path in (source, tmp_path / "day.mkv"))
    assert before.size == after.size > 0
    assert np.abs(before - after).max() <= off < np.abs(before).max()
    assert heard_from(tmp_path / "day.mkv") == pytest.approx(heard_from(source), abs=0.001)
    assert becomes in " ".join(writer.notes)


def test_damaged_sound_that_becomes_pcm_is_skipped_and_counted(tmp_path: Path) -> None:
    sound = media.Sound(codec="pcm_bluray", layout="stereo", form="s32", seconds=0.4)
    source = media.make_video(tmp_path / "night.m2ts", sound=[sound], muxer_options={"mpegts_m2ts_mode": "1"})
    whole = media.samples(source).size
    with av.open(str(source)) as file:
        third = [bytes(packet) for packet in file.demux(audio=0) if packet.size][2]
    data = bytearray(source.read_bytes())
    data[data.index(third[:32]) + 2] = 0  # a layout of channels that there is not
    source.write_bytes(data)

    writer = enhance(source, tmp_path / "day.mkv")[1]

    assert "1 damaged packets of sound, subtitles or data were skipped" in writer.notes
    assert 0.5 * whole < media.samples(tmp_path / "day.mkv").size < whole


def test_sound_in_a_codec_that_nobody_knows_is_dropped_and_the_rest_enhanced(tmp_path: Path) -> None:
    """As the second sound of a phone's film, which only its maker's programs know."""
    source = media.make_video(tmp_path / "phone.mp4", sound=[media.Sound(), media.Sound()])
    data = bytearray(source.read_bytes())
    at = data.rindex(b"mp4a")
    data[at : at + 4] = b"apac"
    at = data.index(b"esds", at)
    data[at : at + 4] = b"xxxx"
    source.write_bytes(data)

    writer = enhance(source, tmp_path / "day.mp4")[1]

    assert [kind for kind, *_ in streams(tmp_path / "day.mp4")] == ["video", "audio"]
    assert "audio stream #2 (unknown, und) is dropped: its codec is not known here" in " ".join(writer.notes)


def test_sound_of_a_transport_stream_that_begins_late_is_found(tmp_path: Path) -> None:
    sound = media.Sound(start=Fraction(8), seconds=1, rate=44_100)
    source = media.make_video(tmp_path / "late.ts", frames=45, rate=5, sound=[sound])

    enhance(source, tmp_path / "day.mkv")

    came = [packets(path, 1)[0][1] for path in (source, tmp_path / "day.mkv")]
    assert came[1] == pytest.approx(came[0], abs=0.001)


def test_sound_that_is_announced_and_never_comes_is_dropped_and_it_is_said(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.ts", sound=[media.Sound()])
    media.silence(source)

    writer = enhance(source, tmp_path / "day.ts")[1]

    assert times(tmp_path / "day.ts") == times(source)
    assert "audio stream #1 (aac) is dropped: it is announced, and nothing of it was found" in " ".join(writer.notes)


def test_sound_that_begins_later_than_avi_can_say_is_told(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mp4", frames=25, sound=[media.Sound(start=Fraction(1, 2))])

    _, avi = enhance(source, tmp_path / "day.avi")
    _, mkv = enhance(source, tmp_path / "day.mkv")

    (note,) = avi.notes
    assert re.match(r"audio stream #1 begins 0\.(48|50) s after the picture, which \.avi cannot say", note)
    assert mkv.notes == []
