"""What EXIF and XMP say of how a picture stands, and what they must say of it upright and bright."""

import contextlib
import re
import struct

HEAD = b"Exif\0\0"  # in jpg before the bytes themselves
LONG = 4  # the type of 32 bits; an orientation has 16, but some programs write it so
ORDERS = {b"II": "<", b"MM": ">"}
ORIENTATION, MORE, THUMBNAIL = 0x0112, 0x8769, 0x0201  # tags; MORE is where another directory begins
# What is said of the picture across and down: size, resolution, size once more, resolution in the focal plane.
SIDES = ((0x0100, 0x0101), (0x011A, 0x011B), (0xA002, 0xA003), (0xA20E, 0xA20F))
IN_XMP = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>\s*))\d+""")


def upright(exif: bytes) -> tuple[bytes, int]:
    """These EXIF bytes for the picture upright, without the small picture in them, and the orientation that they had.

    The orientation is 0 where they do not say. What is cut short is mended as far as it goes.
    """
    exif = exif.removeprefix(HEAD)  # some programs write it into webp too
    data, turn, order = bytearray(exif), 0, ORDERS.get(exif[:2])
    if order is None:
        return exif, 0
    with contextlib.suppress(struct.error):
        (start,) = struct.unpack_from(order + "I", data, 4)
        entries = _entries(data, order, start)
        if ORIENTATION in entries:
            place = entries[ORIENTATION]
            number = order + ("I" if struct.unpack_from(order + "H", data, place + 2)[0] == LONG else "H")
            (turn,) = struct.unpack_from(number, data, place + 8)
            struct.pack_into(number, data, place + 8, 1)
        if MORE in entries:
            entries = _entries(data, order, *struct.unpack_from(order + "I", data, entries[MORE] + 8)) | entries
        if is_quarter(turn):
            for across, down in SIDES:
                if across in entries and down in entries:
                    a, b = (slice(entries[tag] + 2, entries[tag] + 12) for tag in (across, down))
                    data[a], data[b] = data[b], data[a]
        _forget_thumbnail(data, order, start)
    return bytes(data), turn


def is_quarter(turn: int) -> bool:
    """Whether a picture of this orientation lies on its side."""
    return 5 <= turn <= 8


def upright_xmp(xmp: bytes) -> bytes:
    """These XMP bytes, with the orientation of a picture that is upright if they name one."""
    return IN_XMP.sub(rb"\g<1>1", xmp)


def _entries(data: bytearray, order: str, start: int) -> dict[int, int]:
    """Where the entries of a directory are, by their tags."""
    found: dict[int, int] = {}
    with contextlib.suppress(struct.error):  # cut short
        for entry in range(struct.unpack_from(order + "H", data, start)[0]):
            place = start + 2 + 12 * entry
            struct.unpack_from("12s", data, place)
            found.setdefault(struct.unpack_from(order + "H", data, place)[0], place)
    return found


def _forget_thumbnail(data: bytearray, order: str, start: int) -> None:
    """Unlink the second directory, which holds a small picture as dark as the whole was."""
    link = start + 2 + 12 * struct.unpack_from(order + "H", data, start)[0]
    (second,) = struct.unpack_from(order + "I", data, link)
    if THUMBNAIL in _entries(data, order, second):
        struct.pack_into(order + "I", data, link, 0)
