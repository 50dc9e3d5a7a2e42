"""Imports of libraries that bring more than we ask of them."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def without(name: str) -> Generator[None]:
    """Make a package that was not imported so far look as if it were not installed. Only the `with` block sees that."""
    if name in sys.modules:  # whoever imported it has chosen
        yield
        return
    sys.modules[name] = cast("ModuleType", None)  # what the import system takes for "not to be found"
    try:
        yield
    finally:
        del sys.modules[name]
