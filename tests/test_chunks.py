"""What pictures say beside their pixels goes along, or is named."""

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamllie import stills
from streamllie.chunks import Beside
from streamllie.stills import Still


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@pytest.fixture
def still(dark_rgb) -> Still:
    return Still(rgb=dark_rgb)


@pytest.fixture
def scan(still, tmp_path):
    """A png of 300 dots per inch, with gamma, a text and a code point for PQ."""
    path = tmp_path / "scan.png"
    stills.write(path, still)
    data = path.read_bytes()
    more = chunk(b"gAMA", struct.pack(">I", 45_455)) + chunk(b"cICP", bytes([9, 16, 0, 1]))
    more += chunk(b"pHYs", struct.pack(">IIB", 11_811, 11_811, 1)) + chunk(b"tEXt", "Title\0Fête".encode("latin-1"))
    path.write_bytes(data[:33] + more + data[33:])
    return path


@pytest.fixture
def photo(still, tmp_path):
    """A jpg of 300 dots per inch with a comment."""
    path = tmp_path / "photo.jpg"
    stills.write(path, still)
    data = path.read_bytes()
    comment = b"taken at night"
    density = data[:13] + struct.pack(">BHH", 1, 300, 300) + data[18:20]
    path.write_bytes(density + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[20:])
    return path


@pytest.mark.parametrize("name", ["scan", "photo"])
def test_a_copy_of_the_same_kind_says_the_same(request, tmp_path, name):
    source = request.getfixturevalue(name)
    target = tmp_path / f"copy{source.suffix}"
    read = stills.read(source)
    assert read.notes == stills.write(target, read) == ()
    again = stills.read(target)
    assert sorted(again.beside.parts) == sorted(read.beside.parts)
    assert len(again.beside.parts) == {"scan": 4, "photo": 2}[name]
    assert np.abs(again.rgb.astype(int) - read.rgb).max() <= (0 if name == "scan" else 16)


def test_texts_of_a_png_stay_beside_its_xmp(scan, tmp_path):
    read = stills.read(scan)
    with_xmp = replace(read, metadata=((cv2.IMAGE_METADATA_XMP, b"<x:xmpmeta/>"),))
    assert stills.write(tmp_path / "copy.png", with_xmp) == ()
    again = stills.read(tmp_path / "copy.png")
    assert sorted(again.beside.parts) == sorted(read.beside.parts)
    assert dict(again.metadata)[cv2.IMAGE_METADATA_XMP] == b"<x:xmpmeta/>"


def test_a_text_that_is_there_is_not_written_twice(scan):
    data = scan.read_bytes()
    beside = Beside("png", ((b"tEXt", b"Title\0mine"), (b"zTXt", b"Author\0\0" + zlib.compress(b"me"))))
    again, _ = beside.into(data, suffix=".png")
    assert [body.partition(b"\0")[0] for name, body in Beside.of(again).parts if name in (b"tEXt", b"zTXt")] == [
        b"Author",
        b"Title",
    ]


def test_another_kind_names_what_it_leaves_out(scan, photo, tmp_path):
    (told,) = stills.write(tmp_path / "scan.jpg", stills.read(scan))
    assert told == "gamma, colour code points, resolution, texts of the png cannot go into .jpg: left out"
    (told,) = stills.write(tmp_path / "photo.webp", stills.read(photo))
    assert told == "resolution, comments of the jpg cannot go into .webp: left out"


def test_a_picture_that_says_nothing_loses_nothing(still, tmp_path):
    for name in ("a.png", "a.jpg", "a.webp"):
        stills.write(tmp_path / name, still)
        assert stills.write(tmp_path / "b.jpg", stills.read(tmp_path / name), overwrite=True) == ()


def test_what_is_damaged_or_said_twice_does_not_go_along(scan, tmp_path):
    data = scan.read_bytes()
    odd = chunk(b"pHYs", struct.pack(">IIB", 1, 1, 1)) + chunk(b"sRGB", b"too long")
    wrong = chunk(b"tEXt", b"Title\0torn")[:-1] + b"x"
    scan.write_bytes(data[:33] + chunk(b"tEXt", b"Author\0me") + data[33:-12] + odd + wrong + data[-12:])
    names = [name for name, _ in Beside.of(scan.read_bytes()).parts]
    assert names == [b"tEXt", b"gAMA", b"cICP", b"pHYs", b"tEXt"]


