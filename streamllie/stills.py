"""Picture files: png, jpg and webp, with their alpha, orientation and colour profile."""

import contextlib
import struct
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.chunks import Beside
from streamllie.errors import SinkError, SourceError
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
ANIMATION_CONTROL = b"\0\0\0\x08acTL"  # how the chunk of a png that says so begins
ORIENTATION = 0x0112  # the EXIF tag
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
    grey: bool = False  # the file held one channel, and a file written from this holds one
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
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
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
    notes: list[str] = []
    if _moves(data):
        notes.append("the animation becomes a still picture: only its first frame is read")
    if stored.dtype == np.uint16:
        stored = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
        notes.append("16 bits per channel become 8")
    elif stored.dtype != np.uint8:
        raise SourceError(f"{path} holds {stored.dtype} samples; 8 and 16 bits per channel are understood")
    metadata = tuple((int(kind), np.asarray(chunk).tobytes()) for kind, chunk in zip(kinds, chunks, strict=True))
    return _upright(np.atleast_3d(stored), metadata, Beside.of(data), tuple(notes))


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
            pixels = np.dstack([cv2.cvtColor(still.rgb, cv2.COLOR_RGB2BGR), still.alpha])
        elif still.alpha.min() < OPAQUE:
            notes.append(f"transparency (alpha) is dropped: {suffix} cannot hold it")
    space = "GRAY" if pixels.ndim == 2 else "RGB"
    profile = dict(still.metadata).get(cv2.IMAGE_METADATA_ICCP)
    metadata = still.metadata
    if profile is not None and (meant := profile[PROFILE_SPACE].decode("ascii", "replace").strip()) != space:
        notes.append(f"the colour profile is left out: it is for {meant}, and the picture is written as {space}")
        metadata = tuple(item for item in metadata if item[0] != cv2.IMAGE_METADATA_ICCP)
    data = _encoded(suffix, pixels, metadata)
    if data is None and metadata:
        notes.append("the colour profile or EXIF data cannot be written and is left out")
        data = _encoded(suffix, pixels, ())
    if data is None:
        raise SinkError(f"cannot encode {path}: {pixels.shape[1]}x{pixels.shape[0]} is too much for {suffix}")
    whole, lost = still.beside.into(data, suffix=suffix)
    notes += [lost] * bool(lost)
    write_whole(path, lambda part: part.write_bytes(whole), overwrite=overwrite)
    return tuple(notes)


def _encoded(suffix: str, pixels: NDArray[Any], metadata: tuple[tuple[int, bytes], ...]) -> bytes | None:
    kinds = [kind for kind, _ in metadata]
    chunks = [np.frombuffer(chunk, np.uint8) for _, chunk in metadata]
    try:
        with _quiet():
            done, data = cv2.imencodeWithMetadata(suffix, pixels, kinds, chunks, OPTIONS[suffix])
    except cv2.error:  # what it says is a line of C++, of no use to anybody here
        return None
    return data.tobytes() if done else None


def _moves(data: bytes) -> bool:
    """Whether a png or webp file is an animation."""
    if data[8:16] == b"WEBPVP8X":
        return bool(data[20] & ANIMATED)
    return data.startswith(b"\x89PNG") and ANIMATION_CONTROL in data[: data.find(b"IDAT")]


def _upright(
    stored: NDArray[Any], metadata: tuple[tuple[int, bytes], ...], beside: Beside, notes: tuple[str, ...]
) -> Still:
    exif = dict(metadata).get(cv2.IMAGE_METADATA_EXIF, b"")
    place, order = _orientation(exif)
    if place:
        turn = struct.unpack_from(order + "H", exif, place)[0]
        stored = _turned(stored, turn)
        beside = beside.turned() if TURNS.get(turn, (0, False))[0] % 2 else beside
        flat = exif[:place] + struct.pack(order + "H", 1) + exif[place + 2 :]
        metadata = tuple((k, flat if k == cv2.IMAGE_METADATA_EXIF else chunk) for k, chunk in metadata)
    channels = stored.shape[2]
    rgb = np.repeat(stored[..., :1], 3, axis=2) if channels < 3 else stored[..., 2::-1]
    return Still(
        rgb=np.ascontiguousarray(rgb),
        alpha=np.ascontiguousarray(stored[..., 3]) if channels == 4 else None,
        grey=channels == 1,
        metadata=metadata,
        beside=beside,
        notes=notes,
    )


def _turned(stored: NDArray[Any], turn: int) -> NDArray[Any]:
    quarters, mirrored = TURNS.get(turn, (0, False))
    stored = np.rot90(stored, quarters)
    return stored[:, ::-1] if mirrored else stored


def _orientation(exif: bytes) -> tuple[int, str]:
    """Where in these EXIF bytes the orientation stands, 0 if nowhere, and the byte order for `struct`."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "")
    with contextlib.suppress(struct.error):  # cut short: then it does not say
        if order:
            directory = struct.unpack_from(order + "I", exif, 4)[0]
            for entry in range(struct.unpack_from(order + "H", exif, directory)[0]):
                place = directory + 2 + 12 * entry
                if struct.unpack_from(order + "H", exif, place)[0] == ORIENTATION:
                    struct.unpack_from(order + "H", exif, place + 8)
                    return place + 8, order
    return 0, order


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """OpenCV prints warnings of damaged files on its own; the error says it better."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
