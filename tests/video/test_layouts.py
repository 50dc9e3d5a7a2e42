"""Whatever the layout of its samples, a picture becomes progressive planar 4:2:0 of one size, and that is said."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streamllie.video import VideoSource
from tests import media
from tests.video.chain import enhance, frames_of, luma, times


@pytest.mark.parametrize(
    ("codec", "layout", "depth"),
    [
        ("ffv1", "yuv422p", 8),
        ("ffv1", "yuv444p", 8),
        ("ffv1", "yuv422p10le", 10),
        ("ffv1", "gray", 8),
        ("ffv1", "gbrp10le", 10),
        ("rawvideo", "nv12", 8),
        ("qtrle", "rgb24", 8),
        ("png", "pal8", 8),
        ("libx264rgb", "rgb24", 8),
    ],
)
def test_other_layouts_become_planar_420_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, codec: str, layout: str, depth: int
) -> None:
    container = "mov" if codec in ("qtrle", "png") else "mkv"
    pictures = [media.planar_frame(n, layout="yuv420p") for n in range(4)]
    if layout != "pal8":
        pictures = [frame.reformat(format=layout) for frame in pictures]
    else:
        pictures = [_with_palette(frame) for frame in pictures]
    source = media.make_video(
        tmp_path / f"night.{container}", codec=codec, layout=layout, pictures=pictures, options={}
    )

    reader, _ = enhance(source, tmp_path / "day.mp4")

    assert reader.format.depth == depth
    assert len([note for note in reader.notes if "converted from" in note]) == 1
    assert caplog.text.count("converted from") == 1
    first = frames_of(source)[0]
    assert (first.y.shape, first.u.shape) == ((48, 64), (24, 32))
    wanted = media.picture(0)[0].astype(float)
    got = first.y.astype(float) / (4 if depth == 10 else 1)
    assert np.abs(got - wanted).mean() < 3  # a palette or an RGB round trip costs a level or two
    assert len(times(tmp_path / "day.mp4")) == 4


def _with_palette(frame: av.VideoFrame) -> av.VideoFrame:
    """A picture in 256 greys with a palette."""
    indexed = av.VideoFrame(frame.width, frame.height, "pal8")
    y = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)[:, : frame.width]
    rows = np.frombuffer(indexed.planes[0], np.uint8).reshape(frame.height, -1)
    grey = np.clip((y.astype(np.int32) - 16) * 255 // 219, 0, 255).astype(np.uint8)
    rows[:, : frame.width] = grey
    palette = np.arange(256, dtype=np.uint32)
    colours = (0xFF << 24) | (palette << 16) | (palette << 8) | palette
    indexed.planes[1].update(colours.astype(np.uint32).tobytes())
    return indexed


@pytest.mark.parametrize(("height", "matrix"), [(48, 6), (720, 1)])
def test_rgb_becomes_bt709_or_bt601_by_height_and_is_tagged_so(tmp_path: Path, height: int, matrix: int) -> None:
    red = av.VideoFrame(64, height, "gbrp")
    for plane, value in zip(red.planes, (0, 0, 255), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    source = media.make_video(
        tmp_path / "red.mkv",
        codec="ffv1",
        layout="gbrp14le",
        height=height,
        pictures=[red.reformat(format="gbrp14le")],
    )

    with VideoSource(source) as reader:
        format, frame = reader.format, next(iter(reader))
    assert (format.matrix, format.range_tag, format.full_range, format.depth) == (matrix, 1, False, 10)
    expected = {6: 81, 1: 63}[matrix]  # luma of pure red in limited range, 8 bits
    assert abs(int(frame.y[0, 0]) / 4 - expected) < 1.5


def test_alpha_is_dropped_with_a_warning(tmp_path: Path) -> None:
    pictures = [media.planar_frame(n, layout="yuva420p") for n in range(3)]
    source = media.make_video(tmp_path / "night.mkv", codec="ffv1", layout="yuva420p", pictures=pictures)

    reader, _ = enhance(source, tmp_path / "day.mp4")

    assert any("alpha" in note for note in reader.notes)
    np.testing.assert_array_equal(frames_of(source)[1].y, media.picture(1)[0])


def combed(index: int) -> av.VideoFrame:
    """A bar that moves between the two fields of a frame."""
    frame = av.VideoFrame(64, 48, "yuv420p")
    y = np.frombuffer(frame.planes[0], np.uint8).reshape(48, -1)
    y[:] = 40
    for field in (0, 1):
        left = 4 + 4 * index + 2 * field
        y[field::2, left : left + 8] = 200
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    return frame


@pytest.mark.parametrize(
    ("codec", "container", "options"),
    [
        ("mpeg2video", "ts", {"flags": "+ildct+ilme", "qscale": "2"}),
        ("libx264", "mp4", {"x264-params": "tff=1", "flags": "+ildct+ilme", "crf": "5"}),
        ("ffv1", "mkv", {}),
    ],
)
def test_interlaced_video_is_deinterlaced_one_frame_for_one_and_it_is_said(
    tmp_path: Path, codec: str, container: str, options: dict[str, str]
) -> None:
    source = media.make_video(
        tmp_path / f"night.{container}",
        codec=codec,
        pictures=[combed(n) for n in range(8)],
        options=options,
        tags={"field_order": 2, "flags": 1 << 29 | 1 << 18},
    )

    reader, _ = enhance(source, tmp_path / "day.mkv")

    assert sum("bwdif" in note for note in reader.notes) == 1
    assert [f.pts for f in frames_of(source)] == _pts(source)
    for frame in frames_of(source)[1:-1]:
        y = frame.y.astype(int)
        comb = np.abs(2 * y[1:-1] - y[:-2] - y[2:])[4:-4].max()
        assert comb < 120, f"lines differ by {comb}: combed"
    lines = luma(source).astype(int)[3]
    assert np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).max() > 200  # the source really is


def _pts(path: Path) -> list[int | None]:
    with av.open(str(path)) as file:
        return [frame.pts for frame in file.decode(video=0)]


def test_progressive_video_is_not_touched_by_the_deinterlacer(tmp_path: Path) -> None:
    source = media.make_video(tmp_path / "night.mkv", codec="ffv1")

    with VideoSource(source) as reader:
        list(reader)
        assert reader.notes == []


def test_a_picture_that_changes_its_size_is_scaled_to_the_first_and_it_is_said(tmp_path: Path) -> None:
    large = media.make_video(tmp_path / "a.ts", frames=5)
    small = media.make_video(tmp_path / "b.ts", frames=5, height=32, width=48, pts=range(5, 10))
    both = tmp_path / "night.ts"
    both.write_bytes(large.read_bytes() + small.read_bytes())

    reader, _ = enhance(both, tmp_path / "day.mp4")

    assert any("48x32" in note for note in reader.notes)
    assert luma(tmp_path / "day.mp4").shape == (10, 48, 64)


def test_a_source_that_is_closed_at_once_does_not_wait_for_its_decoder_for_ever(tmp_path: Path) -> None:
    night = media.make_video(tmp_path / "night.webm", codec="libvpx-vp9", frames=3, height=49, width=65)
    for _ in range(150):  # it used to hang once in some hundred times, while a decoder thread had something to log
        with VideoSource(night) as source:
            assert source.format.width == 65


def test_a_gif_is_said_to_lose_transparency_only_if_it_has_any(tmp_path: Path) -> None:
    with VideoSource(media.make_video(tmp_path / "night.gif", codec="gif", layout="rgb8")) as source:
        assert not any("transparency" in note for note in source.notes)


def test_a_cameras_pictures_with_exif_in_each_are_a_video(tmp_path: Path) -> None:
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
    with av.open(str(tmp_path / "night.avi"), "w") as output:
        stream = output.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for n in range(4):
            _, data = cv2.imencodeWithMetadata(
                ".jpg",
                np.full((48, 64, 3), 20 + n, np.uint8),
                [cv2.IMAGE_METADATA_EXIF],
                [np.frombuffer(exif, np.uint8)],
            )
            packet = av.Packet(data.tobytes())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, n, n, Fraction(1, 10)
            output.mux(packet)

    _, sink = enhance(tmp_path / "night.avi", tmp_path / "day.mkv")

    assert sink.frames_written == 4


def test_pictures_of_other_sizes_are_scaled_and_each_size_is_said_once(tmp_path: Path) -> None:
    night = tmp_path / "night.h264"
    sizes = [(48, 64), (60, 80), (48, 64), (40, 32), (60, 80)]
    parts = [media.make_video(tmp_path / f"{n}.h264", frames=1, height=h, width=w) for n, (h, w) in enumerate(sizes)]
    night.write_bytes(b"".join(part.read_bytes() for part in parts))

    with VideoSource(night) as source:
        frames = list(source)

    assert [frame.y.shape for frame in frames] == [(48, 64)] * 5
    assert [note for note in source.notes if "size" in note] == [
        f"the picture size changes to {size}: such frames are scaled to 64x48" for size in ("80x60", "32x40")
    ]
