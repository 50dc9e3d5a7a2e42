"""Start and stop recordings, and take pictures, while a live run goes on."""

import logging
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from streamllie.errors import StreamLLIEError
from streamllie.live.recorder import Recorder
from streamllie.live.stage import Shown
from streamllie.stills import Still, write
from streamllie.video.preview import Preview

log = logging.getLogger(__name__)


class Recordings:
    """Recordings one after the other: a context manager, which completes the last one.

    With a target the first recording begins with the first frame. Others get their name from the clock, in the
    present folder.
    """

    def __init__(self, target: Path | None, *, overwrite: bool = False) -> None:
        self._target, self._overwrite = target, overwrite
        self._wanted = target is not None
        self._recorder: Recorder | None = None
        self._open = ExitStack()
        self._preview = Preview()

    @property
    def on(self) -> bool:
        """Whether a recording runs; one that died, as on a full disk, does not."""
        return self._wanted and (self._recorder is None or self._recorder.error is None)

    def toggle(self) -> None:
        """Begin one with the next frame, or complete the one that runs."""
        self._wanted = not self.on
        self._finish()

    def show(self, picture: Shown) -> None:
        """Record one frame, if a recording runs."""
        if not self._wanted:
            return
        if self._recorder is None:
            asked, self._target = self._target, None
            try:
                recorder = Recorder(asked or self._name(".mp4"), picture.format, overwrite=self._overwrite)
            except StreamLLIEError as error:
                if asked is not None:
                    raise
                log.warning("%s", error)  # somebody pressed a key: the picture goes on
                self._wanted = False
                return
            self._recorder = self._open.enter_context(recorder)
        self._recorder.show(picture)

    def take_picture(self, picture: Shown) -> Path:
        """Keep one enhanced frame as png; give its name."""
        target = self._name(".png")
        write(target, Still(rgb=self._preview.rgb(picture.after, picture.format)))
        return target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)
        if isinstance(error, KeyboardInterrupt) and self._recorder is not None and self._recorder.error is None:
            error.add_note(f'the recording is "{self._recorder.path}"')

    def _finish(self) -> None:
        if self._recorder is not None:
            path, self._recorder = self._recorder.path, None
            try:
                self._open.close()
            except StreamLLIEError as error:  # the picture goes on without it
                log.warning("%s", error)
            else:
                log.info('recorded "%s"', path)

    def _name(self, suffix: str) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        number = 1
        while (path := Path(f"streamllie-{stamp}{'' if number == 1 else f'-{number}'}{suffix}")).exists():
            number += 1
        return path
