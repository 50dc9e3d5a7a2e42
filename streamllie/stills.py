"""Picture files: png, jpg and webp, with their alpha, orientation and colour profile."""

import contextlib
import stat
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie import exif
from streamllie.chunks import JPG, PNG, Beside, holds_more_pictures, is_cmyk, profile_of, with_profile, with_xmp
from streamllie.errors import SinkError, SourceError
from streamllie.frame import turned
from streamllie.pictures import Rgb
from streamllie.target import check_target, write_whole

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})

# Fine colour survives: no subsampling where there is a choice, and quality that hides the second coding.
OPTIONS = {
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
    ".jpg": [
        cv2.IMWRITE_JPEG_QUALITY, 95,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}  # fmt: skip
OPTIONS[".jpeg"] = OPTIONS[".jpg"]
WITH_ALPHA = frozenset({".png", ".webp"})
OPAQUE = 255  # alpha of what hides all behind it

PROFILE_SPACE = slice(16, 20)  # where an ICC profile names the colours that it is for
ANIMATED = 2  # the bit among a webp's flags
LOSSLESS = [cv2.IMWRITE_WEBP_QUALITY, 101]  # above 100: of a webp that was so
ANIMATION_CONTROL = b"\0\0\0\x08acTL"  # how the chunk of a png that says so begins
PNG_PROFILE = b"iCCP"
GREY_KEY = b"\0\0\0\x02tRNS"  # of one that names a grey that is transparent
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"  # in front of XMP in a jpg, and nowhere else
# What makes a picture of an orientation upright: quarter turns counter-clockwise, then perhaps a mirror.
TURNS = {
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}


@dataclass(frozen=True, kw_only=True)
class Still:
    """A picture as a person sees it, upright, and what else its file held."""

    rgb: Rgb  # (H, W, 3)
    alpha: NDArray[np.uint8] | None = None  # (H, W)
    grey: bool = False  # the file held no colour, and a file written from this holds none
    lossless: bool = False  # a webp that was coded without loss, and is so when it is written as a webp
    metadata: tuple[tuple[int, bytes], ...] = ()  # OpenCV's number of the kind, and its bytes: EXIF, XMP, ICC
    beside: Beside = field(default_factory=Beside)  # what else a png or jpg says
    notes: tuple[str, ...] = ()  # what was converted, a sentence each

    def with_rgb(self, rgb: Rgb) -> "Still":
        """Another picture of the same size in the same file."""
        return replace(self, rgb=rgb)


def is_still(path: Path) -> bool:
    """True if the name says that this is a picture file, by its suffix."""
    return path.suffix.lower() in SUFFIXES


def read(path: Path) -> Still:
    """Read a picture file. EXIF orientation is applied; 16 bits per channel become 8, and a note says so."""
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():  # reading it would wait for a writer
            raise SourceError(f"{path} is a pipe or a device; save it as a file first")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise SourceError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    stored, kinds, chunks = None, (), ()
    try:
        with _quiet():
            if data:
                coded = np.frombuffer(data, np.uint8)
                stored, kinds, chunks = cv2.imdecodeWithMetadata(coded, cv2.IMREAD_UNCHANGED)
    except cv2.error:  # a line of C++ again
        raise SourceError(f"{path} is damaged, or larger than the 2^30 pixels that can be decoded") from None
    if stored is None:
        raise SourceError(f"{path} is not a picture that can be decoded, or it is cut short")
    notes = _not_read(data)
    if stored.dtype == np.uint16:
        stored = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
        notes.append("16 bits per channel become 8")
    elif stored.dtype != np.uint8:
        raise SourceError(f"{path} holds {stored.dtype} samples; 8 and 16 bits per channel are understood")
    metadata = {int(kind): np.asarray(chunk).tobytes() for kind, chunk in zip(kinds, chunks, strict=True)}
    if data.startswith(JPG):  # OpenCV takes every APP2 segment for a part of the profile
        profile = profile_of(data)
        metadata |= {cv2.IMAGE_METADATA_ICCP: profile or b""}
        notes += ["the colour profile is left out: a part of it is missing"] * (profile == b"")
    elif _says(data, PNG_PROFILE) and not metadata.get(cv2.IMAGE_METADATA_ICCP):
        notes.append("the colour profile is left out: it is damaged, or for other colours than the picture has")
    still = _upright(np.atleast_3d(stored), _is_grey(data), metadata, Beside.of(data), tuple(notes))
    return replace(still, lossless=_is_lossless(data))


def write(path: Path, still: Still, *, overwrite: bool = False) -> tuple[str, ...]:
    """Write a picture file, its kind told by the suffix. It gets its name when it is complete.

    Gives a sentence for each thing that such a file cannot hold.
    """
    check_target(path, overwrite=overwrite)
    notes: list[str] = []
    suffix = path.suffix.lower()
    pixels = cv2.cvtColor(still.rgb, cv2.COLOR_RGB2GRAY if still.grey else cv2.COLOR_RGB2BGR)
    if still.alpha is not None:
        if suffix in WITH_ALPHA:
            if still.grey:  # OpenCV has alpha in colour only
                pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
            pixels = np.dstack([pixels, still.alpha])
        elif still.alpha.min() < OPAQUE:
            notes.append(f"transparency (alpha) is dropped: {suffix} cannot hold it")
    space = "GRAY" if pixels.ndim == 2 else "RGB"
    profile = dict(still.metadata).get(cv2.IMAGE_METADATA_ICCP)
    metadata = still.metadata
    if profile is not None and (meant := profile[PROFILE_SPACE].decode("ascii", "replace").strip()) != space:
        named = meant if meant.isalnum() else "other colours"
        notes.append(f"the colour profile is left out: it is for {named}, and the picture is written as {space}")
        metadata = tuple(item for item in metadata if item[0] != cv2.IMAGE_METADATA_ICCP)
    options = LOSSLESS if still.lossless and suffix == ".webp" else OPTIONS[suffix]
    data = _encoded(suffix, pixels, metadata, options)
    if data is None and metadata:
        notes.append("the colour profile or EXIF data cannot be written and is left out")
        data = _encoded(suffix, pixels, (), options)
    if data is None:
        raise SinkError(f"cannot encode {path}: {pixels.shape[1]}x{pixels.shape[0]} is too much for {suffix}")
    whole, lost = still.beside.into(data, suffix=suffix)
    notes += [lost] * bool(lost)
    write_whole(path, lambda part: part.write_bytes(whole), overwrite=overwrite)
    return tuple(notes)


def _encoded(
    suffix: str, pixels: NDArray[Any], metadata: tuple[tuple[int, bytes], ...], options: list[int]
) -> bytes | None:
    parts = dict(metadata)
    xmp = parts.pop(cv2.IMAGE_METADATA_XMP, None)
    if xmp is not None and suffix != ".png":  # into a png OpenCV writes it as Latin text, and what lies behind it
        parts[cv2.IMAGE_METADATA_XMP] = XMP_HEAD * (suffix in {".jpg", ".jpeg"}) + xmp
    profile = parts.pop(cv2.IMAGE_METADATA_ICCP, None) if suffix in {".jpg", ".jpeg"} else None  # OpenCV writes 64 KB
    chunks = [np.frombuffer(part, np.uint8) for part in parts.values()]
    try:
        with _quiet():
            done, data = cv2.imencodeWithMetadata(suffix, pixels, list(parts), chunks, options)
    except cv2.error:  # what it says is a line of C++, of no use to anybody here
        return None
    if not done:
        return None
    coded = data.tobytes()
    if profile is not None:
        coded = with_profile(coded, profile)
    return with_xmp(coded, xmp) if xmp is not None and suffix == ".png" else coded


def _not_read(data: bytes) -> list[str]:
    """A sentence for each thing in a file that a decoded picture does not have."""
    jpg = data.startswith(JPG)
    told = {
        "the animation becomes a still picture: only its first frame is read": _moves(data),
        "the file holds more than one picture: only the first is read": jpg and holds_more_pictures(data),
        "the inks of the picture (CMYK) become RGB": jpg and is_cmyk(data),
        "one grey of the picture is transparent: that is dropped": _has_transparent_grey(data),
    }
    return [sentence for sentence, so in told.items() if so]


def _moves(data: bytes) -> bool:
    """Whether a png or webp file is an animation."""
    if data[8:16] == b"WEBPVP8X":
        return bool(data[20] & ANIMATED)
    return _says(data, ANIMATION_CONTROL)


def _is_lossless(data: bytes) -> bool:
    """Whether a file is a webp whose picture is coded without loss: the chunk that has it says so."""
    at = 12 if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else len(data)
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in {b"VP8L", b"VP8 "}:
            return name == b"VP8L"
        at += 8 + length + length % 2
    return False


def _says(data: bytes, chunk: bytes) -> bool:
    """Whether a file is a png, and has a chunk of this beginning before its picture."""
    return data.startswith(PNG) and chunk in data[: data.find(b"IDAT")]


def _is_grey(data: bytes) -> bool:
    """Whether a file is a png without colour; OpenCV gives one with alpha in colour."""
    return data.startswith(PNG) and data[25:26] in {b"\0", b"\4"}


def _has_transparent_grey(data: bytes) -> bool:
    """Whether a png of one channel is transparent somewhere. OpenCV has alpha in colour only."""
    return data[25:26] == b"\0" and _says(data, GREY_KEY)


def _upright(
    stored: NDArray[Any], grey: bool, metadata: dict[int, bytes], beside: Beside, notes: tuple[str, ...]
) -> Still:
    told, turn = exif.upright(metadata.get(cv2.IMAGE_METADATA_EXIF, b""))
    xmp = metadata.get(cv2.IMAGE_METADATA_XMP, b"").removeprefix(XMP_HEAD).rstrip(b"\0")
    metadata |= {cv2.IMAGE_METADATA_EXIF: told, cv2.IMAGE_METADATA_XMP: exif.upright_xmp(xmp) if turn else xmp}
    quarters, mirrored = TURNS.get(turn, (0, False))
    stored = turned(stored, quarters, mirrored=mirrored)
    channels = stored.shape[2]
    rgb = np.repeat(stored[..., :1], 3, axis=2) if channels < 3 else stored[..., 2::-1]
    return Still(
        rgb=np.ascontiguousarray(rgb),
        alpha=np.ascontiguousarray(stored[..., 3]) if channels == 4 else None,
        grey=grey or channels == 1,
        metadata=tuple((kind, part) for kind, part in metadata.items() if part),
        beside=beside.turned() if exif.is_quarter(turn) else beside,
        notes=notes,
    )


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """OpenCV prints warnings of damaged files on its own; the error says it better."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
