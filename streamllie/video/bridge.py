"""Carry SRT through the ffmpeg program of the system, byte for byte, where this build of libav lacks it."""

import errno
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import IO

import av
from av.container import InputContainer
from av.error import FFmpegError, ProtocolNotFoundError

from streamllie.ahead import Stop
from streamllie.place import redacted, scheme_of, without_listen
from streamllie.video.opening import reason

NOBODY = "nobody is there, or the passphrase is another"  # SRT does not say which
OPENING, SILENT = 10.0, 3.0  # seconds that the first bytes and any later ones may take; a server may have to wake up
PROGRAM = ("ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error")
# Bytes as they are: taking the stream apart on the way would hold pictures back until sound has come.
READ = ("-f", "data", "-raw_packet_size", "1316")
COPY = ("-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "data")


class BridgeError(OSError):
    """The bridge is not there or has broken; `strerror` says why, without secrets."""


def needs_bridge(url: str) -> bool:
    """Whether this URL is one that libav does not speak here."""
    return scheme_of(url) == "srt" and not _speaks_srt()


def srt_url(url: str) -> str:
    """`listen=1`, as other schemes say it, in SRT's own words."""
    plain, listen = without_listen(url)
    return plain + ("&" if "?" in plain else "?") + "mode=listener" if listen else url


@contextmanager
def read_through(url: str, stop: Stop, *, opening: float = OPENING) -> Generator[InputContainer]:
    """The stream at `url`, as a container that is read. Its first bytes may take `opening` seconds.

    Raises:
        BridgeError: it does not work; `errno` is ETIMEDOUT if they did not come in that time.
    """
    with _running([*READ, "-i", url, *COPY, "pipe:1"], url) as (process, said):
        pipe = _Pipe(process, said, stop)
        if not pipe.has_come(opening):
            raise BridgeError(errno.ETIMEDOUT, f"silent for {opening:g} s; {NOBODY}")
        try:
            container = av.open(pipe, "r", format="mpegts", options={"analyzeduration": "500000"}, buffer_size=1316)
        except (FFmpegError, BridgeError) as error:
            raise BridgeError(0, pipe.why() or f"{reason(error)}; {NOBODY}") from None
        with container:
            pipe.patience = SILENT
            yield container


@contextmanager
def write_through(url: str, stop: Stop) -> Generator["_Pipe"]:
    """Something to write an MPEG transport stream into, which goes to `url`."""
    with _running([*READ, "-i", "pipe:0", *COPY, url], url) as (process, said):
        yield _Pipe(process, said, stop)


class _Pipe:
    """The end of a process's pipe, as libav reads or writes it: no wait without a limit."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes], stop: Stop) -> None:
        self._process, self._said, self._stop = process, said, stop
        self.patience = OPENING
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()

    def has_come(self, seconds: float) -> bool:
        """Whether the first bytes, or an end, came within some seconds, or it was stopped."""
        return self._ready([self._out], [], seconds)

    def read(self, size: int) -> bytes:
        self._wait([self._out], [])
        return b"" if self._stop.is_set else os.read(self._out, size)

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view and not self._stop.is_set:
            self._wait([], [self._in])
            try:
                view = view[os.write(self._in, view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise BridgeError(0, self.why() or f"the connection was closed; {NOBODY}") from None
        return len(data)

    def why(self) -> str:
        """What the program said when it ended; "" while it runs."""
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            return ""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        words = [word for word in redacted(lines[-1]).split(": ") if "://" not in word] if lines else []
        return ": ".join(words)

    def _wait(self, reading: list[int], writing: list[int]) -> None:
        if not self._ready(reading, writing, self.patience):
            raise BridgeError(0, f"silent for {self.patience:g} s")

    def _ready(self, reading: list[int], writing: list[int], patience: float) -> bool:
        limit = time.monotonic() + patience
        while not self._stop.is_set:
            ready = select.select(reading, writing, [], 0.1)
            if ready[0] or ready[1]:
                return True
            if time.monotonic() > limit:
                return False
        return True


@contextmanager
def _running(arguments: list[str], url: str) -> Generator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """The program, and what it says: in a file, because a pipe that nobody empties would stop it."""
    if shutil.which(PROGRAM[0]) is None:
        raise BridgeError(
            0,
            f'this build of libav has no SRT and there is no ffmpeg program to carry "{redacted(url)}"; install ffmpeg',
        )
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen([*PROGRAM, *arguments], stdin=pipe, stdout=pipe, stderr=said) as process,
    ):
        try:
            yield process, said
        finally:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.close()  # of one that reads: it ends with its next bytes
            process.stdin.close()
            try:
                process.wait(1)  # what it still holds goes out
            except subprocess.TimeoutExpired:
                process.kill()


@cache
def _speaks_srt() -> bool:
    try:
        av.open("srt://127.0.0.1:1?timeout=1000", timeout=0.1).close()
    except ProtocolNotFoundError:
        return False
    except (FFmpegError, OSError):
        return True
    return True
