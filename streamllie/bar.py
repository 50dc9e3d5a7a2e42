"""The progress bar of a run, for somebody who sits at a terminal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from streamllie.place import visible

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress as Rich
    from rich.progress import TaskID

    from streamllie.timing import Progress


class Bar:
    """One bar on stderr, for one file at a time. A terminal that goes away must not cost the work."""

    def __init__(self) -> None:
        self._bar: Rich | None = None
        self._task: TaskID | None = None
        self._subject: Path | None = None

    def show(self, source: Path, progress: Progress) -> None:
        """How far the work on a file is; another file gets a new bar."""
        with contextlib.suppress(OSError):
            if self._subject != source:
                self.end()
                self._begin(source, progress)
            if self._bar is not None and self._task is not None:
                total = None if progress.estimate is None else max(progress.estimate, progress.frames)
                self._bar.update(self._task, completed=progress.frames, total=total, fps=f"{progress.fps:.1f} fps")

    def say(self, sentence: str) -> bool:
        """Print a sentence above the bar; False if there is none."""
        if self._bar is not None:
            self._bar.console.print(sentence, markup=False, highlight=False, soft_wrap=True)
        return self._bar is not None

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.stop()
        self._bar = self._task = self._subject = None

    def _begin(self, source: Path, progress: Progress) -> None:
        from rich import progress as rich_progress  # noqa: PLC0415 - 50 ms, and only for people
        from rich.console import Console  # noqa: PLC0415

        self._subject = source
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TextColumn("{task.fields[fps]}"),
            rich_progress.TimeRemainingColumn(),
            rich_progress.TextColumn("{task.fields[engine]}"),
            console=Console(stderr=True),
            transient=True,
        )
        engine = f"{progress.backend} {progress.precision}"
        self._task = self._bar.add_task(visible(source.name), total=progress.estimate, fps="", engine=engine)
        self._bar.start()
