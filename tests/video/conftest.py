from pathlib import Path

import pytest

from tests import media


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A small video with sound, alone in its folder."""
    return media.make_video(tmp_path / "night.mp4", sound=[media.Sound()])
