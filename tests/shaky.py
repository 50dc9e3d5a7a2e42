"""A source of trouble: a dark transport stream over TCP that falls silent, changes size, dies and comes back.

    python -m tests.shaky CYCLE

Each cycle of so many seconds is: calm, silent for SILENT seconds, calm, smaller pictures, gone for GONE
seconds, back. It listens on a port of this machine, which it prints, serves one reader at a time, in real
time, and ends when its standard input is closed.
"""

import contextlib
import os
import select
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from streamllie.frame import Frame
from streamllie.night import make_night
from streamllie.video import VideoSource
from tests.transmit import Transmitter

RATE = 30  # frames per second
LARGE, SMALL = (240, 320), (180, 240)  # (height, width): light, for a machine at its limit measures its neighbours
SILENT, GONE = 4.0, 2.0  # seconds; a source counts as frozen after 3
SILENT_FROM, SMALL_FROM, GONE_FROM = 0.35, 0.65, 0.8  # shares of a cycle
POOL = 60  # pictures that go round


@dataclass(frozen=True, kw_only=True)
class State:
    """What the source does at a moment."""

    sends: bool
    listens: bool
    size: tuple[int, int]


def state(seconds: float, period: float) -> State:
    """So many seconds after the start, with cycles of `period` seconds."""
    phase = seconds % period
    silent = SILENT_FROM * period <= phase < SILENT_FROM * period + SILENT
    gone = GONE_FROM * period <= phase < GONE_FROM * period + GONE
    small = SMALL_FROM * period <= phase < GONE_FROM * period
    return State(sends=not silent, listens=not gone, size=SMALL if small else LARGE)


def serve(period: float) -> None:
    """Serve until standard input is closed."""
    pictures = {size: cycle(_pictures(*size)) for size in (LARGE, SMALL)}
    port = 0
    began: float | None = None
    while not _over():
        if began is not None and not state(time.monotonic() - began, period).listens:
            time.sleep(0.05)
            continue
        with socket.create_server(("127.0.0.1", port), backlog=1) as server:
            if began is None:
                port = server.getsockname()[1]
                print(port, flush=True)
            server.settimeout(0.1)
            while not _over() and (began is None or state(time.monotonic() - began, period).listens):
                with contextlib.suppress(TimeoutError, OSError):
                    reader, _ = server.accept()
                    began = began or time.monotonic()
                    with reader:
                        _feed(reader, pictures, began, period)


def _feed(
    reader: socket.socket, pictures: Mapping[tuple[int, int], Iterator[Frame]], began: float, period: float
) -> None:
    reader.settimeout(5)
    with Transmitter(_Writer(reader)) as transmitter:
        first = time.monotonic()
        number = 0
        while not _over():
            time.sleep(max(0.0, first + number / RATE - time.monotonic()))
            number += 1
            now = state(time.monotonic() - began, period)
            if not now.listens:
                return
            if now.sends:
                transmitter.send(next(pictures[now.size]), at=number / RATE)


class _Writer:
    """A socket as a file."""

    def __init__(self, reader: socket.socket) -> None:
        self._reader = reader

    def write(self, data: bytes) -> int:
        self._reader.sendall(data)
        return len(data)


def _pictures(height: int, width: int) -> list[Frame]:
    with tempfile.TemporaryDirectory(prefix="streamllie-shaky-") as folder:
        night = Path(folder) / "night.mp4"
        make_night(night, height=height, width=width, frames=POOL)
        with VideoSource(night) as source:
            return list(source)


def _over() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    serve(float(sys.argv[1]))
