"""What a png or jpg says beside its pixels and OpenCV leaves out or mixes up: resolution, gamma, texts, profiles."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = {
    b"gAMA": "gamma", b"cHRM": "primaries", b"sRGB": "sRGB mark", b"cICP": "colour code points",
    b"mDCV": "mastering display", b"cLLI": "light levels", b"pHYs": "resolution", b"tIME": "time of change",
    b"tEXt": "texts", b"zTXt": "texts", b"iTXt": "texts", b"JFIF": "resolution", b"COM": "comments",
    b"IPTC": "caption and keywords",
}  # fmt: skip
TEXTS = {b"tEXt", b"zTXt", b"iTXt"}  # of which there may be several
SIZES = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9, b"tIME": 7}
XMP = b"XML:com.adobe.xmp\0"  # how a text begins that OpenCV reads, whatever its kind
HEAD = len(PNG) + 25  # bytes of a png with its first chunk, the header
JPG = b"\xff\xd8"
APP0, APP2, APP13, COMMENT, SCAN = 0xE0, 0xE2, 0xED, 0xFE, 0xDA  # segments of a jpg; the last is the picture
FRAMES = (0xC0, 0xC1, 0xC2)  # segments that say how the picture is coded
PROFILE, MORE_PICTURES = b"ICC_PROFILE\0", b"MPF\0"  # how two kinds of APP2 begin
PHOTOSHOP, RESOURCE, IPTC = b"Photoshop 3.0\0", b"8BIM", 0x0404  # how APP13 and its parts begin, one part's number
PART = 65_519  # bytes of a profile that fit into one segment; there may be 255
LONGEST = 65_533  # bytes of any segment
DENSITY = slice(7, 12)  # of the JFIF segment: unit, across, down


@dataclass(frozen=True)
class Beside:
    """Chunks of a png, or segments of a jpg, by their names; none of other files."""

    kind: str = ""  # "png", "jpg"
    parts: tuple[tuple[bytes, bytes], ...] = ()

    def turned(self) -> "Beside":
        """Of the picture turned by a quarter: its resolution across is the other's down."""
        return replace(self, parts=tuple((name, _turned(name, body)) for name, body in self.parts))

    @classmethod
    def of(cls, data: bytes) -> "Beside":
        """What a file says; what is damaged says nothing more."""
        if data.startswith(PNG):
            return cls("png", tuple(_png_chunks(data)))
        if data.startswith(JPG):
            return cls("jpg", tuple(_jpg_segments(data)))
        return cls()

    def into(self, data: bytes, *, suffix: str) -> tuple[bytes, str]:
        """The bytes of a new file with all of this in it, and a sentence about what such a file cannot hold, or ""."""
        if not self.parts:
            return data, ""
        if self.kind == "png" and data.startswith(PNG):
            there = {_subject(*part) for part in _png_chunks(data)}
            missing = b"".join(_chunk(*part) for part in self.parts if _subject(*part) not in there)
            return data[:HEAD] + missing + data[HEAD:], ""
        if self.kind == "jpg" and data[2:4] == bytes([0xFF, APP0]) and data[6:10] == b"JFIF":
            end = 4 + struct.unpack_from(">H", data, 4)[0]
            header = bytearray(data[:end])
            parts = dict(self.parts)
            if b"JFIF" in parts:
                header[6 + DENSITY.start : 6 + DENSITY.stop] = parts[b"JFIF"]
            texts = [_segment(COMMENT, part) for name, part in self.parts if name == b"COM"]
            texts += [_segment(APP13, _resource(part)) for name, part in self.parts if name == b"IPTC"]
            return bytes(header) + b"".join(texts) + data[end:], ""
        names = ", ".join(dict.fromkeys(NAMES[name] for name, _ in self.parts))
        return data, f"{names} of the {self.kind} cannot go into {suffix}: left out"


def profile_of(jpg: bytes) -> bytes | None:
    """The colour profile of a jpg, put together from its parts in their order; None if there is none, b"" if torn."""
    bodies = [body for marker, body in _segments(jpg) if marker == APP2 and body.startswith(PROFILE)]
    at = len(PROFILE)  # of the part's number; then how many there are, then the part
    parts = {body[at]: body[at + 2 :] for body in bodies if len(body) > at + 2 and body[at + 1] == len(bodies)}
    if not bodies:
        return None
    whole = sorted(parts) == list(range(1, len(bodies) + 1))
    return b"".join(parts[number] for number in sorted(parts)) if whole else b""


