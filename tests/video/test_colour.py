"""Colour tags, range and depth come out as they went in; what was untagged stays untagged."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from streamllie.frame import Frame, VideoFormat
from streamllie.video import VideoSource
from streamllie.video.preview import Preview
from streamllie.video.tags import UNSPECIFIED
from tests import media
from tests.video.chain import enhance, frames_of, luma

# primaries, transfer, matrix as in ITU-T H.273
STANDARDS = {
    "untagged": (2, 2, 2),
    "bt601-525": (6, 6, 6),
    "bt601-625": (5, 6, 5),
    "bt709": (1, 1, 1),
    "bt2020": (9, 14, 9),
    "pq": (9, 16, 9),
    "hlg": (9, 18, 9),
}
RANGES = {"untagged": 0, "limited": 1, "full": 2}


def tagged(path: Path, standard: str, range_: str, *, codec: str = "libx264", **options: object) -> Path:
    primaries, transfer, matrix = STANDARDS[standard]
    return media.make_video(
        path,
        codec=codec,
        frames=3,
        tags={
            "color_primaries": primaries,
            "color_trc": transfer,
            "colorspace": matrix,
            "color_range": RANGES[range_],
        },
        **options,
    )


def tags(path: Path) -> tuple[int, int, int, int]:
    """Primaries, transfer, matrix and range of the first decoded frame, by plain PyAV."""
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        return int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), int(frame.color_range)


@pytest.mark.parametrize("container", ["mp4", "mkv", "mov", "ts"])
@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("standard", ["untagged", "bt601-525", "bt601-625", "bt709", "bt2020"])
def test_colour_tags_pass_unchanged(tmp_path: Path, standard: str, range_: str, container: str) -> None:
    source = tagged(tmp_path / f"night.{container}", standard, range_)

    enhance(source, tmp_path / f"day.{container}")

    assert tags(source)[:3] == STANDARDS[standard]  # the source really is what it is meant to be
    assert tags(tmp_path / f"day.{container}") == tags(source)


def test_hdr_in_pq_is_said_to_come_out_too_bright(tmp_path: Path) -> None:
    reader, _ = enhance(tagged(tmp_path / "night.mkv", "pq", "limited"), tmp_path / "day.mkv")
    assert any("HDR in PQ" in note for note in reader.notes)
    reader, _ = enhance(tagged(tmp_path / "other.mkv", "hlg", "limited"), tmp_path / "day.mkv", overwrite=True)
    assert not reader.notes


@pytest.mark.parametrize(("codec", "container"), [("hevc", "mp4"), ("av1", "mp4"), ("vp9", "webm"), ("ffv1", "mkv")])
@pytest.mark.parametrize("range_", ["limited", "full"])
def test_colour_tags_pass_through_every_encoder(tmp_path: Path, codec: str, container: str, range_: str) -> None:
    source = tagged(tmp_path / "night.mp4", "bt709", range_)

    enhance(source, tmp_path / f"day.{container}", codec=codec)

    assert tags(tmp_path / f"day.{container}") == (1, 1, 1, RANGES[range_])


@pytest.mark.parametrize(
    ("codec", "container", "unit"), [("prores", "mov", 4), ("prores", "mkv", 4), ("ffv1", "avi", 1)]
)
def test_full_range_becomes_limited_where_nobody_could_tell_and_it_is_said(
    tmp_path: Path, codec: str, container: str, unit: int
) -> None:
    source = tagged(tmp_path / "night.mp4", "bt709", "full")

    _, writer = enhance(source, tmp_path / f"day.{container}", codec=codec)

    full = luma(source)[0].astype(float)
    limited = luma(tmp_path / f"day.{container}")[0] / unit
    assert np.abs(limited - (16 + full * 219 / 255)).max() <= 1.5  # ProRes rounds, and so do 8 bits
    assert tags(tmp_path / f"day.{container}")[3] in (0, 1)
    assert any("full-range levels become limited" in note for note in writer.notes)


@pytest.mark.parametrize("standard", ["pq", "hlg"])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
def test_hdr_keeps_its_tags_and_its_depth(tmp_path: Path, standard: str, codec: str) -> None:
    source = tagged(tmp_path / "night.mp4", standard, "limited", codec=codec, layout="yuv420p10le")

    enhance(source, tmp_path / "day.mp4")

    assert tags(tmp_path / "day.mp4") == (*STANDARDS[standard], 1)
    with VideoSource(tmp_path / "day.mp4") as reader:
        assert reader.format.depth == 10


def test_hdr_metadata_that_is_not_carried_is_named(tmp_path: Path) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    source = tagged(
        tmp_path / "night.mp4",
        "pq",
        "limited",
        codec="libx265",
        layout="yuv420p10le",
        options={"x265-params": f"log-level=none:master-display={display}"},
    )

    reader, _ = enhance(source, tmp_path / "day.mp4")

    assert "HDR mastering metadata of the video is dropped" in reader.notes


def test_the_old_full_range_layout_is_full_range_and_stays_so(tmp_path: Path) -> None:
    source = tagged(tmp_path / "night.mp4", "untagged", "full", layout="yuvj420p", options={"crf": "1"})

    with VideoSource(source) as reader:
        assert reader.format.full_range
    enhance(source, tmp_path / "day.mp4", crf=1)

    assert tags(tmp_path / "day.mp4")[3] == 2
    before, after = frames_of(source)[0].y.astype(int), frames_of(tmp_path / "day.mp4")[0].y.astype(int)
    assert np.abs(before - after).max() <= 4  # near-lossless coding twice, no change of levels


def test_untagged_range_is_limited(tmp_path: Path) -> None:
    source = tagged(tmp_path / "night.mp4", "untagged", "untagged")

    with VideoSource(source) as reader:
        assert (reader.format.full_range, reader.format.range_tag) == (False, 0)


@pytest.mark.parametrize("location", ["topleft", "center", "left"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_place_of_chroma_survives(tmp_path: Path, location: str, codec: str) -> None:
    source = media.make_video(tmp_path / "night.mp4", options={"chroma_sample_location": location}, frames=3)

    enhance(source, tmp_path / "day.mp4", codec=codec)

    with VideoSource(source) as before, VideoSource(tmp_path / "day.mp4") as after:
        expected = {"left": 1, "center": 2, "topleft": 3}[location]
        assert before.format.chroma_location == after.format.chroma_location == expected


@pytest.mark.parametrize(("range_", "black"), [("limited", 16), ("full", 0), ("untagged", 16)])
def test_grey_keeps_its_levels_or_gets_those_that_its_tags_promise(tmp_path: Path, range_: str, black: int) -> None:
    """Untagged grey is full range by custom, untagged 4:2:0 is limited: the codes must move."""
    grey = av.VideoFrame(64, 48, "gray")
    grey.planes[0].update(bytes([16 if range_ == "limited" else 0]) * grey.planes[0].buffer_size)
    source = media.make_video(
        tmp_path / "night.mkv",
        codec="ffv1",
        layout="gray",
        pictures=[grey],
        tags={"color_range": RANGES[range_]},
    )

    with VideoSource(source) as reader:
        assert reader.format.full_range == (range_ == "full")
        frame = next(iter(reader))
    assert set(np.unique(frame.y)) == {black}
    assert set(np.unique(frame.u)) == {128}


@pytest.mark.parametrize("layout", ["gray", "gray16be"])
def test_grey_png_is_not_said_to_be_rgb(tmp_path: Path, layout: str) -> None:
    source = media.make_video(tmp_path / "night.mov", codec="png", layout=layout)

    enhance(source, tmp_path / "day.mp4")

    with VideoSource(tmp_path / "day.mp4") as reader:
        assert reader.format.matrix == UNSPECIFIED


BT601, BT2020 = (0.299, 0.114), (0.2627, 0.0593)  # red and blue in luma


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("matrix", "weights"), [(1, (0.2126, 0.0722)), (2, BT601), (5, BT601), (6, BT601), (9, BT2020), (10, BT2020)]
)
def test_what_is_shown_has_the_colours_of_its_matrix(
    matrix: int, weights: tuple[float, float], full_range: bool
) -> None:
    format = VideoFormat(height=48, width=64, depth=10, matrix=matrix, full_range=full_range)
    y, u, v = (np.full(shape, code, np.uint16) for shape, code in (((48, 64), 500), ((24, 32), 400), ((24, 32), 620)))
    shown = Preview().rgb(Frame(y=y, u=u, v=v, pts=0, time_base=Fraction(1, 25)), format)

    red, blue = weights
    luma = 500 / 1023 if full_range else (500 - 64) / 876
    cb, cr = ((code - 512) / (1023 if full_range else 896) for code in (400, 620))
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    assert np.abs(shown / 255 - (r, g, b)).max() <= 3 / 255


def _appended(tmp_path: Path, one: tuple[str, str], two: tuple[str, str], *, chroma: str = "420p") -> Path:
    """Three frames of each, with a standard and a range of their own."""
    parts: list[bytes] = []
    for n, (standard, range_) in enumerate((one, two)):
        layout = ("yuvj" if range_ == "full" else "yuv") + chroma
        clock = {"time_base": Fraction(1, 90_000), "pts": [90_000 + 3600 * (3 * n + k) for k in range(3)]}
        part = tagged(tmp_path / f"{n}.ts", standard, range_, layout=layout, options={"qp": "0"}, **clock)
        parts.append(part.read_bytes())
    both = tmp_path / "night.ts"
    both.write_bytes(b"".join(parts))
    return both


@pytest.mark.parametrize("chroma", ["420p", "422p", "444p"])
@pytest.mark.parametrize(("first", "second"), [("limited", "full"), ("full", "limited")])
def test_levels_that_change_on_the_way_are_converted_and_it_is_said(
    tmp_path: Path, first: str, second: str, chroma: str
) -> None:
    layout = ("yuvj" if second == "full" else "yuv") + chroma
    alone = tagged(tmp_path / "alone.ts", "bt709", second, layout=layout, options={"qp": "0"})
    luma = frames_of(alone)[0].y.astype(float)
    with VideoSource(_appended(tmp_path, ("bt709", first), ("bt709", second), chroma=chroma)) as source:
        frames = list(source)
    assert len(frames) == 6
    wanted = luma * 219 / 255 + 16 if second == "full" else (luma - 16) * 255 / 219
    assert np.abs(frames[3].y - wanted).max() <= 1
    assert [note for note in source.notes if "levels change" in note] == [
        f"the levels change: all frames get {first} ones"
    ]


def test_other_colours_on_the_way_are_said(tmp_path: Path) -> None:
    with VideoSource(_appended(tmp_path, ("bt709", "limited"), ("bt601-525", "limited"))) as source:
        list(source)
    assert any("primaries, curve or matrix of the colours change" in note for note in source.notes)
    with VideoSource(_appended(tmp_path, ("bt709", "limited"), ("untagged", "limited"))) as source:
        list(source)
    assert not source.notes


@pytest.mark.parametrize(("suffix", "said"), [("avi", True), ("mkv", False)])
def test_colour_tags_that_avi_does_not_say_of_ffv1_are_named(tmp_path: Path, suffix: str, said: bool) -> None:
    source = media.make_video(
        tmp_path / "night.mkv", frames=2, tags={"color_primaries": 1, "color_trc": 1, "colorspace": 1}
    )
    writer = enhance(source, tmp_path / f"day.{suffix}", codec="ffv1")[1]
    assert any("the colour tags are dropped: ffv1 in avi" in note for note in writer.notes) == said
