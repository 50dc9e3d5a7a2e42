"""Whether an HLS playlist is a recording, which has an end, or a stream that goes on."""

import time
from http.client import HTTPException
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from streamllie.place import without_user

PATIENCE = 5.0  # seconds
MOST = 1_000_000  # bytes of a playlist that are kept: its end
END, VARIANT = "#EXT-X-ENDLIST", "#EXT-X-STREAM-INF"  # RFC 8216


def is_finished(url: str) -> bool:
    """Whether the playlist at an address says that nothing more will come; no if it cannot be read."""
    limit = time.monotonic() + PATIENCE
    for _ in range(2):  # a playlist of playlists, and the first of those
        try:
            lines = _read(url, limit)
        except (HTTPException, OSError, ValueError):  # URLError is an OSError, too
            return False
        if not any(line.startswith(VARIANT) for line in lines):
            return END in (line.strip() for line in lines)
        places = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not places:
            return False
        url = urljoin(url, places[0])
    return False


def _read(url: str, limit: float) -> list[str]:
    text = b""
    address, headers = without_user(url)  # which urllib takes for a part of the host
    with urlopen(Request(address, headers=headers), timeout=PATIENCE) as answer:
        while piece := answer.read1(65536):
            text = (text + piece)[-MOST:]
            if time.monotonic() > limit:
                raise TimeoutError
    return text.decode(errors="replace").splitlines()