def holds_more_pictures(jpg: bytes) -> bool:
    """Whether another picture follows in the file: a preview, a depth map, what a bright screen adds."""
    return any(marker == APP2 and body.startswith(MORE_PICTURES) for marker, body in _segments(jpg))


def is_cmyk(jpg: bytes) -> bool:
    """Whether a jpg is of four inks."""
    return any(marker in FRAMES and body[5:6] == b"\4" for marker, body in _segments(jpg))


def with_profile(jpg: bytes, profile: bytes) -> bytes:
    """A jpg, as OpenCV writes it, with a colour profile of any length, in as many parts as it takes."""
    parts = [profile[at : at + PART] for at in range(0, len(profile), PART)]
    segments = (_segment(APP2, PROFILE + bytes([n + 1, len(parts)]) + part) for n, part in enumerate(parts))
    end = 4 + struct.unpack_from(">H", jpg, 4)[0]  # of the first segment, which is JFIF
    return jpg[:end] + b"".join(segments) + jpg[end:]


def with_xmp(png: bytes, xmp: bytes) -> bytes:
    """A png with XMP in the chunk where others look for it."""
    return png[:HEAD] + _chunk(b"iTXt", XMP + bytes(4) + xmp) + png[HEAD:]


def _png_chunks(data: bytes) -> "list[tuple[bytes, bytes]]":
    found: list[tuple[bytes, bytes]] = []
    at = len(PNG)
    while at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name in NAMES and (name in TEXTS or name not in dict(found)):
            body, check = data[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
            whole = check == _crc(name, body) and len(body) == SIZES.get(name, len(body))
            if whole and not (name in TEXTS and body.startswith(XMP)):
                found.append((name, body))
        at += 12 + size
    return found


def _jpg_segments(data: bytes) -> "list[tuple[bytes, bytes]]":
    found: list[tuple[bytes, bytes]] = []
    for marker, body in _segments(data):
        if marker == APP0 and body.startswith(b"JFIF\0") and len(body) >= DENSITY.stop:
            found.append((b"JFIF", body[DENSITY]))
        elif marker == COMMENT:
            found.append((b"COM", body))
        elif marker == APP13 and body.startswith(PHOTOSHOP):
            found += [(b"IPTC", part) for number, part in _resources(body) if number == IPTC]  # not its dark previews
    return [part for part in found if part != (b"JFIF", b"\0\0\x01\0\x01")]  # no resolution, square pixels


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment of a jpg before its picture."""
    at = len(JPG)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != SCAN:
        if data[at + 1] == 0xFF:  # a byte that fills
            at += 1
            continue
        size = struct.unpack_from(">H", data, at + 2)[0]
        yield data[at + 1], data[at + 4 : at + 2 + size]
        at += 2 + size


def _resources(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each part of a segment of Photoshop's: its own kind of file, with names and even sizes."""
    at = len(PHOTOSHOP)
    while body[at : at + 4] == RESOURCE and at + 7 <= len(body):
        number, name = struct.unpack_from(">HB", body, at + 4)
        at += 6 + (name + 2) // 2 * 2
        size = int.from_bytes(body[at : at + 4])
        yield number, body[at + 4 : at + 4 + size]
        at += 4 + (size + 1) // 2 * 2


def _resource(iptc: bytes) -> bytes:
    part = PHOTOSHOP + RESOURCE + struct.pack(">HHI", IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    return part[:LONGEST]  # as the source had it: the byte that makes the size even may not have found room


def _subject(name: bytes, body: bytes) -> bytes:
    """What a chunk of a png is about, once in a file: a text is told by its keyword."""
    return body.partition(b"\0")[0] if name in TEXTS else name


def _turned(name: bytes, body: bytes) -> bytes:
    if name == b"pHYs":
        return body[4:8] + body[:4] + body[8:]
    if name == b"JFIF":
        return body[:1] + body[3:5] + body[1:3]
    return body


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + _crc(name, body)


def _crc(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(name + body))


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
