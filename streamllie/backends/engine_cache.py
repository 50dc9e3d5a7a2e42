"""Built engines in the user's cache folder: made once, by one process, written whole, and removed when useless."""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from streamllie.backends.engine_file import Header, pack, read
from streamllie.errors import EngineUnusable
from streamllie.shelf import ENGINE

log = logging.getLogger(__name__)

Make = Callable[[], tuple[Header, bytes]]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file in the cache."""

    path: Path
    bytes: int
    header: Header | None  # None: torn or of another format, which is seen by reading all of it


class EngineCache:
    """A folder of engine files, named by their keys. Any number of processes may use it at once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder()

    def path(self, key: str) -> Path:
        """Where the file of a key is, or would be."""
        return self.folder / f"{key[:32]}{ENGINE}"

    def load(self, key: str) -> tuple[Header, bytes] | None:
        """Header and body of a key; None if there is none, or, with a warning, none that can be used."""
        path = self.path(key)
        if not path.exists():
            return None
        try:
            header, body = read(path)
        except EngineUnusable as error:
            log.warning("%s", error)
            return None
        if header.key != key:
            log.warning("%s was made for something else than its name says; build the engine again", path)
            return None
        return header, body

    def get(self, key: str, make: Make) -> tuple[Header, bytes]:
        """What `load` gives, or else what `make` makes; processes that want the same wait for one to make it."""
        with self._locked(key):
            found = self.load(key)
            if found is None:
                found = make()
                self._write(key, pack(*found))
            return found

    def put(self, header: Header, body: bytes) -> None:
        """Replace what is kept under the header's key."""
        with self._locked(header.key):
            self._write(header.key, pack(header, body))

    def remove(self, key: str) -> None:
        """Forget a key, for example one whose engine the library refuses."""
        self.path(key).unlink(missing_ok=True)

    def entries(self) -> list[Entry]:
        """All files, newest first.

        Raises:
            EngineUnusable: the cache is no folder.
        """
        found: list[tuple[float, Entry]] = []
        if self.folder.exists() and not self.folder.is_dir():
            raise EngineUnusable(f"the cache {self.folder} is no folder; set STREAMLLIE_CACHE to another")
        for path in self.folder.glob(f"*{ENGINE}"):
            if path.is_dir():
                continue
            with suppress(FileNotFoundError):  # another process may be pruning
                state = path.stat()
                entry = Entry(path=path, bytes=state.st_size, header=self._header(path))
                found.append((state.st_mtime, entry))
        return [entry for _, entry in sorted(found, key=lambda item: item[0], reverse=True)]

    def prune(self, useless: Callable[[Header], bool]) -> list[Entry]:
        """Remove files that are torn or `useless`, and what interrupted processes left; give what was removed.

        Raises:
            EngineUnusable: something in the cache cannot be removed.
        """
        try:
            return self._prune(useless)
        except OSError as error:
            raise EngineUnusable(
                f"{error.filename or self.folder} cannot be removed ({error.strerror}); ask its owner, or set "
                "STREAMLLIE_CACHE to another folder"
            ) from error

    def _prune(self, useless: Callable[[Header], bool]) -> list[Entry]:
        if not self.folder.is_dir():
            return []
        import fcntl  # noqa: PLC0415 - not on Windows, where nothing is built

        gone = [entry for entry in self.entries() if entry.header is None or useless(entry.header)]
        for entry in gone:
            entry.path.unlink(missing_ok=True)
        for lock in self.folder.glob("*.lock"):
            with suppress(BlockingIOError, FileNotFoundError), lock.open("rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else somebody is building under it
                for left in self.folder.glob(f"{lock.stem}.*.part"):
                    left.unlink(missing_ok=True)
                lock.unlink(missing_ok=True)
        return gone

    def _write(self, key: str, data: bytes) -> None:
        """Write a file under a name that `prune` knows, in case we die, and rename it when it is complete."""
        path = self.path(key)
        part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise EngineUnusable(f"{path} cannot be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)

    @staticmethod
    def _header(path: Path) -> Header | None:
        with suppress(EngineUnusable):
            return read(path)[0]

    def _locked(self, key: str) -> ExitStack:
        """Wait for the lock of one key; who leaves what comes back gives it up."""
        import fcntl  # noqa: PLC0415 - as above

        path = self.folder / f"{key[:32]}.lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            while True:
                with ExitStack() as opened:
                    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                    opened.callback(os.close, file)
                    fcntl.flock(file, fcntl.LOCK_EX)
                    with suppress(FileNotFoundError):  # a prune may have removed it while we waited
                        if path.stat().st_ino == os.fstat(file).st_ino:
                            return opened.pop_all()
        except OSError as error:
            raise EngineUnusable(
                f"the cache folder {self.folder} cannot be used: {error.strerror}; set STREAMLLIE_CACHE to another"
            ) from error


def cache_folder() -> Path:
    """Where engines are kept: $STREAMLLIE_CACHE, else `engines` in the user's cache folder. It need not exist."""
    if named := os.environ.get("STREAMLLIE_CACHE"):
        return Path(named)
    return user_cache_path("streamllie", appauthor=False) / "engines"
