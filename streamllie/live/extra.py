"""Parts of live video that are installed only when asked for."""

import importlib
import os
from typing import Any

from streamllie.errors import BackendMissing


def part(name: str) -> Any:
    """A module of this package that needs the extra "live".

    Raises:
        BackendMissing: what it needs is not installed.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it greets on stdout, where JSON goes
    try:
        return importlib.import_module(f"streamllie.live.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("streamllie"):
            raise
        raise BackendMissing(f'{error.name} is not installed; pip install "streamllie[live]"') from error
