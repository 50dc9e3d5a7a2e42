"""Whether an HLS playlist is a recording, which has an end, or a stream that goes on."""

from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import urlopen

PATIENCE = 5.0  # seconds
MOST = 1_000_000  # bytes of a playlist
END, VARIANT = "#EXT-X-ENDLIST", "#EXT-X-STREAM-INF"  # RFC 8216


def is_finished(url: str) -> bool:
    """Whether the playlist at an HTTP address says that nothing more will come. False also if it cannot be read."""
    for _ in range(2):  # a playlist of playlists, and the first of those
        try:
            with urlopen(url, timeout=PATIENCE) as answer:
                lines = answer.read(MOST).decode(errors="replace").splitlines()
        except (URLError, OSError, ValueError):
            return False
        if not any(line.startswith(VARIANT) for line in lines):
            return END in (line.strip() for line in lines)
        places = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not places:
            return False
        url = urljoin(url, places[0])
    return False
