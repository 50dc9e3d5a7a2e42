"""The file of a built engine: a header of ours in front of what the library wrote, checked before it is handed back.

    8 bytes    magic, with the format's number
    32 bytes   sha256 of all that follows
    4 bytes    length of the header, little endian
    header     JSON: {"kind", "key", "about"}
    body       bytes of the library

A library that is given torn or foreign bytes may abort the process, so it never sees any that do not match.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamllie.errors import EngineUnusable

FORMAT = 1
MAGIC = b"SLLIEng" + bytes([FORMAT])
_START = struct.Struct("<8s32sI")
_MOST = 1 << 20  # bytes of a header: a larger length is a torn file


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of itself."""

    kind: str  # "engine", or what a library keeps: "kernels", "timing", "compiled"
    key: str  # sha256 over everything that the body depends on
    about: dict[str, Any]  # the same in words: model, precision, sizes, flavour, version, ...

    def lines(self) -> Iterator[str]:
        """What an engine is, for people."""
        about = self.about
        yield f"{about.get('model', self.kind)}, by {about['flavour']} {about['version']}, key {self.key[:12]}"
        if self.kind != "engine":
            return
        sizes = [[f"{width}x{height}" for height, width in (s["least"], s["best"], s["most"])] for s in about["sizes"]]
        ranges = (least if least == most else f"{least} to {most}, best at {best}" for least, best, most in sizes)
        layers = ", ".join(f"{count} {kind}" for kind, count in about["layers"].items())
        gpu = about["gpu"]["name"] if about["gpu"] else ", ".join(about["targets"]) or "any that the library knows"
        planes = "float32" if about["deep"] else "uint8"
        yield f"precision {about['precision']}, planes of {planes}; frames {'; '.join(ranges)}"
        yield f"GPU: {gpu}; layers: {layers}; built in {about['seconds']} s"


def key_of(parts: dict[str, Any]) -> str:
    """Hex digest over all that a body depends on; the format's number is one of these."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def pack(header: Header, body: bytes) -> bytes:
    """The whole file."""
    words = json.dumps({"kind": header.kind, "key": header.key, "about": header.about}).encode()
    length = struct.pack("<I", len(words))
    digest = hashlib.sha256(length)
    digest.update(words)
    digest.update(body)
    return b"".join((MAGIC, digest.digest(), length, words, body))


def read(path: Path) -> tuple[Header, bytes]:
    """Header and body.

    Raises:
        EngineUnusable: the file is missing, torn, of another format or not an engine file; the text says which.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for, a device read without end
            raise EngineUnusable(f"{path} is no file but a folder, a pipe or a device; give an engine's file")
        data = path.read_bytes()
    except OSError as error:
        raise EngineUnusable(f"{path} cannot be read: {error.strerror}; check the name") from error
    if len(data) < _START.size or data[:7] != MAGIC[:7]:
        raise EngineUnusable(f"{path} is not an engine of StreamLLIE; make one with `streamllie engine build`")
    magic, digest, length = _START.unpack_from(data)
    if magic != MAGIC:
        raise EngineUnusable(f"{path} has format {magic[7]}, this version reads {FORMAT}; build the engine again")
    rest = memoryview(data)[_START.size - 4 :]
    if length > _MOST or hashlib.sha256(rest).digest() != digest:
        raise EngineUnusable(f"{path} is torn: its content is not what was written; build the engine again")
    try:
        header = Header(**json.loads(bytes(rest[4 : 4 + length])))
        list(header.lines())  # what cannot be told to people was not written by us
    except (ValueError, TypeError, KeyError, AttributeError):
        raise EngineUnusable(f"{path} has a header that says nothing to this version; build the engine again") from None
    return header, bytes(rest[4 + length :])
