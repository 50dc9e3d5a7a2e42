"""Files that this process has open."""

from pathlib import Path


def count_handles() -> int:
    """How many, with the one that lists them."""
    return len(list(Path("/dev/fd").iterdir()))
