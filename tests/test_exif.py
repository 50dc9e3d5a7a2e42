"""EXIF and XMP of a picture that was turned upright and made bright."""

import struct

import pytest

from streamllie import exif

THUMBNAIL = b"\xff\xd8 dark and on its side \xff\xd9"


def directory(order: str, at: int, entries: list[tuple[int, int, int]], after: int) -> bytes:
    """Entries of (tag, type, value), 3 for SHORT and 4 for LONG."""
    forms = {3: "HHIHxx", 4: "HHII"}
    body = b"".join(struct.pack(order + forms[kind], tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack(order + "H", len(entries)) + body + struct.pack(order + "I", after)


def of_a_camera(order: str, turn: int, *, width: int = 4000, height: int = 3000) -> bytes:
    """Orientation, a directory with the size, and one with a small picture."""
    more, second = 8 + 2 + 2 * 12 + 4, 8 + 2 + 2 * 12 + 4 + 2 + 2 * 12 + 4
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    first = directory(order, 8, [(0x0112, 3, turn), (0x8769, 4, more)], second)
    size = directory(order, more, [(0xA002, 4, width), (0xA003, 3, height)], 0)
    small = directory(order, second, [(0x0201, 4, second + 2 + 12 + 4)], 0) + THUMBNAIL
    return head + first + size + small


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_camera_turned_is_told_upright_with_its_sides_exchanged_and_no_thumbnail(order, turn):
    told, found = exif.upright(of_a_camera(order, turn))
    assert found == turn
    height, width = (4000, 3000) if turn >= 5 else (3000, 4000)
    kinds = (0xA002, 3 if turn >= 5 else 4, width), (0xA003, 4 if turn >= 5 else 3, height)
    assert told.index(THUMBNAIL) == len(told) - len(THUMBNAIL)
    first = directory(order, 8, [(0x0112, 3, 1), (0x8769, 4, 38)], 0)
    assert told[8 : 38 + 30] == first + directory(order, 38, list(kinds), 0)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_an_orientation_of_32_bits_is_one_too(order):
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    told, found = exif.upright(head + directory(order, 8, [(0x0112, 4, 6)], 0))
    assert (told, found) == (head + directory(order, 8, [(0x0112, 4, 1)], 0), 6)


def test_the_head_that_jpg_has_before_it_is_taken_off():
    assert exif.upright(b"Exif\0\0" + of_a_camera(">", 6)) == exif.upright(of_a_camera(">", 6))


def test_what_follows_the_first_directory_and_is_no_second_one_is_left_alone():
    data = bytearray(of_a_camera("<", 1))
    struct.pack_into("<I", data, 34, 38)  # where the second should be is the one with the size
    assert exif.upright(bytes(data)) == (bytes(data), 1)


@pytest.mark.parametrize("kept", range(0, 120, 7))
def test_what_is_cut_short_is_mended_as_far_as_it_goes(kept):
    told, turn = exif.upright(of_a_camera(">", 6)[:kept])
    assert len(told) == len(of_a_camera(">", 6)[:kept])
    assert turn == (6 if kept >= 22 else 0)


@pytest.mark.parametrize("data", [b"", b"II", b"nonsense" * 20])
def test_what_is_no_exif_stays_as_it_is(data):
    assert exif.upright(data) == (data, 0)


@pytest.mark.parametrize(
    "words", ['<a tiff:Orientation="6"/>', "<tiff:Orientation>6</tiff:Orientation>", "<a tiff:Orientation = '6'/>"]
)
def test_xmp_says_upright_too(words):
    assert exif.upright_xmp(words.encode()) == words.replace("6", "1").encode()
    assert exif.upright_xmp(b"6 of Orientation") == b"6 of Orientation"
