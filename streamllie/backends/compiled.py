"""Graphs as a library compiled them, in the user's cache folder: the next start takes a third of the time.

Nothing here fails or waits: what cannot be read is compiled again, and what cannot be written is not kept.
"""

import os
from contextlib import suppress

from streamllie.backends.engine_cache import cache_folder
from streamllie.backends.engine_file import Header, pack, read
from streamllie.errors import EngineUnusable, SinkError
from streamllie.target import write_whole

MOST = 64 << 20  # bytes of all files: those that were not used for longest go


class Compiled:
    """What one library compiled, each under the key of all that it depends on. Any number of processes may use it."""

    def __init__(self, library: str, version: str) -> None:
        self.folder = cache_folder() / library
        self._about = {"flavour": library, "version": version}

    def load(self, key: str) -> bytes | None:
        """What was kept under a key, if it is whole."""
        path = self.folder / key
        with suppress(EngineUnusable, OSError):  # a folder of somebody else's
            if path.exists():
                header, body = read(path)
                if header.key == key:
                    with suppress(OSError):
                        os.utime(path)
                    return body
        return None

    def keep(self, key: str, body: bytes) -> None:
        """Keep it if there is a place, and let go what was not used for longest."""
        data = pack(Header(kind="compiled", key=key, about=self._about), body)
        with suppress(OSError, SinkError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / key, lambda part: part.write_bytes(data), overwrite=True)
            self._make_room()

    def _make_room(self) -> None:
        files = [(path, path.stat()) for path in self.folder.iterdir()]
        used = 0
        for path, state in sorted(files, key=lambda file: file[1].st_mtime, reverse=True):
            used += state.st_size
            if used > MOST:
                path.unlink(missing_ok=True)
