"""Real peers on loopback for tests of streams: Debian's ffmpeg, nginx with its RTMP module."""

import contextlib
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import FFmpegError

from tests.waiting import until

RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
READ = ("-analyzeduration", "1000000", "-i")  # a second is enough to know a stream; 5 is the default
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed")
needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None or not RTMP_MODULE.exists(), reason="nginx with its RTMP module is not installed"
)
RATE, SAMPLES = 30, 48_000
BEAT = 1.0  # seconds from one flash, with its beep, to the next
FLASH = 0.2  # seconds that each lasts
WAITS = {"tcp": "0A", "udp": "07"}  # states in /proc/net
PIECE = 188 * 7  # bytes: packets of a transport stream in one of a network


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int, kind: str = "tcp") -> bool:
    """Whether a program waits at a port, told by the kernel: a call would take the place of the one it waits for."""
    table = Path(f"/proc/net/{kind}").read_text() + Path(f"/proc/net/{kind}6").read_text()
    entries = (line.split() for line in table.splitlines())
    return any(entry[1].endswith(f":{port:04X}") and entry[3] == WAITS[kind] for entry in entries)


@contextlib.contextmanager
def ffmpeg(*arguments: str) -> Iterator[subprocess.Popen]:
    """The program, as long as the `with` lasts."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ended(process: subprocess.Popen, seconds: float) -> None:
    """Ask a peer that reads to finish its file."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:  # it waits for a server that is silent
        process.kill()
        process.wait()


def make_beats(path: Path, *, seconds: float, height: int = 240, width: int = 320) -> Path:
    """A dark film whose picture flashes and whose sound beeps at the same moments."""
    with av.open(str(path), "w", format="matroska") as output:
        video = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": "15", "bf": "0"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound = output.add_stream("aac", rate=SAMPLES)
        sound.codec_context.layout = "mono"
        packets = []
        rng = np.random.default_rng(5)
        still = rng.integers(20, 60, (height // 8, width // 8), np.uint8).repeat(8, 0).repeat(8, 1)
        for n in range(round(seconds * RATE)):
            frame = av.VideoFrame(width, height, "yuv420p")
            noise = rng.integers(0, 12, still.shape, np.uint8)  # enough bits that no peer waits for a packet to fill
            on = (n / RATE) % BEAT < FLASH
            for plane, value in zip(frame.planes, ((still // 2 + 160 if on else still) + noise, 128, 128), strict=True):
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
                rows[:, : plane.width] = value
            frame.pts, frame.time_base = n, Fraction(1, RATE)
            packets += video.encode(frame)
        packets += video.encode(None)
        times = np.arange(round(seconds * SAMPLES)) / SAMPLES
        tone = np.where(times % BEAT < FLASH, 0.5 * np.sin(2 * np.pi * 1000 * times), 0).astype(np.float32)
        for at in range(0, len(tone) - 1024, 1024):
            frame = av.AudioFrame.from_ndarray(tone[None, at : at + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLES, at, Fraction(1, SAMPLES)
            packets += sound.encode(frame)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            output.mux_one(packet)
    return path


def pictures(path: Path | str) -> list[tuple[float, float]]:
    """Time and mean light of every picture that can be decoded: a reader may have joined before a keyframe."""
    found = []
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            with contextlib.suppress(FFmpegError):
                found += [(f.time, float(f.to_ndarray(format="gray").mean())) for f in packet.decode()]
    return found


def loudness(path: Path | str) -> list[tuple[float, float]]:
    """Time and peak of every 64 samples of sound."""
    loud: list[tuple[float, float]] = []
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            with contextlib.suppress(FFmpegError):
                for frame in packet.decode():
                    samples = np.abs(frame.to_ndarray().astype(np.float32)).reshape(-1, frame.samples).max(0)
                    for at in range(0, frame.samples - 63, 64):
                        loud.append((frame.time + at / frame.sample_rate, float(samples[at : at + 64].max())))
    return loud


def rises(series: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where something begins: the last time before it and the first time of it."""
    half = middle(series)
    return [(before, at) for (before, a), (at, b) in pairwise(series) if a < half <= b]


def middle(series: list[tuple[float, float]]) -> float:
    values = [value for _, value in series]
    return float(np.percentile(values, 5) + np.percentile(values, 97)) / 2


def offsets(path: Path | str) -> list[float]:
    """By how many seconds each flash comes after its beep.

    Frames may have been dropped, so a flash began somewhere between the last dark picture and the first light
    one; a beep within that time is in time. A reader may have joined before the sound began, or have left with a flash:
    flashes outside of the sound have no beep.
    """
    sound = loudness(path)
    beeps = [at for _, at in rises(sound)]
    flashes = [flash for flash in rises(pictures(path)) if flash[0] >= sound[0][0] and flash[1] <= sound[-1][0]]
    return [min((_outside(beep, *flash) for beep in beeps), key=abs) for flash in flashes] if beeps else []


def _outside(beep: float, dark: float, light: float) -> float:
    return light - beep if beep > light else max(0.0, dark - beep)


class nginx:  # noqa: N801 - the program's name
    """An RTMP server on a port, as long as the `with` lasts."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder / f"nginx-{port}", port

    def __enter__(self) -> None:
        self._folder.mkdir(exist_ok=True)
        config = self._folder / "nginx.conf"
        config.write_text(
            f"load_module {RTMP_MODULE};\ndaemon off;\nmaster_process off;\nuser root;\n"
            f"pid {self._folder}/pid;\nerror_log {self._folder}/error.log;\nevents {{}}\n"
            f"rtmp {{ server {{ listen 127.0.0.1:{self._port}; application live {{ live on; }} }} }}\n"
        )
        self._process = subprocess.Popen(["nginx", "-c", str(config), "-p", str(self._folder)], stderr=subprocess.PIPE)
        until(lambda: listens(self._port) or self._process.poll() is not None, what="nginx")
        assert self._process.poll() is None, self._process.stderr.read().decode()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(5)
        self._process.stderr.close()


@contextlib.contextmanager
def sent(path: Path, *, seconds: float, times: int = 1) -> Iterator[str]:
    """An address where so many callers, one after the other, get a file's bytes, spread evenly over the time."""
    data, gone = path.read_bytes(), threading.Event()

    def serve(server: socket.socket) -> None:
        for _ in range(times):
            with contextlib.suppress(OSError), server.accept()[0] as reader:
                for at in range(0, len(data), PIECE):
                    reader.sendall(data[at : at + PIECE])
                    if gone.wait(seconds * PIECE / len(data)):
                        return

    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=serve, args=(server,))
        sender.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            gone.set()
            server.shutdown(socket.SHUT_RDWR)  # for one who still waits for a caller
            sender.join()
