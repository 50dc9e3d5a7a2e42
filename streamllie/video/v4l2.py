"""Ask Linux cameras directly (Video4Linux2): names, sizes, rates, controls, and who uses them."""

import contextlib
import os
import struct
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

VIDEO_DEVICES = "/dev/video"
# From linux/videodev2.h; a test compiles that header and compares.
QUERYCAP, ENUM_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B
G_CTRL, S_CTRL, QUERYCTRL = 0xC008561B, 0xC008561C, 0xC0445624
CAPABILITY, FMTDESC, FRMSIZE, FRMIVAL, QUERY = "16s32s32s3I12x", "3I32sI16x", "9I8x", "11I8x", "2I32s4iI8x"
CONTROL = "Ii"
VIDEO_CAPTURE, HAS_DEVICE_CAPS = 0x1, 0x80000000
BUFFER_CAPTURE = 1
DISCRETE = 1
EXPOSURE_DYNAMIC_FRAMERATE = 0x009A0903  # V4L2_CID_EXPOSURE_AUTO_PRIORITY: expose longer than a frame in the dark
DISABLED, READ_ONLY = 0x1, 0x4
PIXELS = {"YUYV": "yuyv422", "NV12": "nv12", "YU12": "yuv420p", "UYVY": "uyvy422", "MJPG": "mjpeg", "GREY": "gray"}
MOST = 256  # entries of any list of a driver; more is a driver that never says no


def devices() -> list[str]:
    """Every /dev/videoN, in order of N."""
    found = [path for path in Path("/dev").glob("video*") if path.name[5:].isdecimal()]
    return [str(path) for path in sorted(found, key=lambda path: int(path.name[5:]))]


class Device:
    """An open /dev/videoN for questions and controls; does not stream. A context manager."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def __enter__(self) -> "Device":
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def name(self) -> str | None:
        """What the camera calls itself; None if this device gives no pictures."""
        _, card, _, _, capabilities, of_device = struct.unpack(CAPABILITY, self._ask(QUERYCAP, CAPABILITY))
        if capabilities & HAS_DEVICE_CAPS:
            capabilities = of_device
        if not capabilities & VIDEO_CAPTURE:
            return None
        return card.split(b"\0")[0].decode(errors="replace")

    def modes(self) -> Iterator[tuple[str, int, int, list[Fraction]]]:
        """Pixel format in libav's words, height, width and rates of everything that it offers in fixed steps."""
        for index in range(MOST):
            try:
                answer = self._ask(ENUM_FMT, FMTDESC, index, BUFFER_CAPTURE, 0, b"", 0)
            except OSError:
                return
            code = struct.unpack(FMTDESC, answer)[4]
            pixels = PIXELS.get(struct.pack("<I", code).decode("ascii", "replace"))
            if pixels is not None:
                for height, width in self._sizes(code):
                    yield pixels, height, width, list(self._rates(code, height, width))

    def control(self, identity: int) -> int | None:
        """The value of a control; None if the camera has none that can be changed."""
        try:
            answer = struct.unpack(QUERY, self._ask(QUERYCTRL, QUERY, identity, 0, b"", 0, 0, 0, 0, 0))
            if answer[-1] & (DISABLED | READ_ONLY):
                return None
            return struct.unpack(CONTROL, self._ask(G_CTRL, CONTROL, identity, 0))[1]
        except OSError:
            return None

    def set_control(self, identity: int, value: int) -> None:
        """Change a control. Raises OSError."""
        self._ask(S_CTRL, CONTROL, identity, value)

    def _sizes(self, code: int) -> Iterator[tuple[int, int]]:
        for index in range(MOST):
            try:
                answer = struct.unpack(FRMSIZE, self._ask(ENUM_FRAMESIZES, FRMSIZE, index, code, *(0,) * 7))
            except OSError:
                return
            if answer[2] != DISCRETE:  # min, max, step for each side: the largest speaks for all
                yield answer[7], answer[4]
                return
            yield answer[4], answer[3]

    def _rates(self, code: int, height: int, width: int) -> Iterator[Fraction]:
        for index in range(MOST):
            try:
                answer = struct.unpack(
                    FRMIVAL, self._ask(ENUM_FRAMEINTERVALS, FRMIVAL, index, code, width, height, *(0,) * 7)
                )
            except OSError:
                return
            if answer[5]:
                yield Fraction(answer[6], answer[5])
            if answer[4] != DISCRETE:
                return

    def _ask(self, request: int, layout: str, *values: object) -> bytes:
        import fcntl  # noqa: PLC0415 - Linux only, as is all of this

        buffer = bytearray(struct.calcsize(layout))
        if values:
            struct.pack_into(layout, buffer, 0, *values)
        fcntl.ioctl(self._fd, request, buffer)
        return bytes(buffer)


def users_of(device: str) -> list[str]:
    """The processes that have a file open, as "name (pid)"; those of other users cannot be seen."""
    if not sys.platform.startswith("linux"):
        return []
    wanted = os.path.realpath(device)
    users: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if any(_same(handle, wanted) for handle in (process / "fd").iterdir()):
                users.append(f"{(process / 'comm').read_text(errors='replace').strip()} ({process.name})")
    return users


def _same(handle: Path, wanted: str) -> bool:
    try:
        return os.readlink(handle) == wanted  # noqa: PTH115 - a Path of it would resolve "pipe:[1]"
    except OSError:
        return False
