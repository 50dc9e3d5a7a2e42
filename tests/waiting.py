"""Waiting for what another thread, task or program does."""

import asyncio
import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 10.0, what: str = "it") -> None:
    """Return as soon as the condition holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.001)


async def happens(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """The same beside an event loop, which goes on meanwhile."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"{what} did not happen within {seconds:g} s"
        await asyncio.sleep(0.005)