def test_a_byte_that_fills_before_a_segment_hides_nothing(photo):
    data = photo.read_bytes()
    assert Beside.of(data[:20] + b"\xff\xff" + data[20:]) == Beside.of(data)


def test_a_picture_that_is_turned_has_its_resolution_turned(scan, photo):
    for path, across, down in ((scan, slice(0, 4), slice(4, 8)), (photo, slice(1, 3), slice(3, 5))):
        beside = Beside.of(path.read_bytes())
        name, body = next(part for part in beside.parts if part[0] in (b"pHYs", b"JFIF"))
        other = body[: across.start] + b"\0" * (across.stop - across.start - 1) + b"\x64" + body[across.stop :]
        turned = dict(Beside(beside.kind, ((name, other),)).turned().parts)[name]
        assert (turned[across], turned[down]) == (other[down], other[across])


@pytest.mark.parametrize(("cut", "of_scan", "of_photo"), [(9, 0, 0), (20, 0, 1), (40, 0, 2), (60, 1, 2), (100, 3, 2)])
def test_a_file_that_is_cut_short_says_what_is_whole(scan, photo, cut, of_scan, of_photo):
    assert len(Beside.of(scan.read_bytes()[:cut]).parts) == of_scan
    assert len(Beside.of(photo.read_bytes()[:cut]).parts) == of_photo
    assert Beside.of(b"").parts == ()


def test_a_colour_profile_of_any_length_goes_into_a_jpg_beside_its_exif(still, tmp_path):
    profile = bytearray(np.random.default_rng(0).integers(0, 256, 150_000, np.uint8).tobytes())
    profile[16:20] = b"RGB "
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
    told = ((cv2.IMAGE_METADATA_ICCP, bytes(profile)), (cv2.IMAGE_METADATA_EXIF, exif))
    assert not stills.write(tmp_path / "a.jpg", replace(still, metadata=told))
    read = stills.read(tmp_path / "a.jpg")
    assert dict(read.metadata)[cv2.IMAGE_METADATA_ICCP] == profile
    assert dict(read.metadata)[cv2.IMAGE_METADATA_EXIF].startswith(exif[:20])


def resource(number: int, body: bytes) -> bytes:
    """A part of a segment of Photoshop's."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + bytes(len(body) % 2)


def told_by(folder: Path, still: Still, resources: bytes) -> Still:
    """What is read from a jpg with such parts."""
    stills.write(folder / "plain.jpg", still)
    plain = (folder / "plain.jpg").read_bytes()
    body = b"Photoshop 3.0\0" + resources
    segment = struct.pack(">BBH", 0xFF, 0xED, len(body) + 2) + body
    (folder / "told.jpg").write_bytes(plain[:2] + segment + plain[2:])
    return stills.read(folder / "told.jpg")


def test_a_caption_that_fills_its_segment_is_kept(still, tmp_path):
    caption = resource(0x0404, bytes(65_507))[:-1]  # without the byte that would make its size even
    stills.write(tmp_path / "again.jpg", told_by(tmp_path, still, caption))
    assert b"Photoshop 3.0\0" + caption in (tmp_path / "again.jpg").read_bytes()
    assert np.abs(stills.read(tmp_path / "again.jpg").rgb.astype(int) - still.rgb).mean() < 3


def test_the_caption_of_a_jpg_is_kept_and_its_dark_preview_is_not(still, tmp_path):
    caption = b"\x1c\x02\x78\x00\x05Night"  # IPTC: record 2, dataset 120
    captioned = told_by(tmp_path, still, resource(1036, b"dark") + resource(0x0404, caption))

    stills.write(tmp_path / "again.jpg", captioned)
    again = (tmp_path / "again.jpg").read_bytes()
    assert b"Photoshop 3.0\0" + resource(0x0404, caption) in again
    assert resource(1036, b"dark") not in again
    (told,) = stills.write(tmp_path / "again.png", captioned)
    assert told == "caption and keywords of the jpg cannot go into .png: left out"
