"""What pictures say beside their pixels goes along, or is named."""

import struct
import zlib

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


def test_another_kind_names_what_it_leaves_out(scan, photo, tmp_path):
    (told,) = stills.write(tmp_path / "scan.jpg", stills.read(scan))
    assert told == "gamma, colour code points, resolution, texts of the png: left out, they cannot go into .jpg"
    (told,) = stills.write(tmp_path / "photo.webp", stills.read(photo))
    assert told == "resolution, comments of the jpg: left out, they cannot go into .webp"


def test_a_picture_that_says_nothing_loses_nothing(still, tmp_path):
    for name in ("a.png", "a.jpg", "a.webp"):
        stills.write(tmp_path / name, still)
        assert stills.write(tmp_path / "b.jpg", stills.read(tmp_path / name), overwrite=True) == ()


@pytest.mark.parametrize("cut", [9, 20, 40, 60])
def test_a_file_that_is_cut_short_says_what_is_whole(scan, photo, cut):
    for path in (scan, photo):
        assert len(Beside.of(path.read_bytes()[:cut]).parts) < 4
    assert Beside.of(b"").parts == ()
