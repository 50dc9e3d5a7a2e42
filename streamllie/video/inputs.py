"""How libav opens what a person names as a live source: a camera, a screen, a stream, a file or a test picture."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from streamllie.errors import SourceError
from streamllie.frame import USUAL_RATE
from streamllie.place import PLAYLIST, SESSION, check_port, is_file, redacted, scheme_of, without_listen
from streamllie.video.bridge import OPENING, srt_url
from streamllie.video.cameras import Camera, best_mode, cameras
from streamllie.video.playlist import is_finished
from streamllie.video.v4l2 import VIDEO_DEVICES

PATIENCE = 3.0  # seconds without a frame after which a source counts as frozen
NETWORK = {"rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp", "http", "https"}
RECORDINGS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}  # at the end of a web address: a file, not a stream
CARRIED = "file,rtp,udp,tcp"  # protocols that the description of a session may name
LOW_DELAY = {"flags": "low_delay"}  # what was looked at before the first frame is not thrown away: it has the keyframe
ANALYSE = "500000"  # microseconds of a stream that are looked at before the first frame; libav takes 5 seconds
ANALYSE_RTMP = "3000000"  # it says beforehand what will come, and a picture comes with the next keyframe only
CALL = 600.0  # seconds to wait for a call, until waiting begins anew; who calls in the last of them is cut off
PIECES = 6.0  # seconds without a frame of what comes in pieces: there are some in stock, as a rule
SCREEN = "x11grab"
GRABBERS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}


@dataclass(frozen=True, kw_only=True)
class Input:
    """One live source, ready for libav."""

    name: str  # for people: without secrets
    url: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict[str, str])
    paced: bool = False  # it would come as fast as it is read, and has an end: played in real time
    pieces: bool = False  # it comes some seconds at a time, and goes on
    device: str | None = None  # of a camera on Linux
    patience: float = PATIENCE  # seconds without a frame after which it counts as frozen
    opening: float = OPENING  # seconds that opening may take
    waits: bool = False  # it is not called, but waits for the call of who sends

    @property
    def at_its_pace(self) -> bool:
        """Whether its frames come before they are due, and wait."""
        return self.paced or self.pieces


def resolve(source: str, *, size: tuple[int, int] | None = None, rate: float | None = None) -> Input:
    """Understand a source: "0", "/dev/video2", the name of a camera, a URL, a file, "lavfi:GRAPH", "screen::0".

    `size` is (height, width) and `rate` frames per second, as wishes to a camera.

    Raises:
        SourceError: there is no such thing.
    """
    wished = float(rate or USUAL_RATE)
    if source.startswith("lavfi:"):
        return Input(name=source, url=source[6:], format="lavfi", paced=True)
    if source.startswith("screen:"):
        options = {"framerate": f"{wished:g}"} | _size_option(size)
        return Input(name=source, url=source[7:], format=SCREEN, options=options)
    scheme = scheme_of(source)
    if scheme is not None:
        return _stream(source, scheme)
    path = Path(source)
    if is_file(path) and path.suffix.lower() == SESSION:
        return Input(name=path.name, url=f"file:{path}", options=LOW_DELAY | {"protocol_whitelist": CARRIED})
    if is_file(path):
        return Input(name=path.name, url=f"file:{path}", paced=True)
    return _camera(source, size=size, rate=wished)


def _stream(source: str, scheme: str) -> Input:
    if scheme not in NETWORK:
        known = ", ".join(sorted(NETWORK))
        raise SourceError(f'"{redacted(source)}" has a scheme that is no stream here; there are: {known}')
    check_port(source, SourceError)
    suffix = Path(urlsplit(source).path).suffix.lower() if scheme in {"http", "https"} else ""
    if suffix in RECORDINGS or (suffix == PLAYLIST and is_finished(source)):
        return Input(name=redacted(source), url=source, paced=True)
    if suffix == PLAYLIST:
        return Input(name=redacted(source), url=source, pieces=True, patience=PIECES)
    options = LOW_DELAY | {"analyzeduration": ANALYSE_RTMP if scheme.startswith("rtmp") else ANALYSE}
    if scheme.startswith("rtsp"):
        options |= {"rtsp_flags": "prefer_tcp", "max_delay": "100000"}
    url, waits = without_listen(source)
    if scheme in {"srt", "tcp"}:  # tcp knows it by itself
        url = srt_url(source) if scheme == "srt" else source
        waits = waits or (scheme == "srt" and "mode=listener" in url.partition("?")[2].split("&"))
    elif waits and scheme.startswith("rtsp"):
        options |= {"rtsp_flags": "listen", "listen_timeout": f"{CALL:.0f}"}
    elif waits:
        options |= {"listen": "1"}
    if scheme == "udp" and "fifo_size" not in url:
        url += ("&" if "?" in url else "?") + "fifo_size=50000&overrun_nonfatal=1"
    return Input(name=redacted(source), url=url, options=options, opening=CALL if waits else OPENING, waits=waits)


def _camera(source: str, *, size: tuple[int, int] | None, rate: float) -> Input:
    grabber = GRABBERS.get(sys.platform)
    if grabber is None:
        raise SourceError(f'cameras are not known on {sys.platform}; "{source}" is neither a file nor a URL')
    options = LOW_DELAY | {"fflags": "nobuffer+nonblock", "framerate": f"{rate:g}"} | _size_option(size)
    found = cameras()
    camera = _named(source, found)
    if grabber == "v4l2":
        if camera is None:
            raise _no_camera(source, found)
        if (mode := best_mode(camera, size=size, rate=rate)) is not None:
            options |= {"input_format": mode.pixels} | _size_option((mode.height, mode.width))
        return Input(name=camera.name, url=camera.device, format=grabber, options=options, device=camera.device)
    name = camera.device if camera is not None else source
    url = f"video={name}" if grabber == "dshow" else f"{name}:none"
    return Input(name=camera.name if camera is not None else source, url=url, format=grabber, options=options)


def _named(source: str, found: list[Camera]) -> Camera | None:
    if source.isdecimal():
        number = f"{VIDEO_DEVICES}{int(source)}"
        exact = next((camera for camera in found if camera.device == number), None)
        return exact or (found[int(source)] if int(source) < len(found) else None)
    exact = [camera for camera in found if source in (camera.device, camera.name)]
    return (exact or [camera for camera in found if source.lower() in camera.name.lower()] or [None])[0]


def _no_camera(source: str, found: list[Camera]) -> SourceError:
    names = ", ".join(f"{camera.device} ({camera.name})" for camera in found) or "none"
    return SourceError(f'"{source}" is neither a camera, a file nor a URL; cameras here: {names}')


def _size_option(size: tuple[int, int] | None) -> dict[str, str]:
    return {} if size is None else {"video_size": f"{size[1]}x{size[0]}"}
