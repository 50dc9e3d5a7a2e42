"""Ctrl-C at a good moment: not between two steps that belong together."""

import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def postponed() -> Generator[Sequence[object]]:
    """The body ends before a signal is answered that Python has a handler for; in other threads none is anyway.

    Gives what has come meanwhile, for a body that can end early.
    """
    came: list[tuple[int, FrameType | None]] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    handlers: dict[int, Callable[..., Any]] = {}
    try:
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, lambda number, frame: came.append((number, frame)))
        yield came
    finally:
        for number in reversed(handlers):  # Ctrl-C last: it may come again at once
            signal.signal(number, handlers[number])
        for number, frame in came:
            handlers[number](number, frame)
