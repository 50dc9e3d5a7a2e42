"""A webcam, stream or file, bright and steady: on the screen, in a file, as a virtual camera."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from streamllie.defaults import MODEL
from streamllie.live.extra import part
from streamllie.live.recordings import Recordings
from streamllie.live.session import Live
from streamllie.live.stage import Controls, Shown
from streamllie.live.stats import Stats
from streamllie.target import check_target
from streamllie.video.containers import container_for
from streamllie.video.inputs import resolve


class View(Protocol):
    """Where a person sees the picture."""

    def show(self, picture: Shown) -> None:
        """Put one frame onto the screen."""
        ...

    def tick(self, stats: Stats | None) -> bool:
        """Look after the window, also when nothing came; new figures come once a second. False: the person left."""
        ...


class Unseen:
    """No view: frames are counted."""

    def show(self, picture: Shown) -> None:
        """Do nothing."""

    def tick(self, stats: Stats | None) -> bool:
        """Stay."""
        return True


def play(
    live: Live, view: View, *, on_stats: Callable[[Stats], None], also: Sequence[Callable[[Shown], None]] = ()
) -> None:
    """Show a live run until it ends or the person leaves. `also` get each frame after it was shown."""
    for picture in live:
        if picture is not None:
            view.show(picture)
            live.shown(picture)
            for take in also:
                take(picture)
        stats = live.stats() if live.tally.due() else None
        if stats is not None:
            on_stats(stats)
        if not view.tick(stats):
            return


def webcam(
    source: str,
    *,
    size: tuple[int, int] | None = None,
    rate: float | None = None,
    view: str = "window",
    controls: Controls | None = None,
    virtual_camera: bool = False,
    record: Path | None = None,
    overwrite: bool = False,
    model: str | Path = MODEL,
    backend: str = "auto",
    precision: str = "auto",
    budget: float,
    hold: bool = True,
    duration: float | None = None,
    on_stats: Callable[[Stats], None],
) -> Stats:
    """Play a source until it ends, `duration` seconds have passed or the person leaves; give the last figures.

    `size` is (height, width) and `rate` frames per second, as wishes to a camera; `budget` is how old, in
    seconds, a frame may be when it is shown, before less work is done for each.

    Raises:
        StreamLLIEError: the source, the model, the view or the recording fails.
        ValueError: strength or smoothing is out of range.
    """
    controls = controls or Controls()
    if record is not None:
        check_target(record, source=Path(source), overwrite=overwrite)
        container_for(record)  # says what can be recorded to
    input = resolve(source, size=size, rate=rate)

    def begin(duration: float | None = duration, *, known: bool = False) -> Live:
        return Live(
            input, model=model, backend=backend, precision=precision, controls=controls, budget=budget, hold=hold,
            known=known, duration=duration,
        )  # fmt: skip

    with ExitStack() as stack:
        recordings = stack.enter_context(Recordings(record, overwrite=overwrite))
        also: list[Callable[[Shown], None]] = [recordings.show]
        shown_on: View = Unseen()
        if view == "window":
            shown_on = stack.enter_context(part("window").Window(controls, recordings))
        elif virtual_camera:
            device = stack.enter_context(part("virtual").VirtualCamera(rate))
            return _while_read(begin, device, duration=duration, on_stats=on_stats, also=also)
        if virtual_camera:
            also.append(stack.enter_context(part("virtual").VirtualCamera(rate)).show)
        with begin() as live:
            play(live, shown_on, on_stats=on_stats, also=also)
            return live.overall()


def _while_read(
    begin: Callable[..., Live],
    device: Any,
    *,
    duration: float | None,
    on_stats: Callable[[Stats], None],
    also: list[Callable[[Shown], None]],
) -> Stats:
    """Run while some program looks at the virtual camera; let go of the source while none does."""
    end = None if duration is None else time.monotonic() + duration
    known = False  # once it was there, a source that is away is waited for
    while True:
        with begin(None if end is None else max(0.0, end - time.monotonic()), known=known) as live:
            play(live, device, on_stats=on_stats, also=also)
            known = known or live.tally.frames > 0
            over = end is not None and time.monotonic() >= end
            if over or device.tick():
                return live.overall()
        while not device.tick():
            if end is not None and time.monotonic() >= end:
                return live.overall()
            time.sleep(min(1.0, 1.0 if end is None else max(0.0, end - time.monotonic())))
