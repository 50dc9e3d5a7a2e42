"""What a person names as a source or a target, a file or a URL, and how it is printed without its secrets."""

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from streamllie.errors import StreamLLIEError

PLAYLIST, SESSION = ".m3u8", ".sdp"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_DEVICE = re.compile(r"(lavfi|screen):|(/dev/video)?\d+$")
_URL = re.compile(_SCHEME.pattern + r"\S*[^\s\"'.,;:)\]]", re.IGNORECASE)
_USER = re.compile(r"(?<=://)\S*@")  # to the last one: people leave / and # in passwords as they are
_SECRET = re.compile(  # after ? in most URLs; many cameras have name=value_name=value in the path
    r"([?&;|/_][^=?&;|/_]*(?:pass|pwd|token|secret|key|auth|sig|user|streamid|cid)[^=?&;|/_]*=)"
    r"(?:(?!_[a-z]+=)[^&;|#?])*",
    re.IGNORECASE,
)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PORT = re.compile(r"[^:]+://(?:\[[^]]*\]|[^:/?#]*):(\d+)(?=[/?#]|$)")
MOST_PORT = 65535
_STREAM_KEY = re.compile(r"(?<=/)[^/?#]+(?=/*(?:[?#]|$))")


def scheme_of(text: str) -> str | None:
    """The scheme of a URL in small letters, such as "rtsp"; None for everything else, C:\\ included."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def is_url(text: str) -> bool:
    """Whether this is a URL."""
    return scheme_of(text) is not None


def goes_live(source: str | Path, target: str | Path) -> bool:
    """Whether one of these is a stream: a URL, a description of one (SDP, RFC 8866) or a playlist to be written.

    Or the source is a camera's number or device, a screen or a test picture, and no file or folder of that name.
    """
    if isinstance(source, str) or isinstance(target, str):
        return True
    if source.suffix.lower() == SESSION or target.suffix.lower() == PLAYLIST:
        return True
    return bool(_DEVICE.match(str(source))) and not is_file(source) and not is_folder(source)


def check_port(url: str, error: type[StreamLLIEError]) -> None:
    """Raise `error` if a URL names a port that cannot be: libav waits for some of those in vain."""
    port = _PORT.match(_USER.sub("", url))
    if port is not None and not 0 < int(port[1]) <= MOST_PORT:
        raise error(f'"{redacted(url)}" has the port {port[1]}; ports go from 1 to {MOST_PORT}')


def without_listen(url: str) -> tuple[str, bool]:
    """A URL without the option `listen=1`, and whether it had it: then it waits for the other side to come."""
    place, _, options = url.partition("?")
    given = options.split("&")
    kept = [option for option in given if option != "listen=1"]
    return place + ("?" + "&".join(kept) if any(kept) else ""), kept != given


def without_user(url: str) -> tuple[str, dict[str, str]]:
    """An HTTP URL without the user and password before its host, and the header that says them (RFC 7617)."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    said = "Basic " + b64encode(unquote_to_bytes(user)).decode("ascii")
    return parts._replace(netloc=host).geturl(), {"Authorization": said} if at else {}


def is_file(path: str | Path) -> bool:
    """Whether there is such a file. False, and not an error as of Path, for a name that is too long."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Whether there is such a folder, likewise."""
    return os.path.isdir(path)  # noqa: PTH112


def reads(source: Path, file: Path) -> bool:
    """Whether a source is a file, or a playlist on this machine that names it as a part (RFC 8216), directly or not."""
    return exists(file) and any(is_file(part) and file.samefile(part) for part in (source, *_parts(source)))


def _parts(playlist: Path, *, nested: bool = True) -> Iterator[Path]:
    if playlist.suffix.lower() != PLAYLIST or not is_file(playlist):
        return
    try:
        lines = playlist.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # who opens it to read it says so
        return
    for line in lines:
        for name in re.findall('URI="([^"]+)"', line) if line.startswith("#") else [line.strip()]:
            if name and not is_url(name) and "\0" not in name:
                part = playlist.parent / name
                yield part
                if nested:  # a playlist of playlists
                    yield from _parts(part, nested=False)


def exists(path: str | Path) -> bool:
    """Whether there is anything, likewise."""
    return os.path.exists(path)  # noqa: PTH110


def local(place: str | Path, error: type[StreamLLIEError]) -> Path:
    """The path of a file or folder, for what takes no URL; `error` for what is none."""
    if is_url(text := str(place)):
        raise error(f'"{redacted(text)}" is a URL, and this takes files only; `streamllie enhance` takes streams')
    if "\0" in text:  # the system would end the name there
        raise error(f"the name {text!r} has a NUL character in it; check the name")
    return Path(place)


def redacted(text: str) -> str:
    """A place as it may be printed: users, passwords, tokens and the stream key of RTMP become three stars."""
    scheme = scheme_of(text)
    if scheme is None:
        return text
    text = _SECRET.sub(r"\1***", _USER.sub("***@", text))
    path = re.match(r"[^:]+://[^/?#]*/[^/?#]+/", text)
    if scheme.startswith("rtmp") and path is not None:  # rtmp://host/application/key
        head, rest = text[: path.end() - 1], text[path.end() - 1 :]
        text = head + _STREAM_KEY.sub("***", rest, count=1)
    return text


def redacted_in(text: str) -> str:
    """A text in which every URL is redacted."""
    return _URL.sub(lambda found: redacted(found[0]), text)


def visible(text: str) -> str:
    """Text for a terminal, which no name in it can steer: what controls it, turns it round or is no letter is spelt."""
    return _UNSEEN.sub(lambda found: repr(found[0])[1:-1], text)
