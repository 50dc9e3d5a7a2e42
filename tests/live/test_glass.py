"""Glass to glass under a virtual display: the screen that blinks is the camera too."""

import pytest

pytest.importorskip("pygame", reason="the extra [live] is not installed")

from streamllie.errors import SourceError
from streamllie.live import glass
from streamllie.live.glass import glass_to_glass


@pytest.fixture(autouse=True)
def on_the_display(display, opens_fast, monkeypatch):
    """In a window of the screen in memory, which is seen sooner than most."""
    monkeypatch.setattr(glass, "LOST", 1.0)


def test_each_blink_of_the_screen_is_seen_through_a_camera_that_looks_at_it(display):
    found = glass_to_glass(f"screen:{display}", size=(480, 640), duration=3)
    assert found.blinks >= found.seen >= 2
    assert 0 < found.p50_ms <= found.worst_ms < 1000, "a blink that takes longer is lost"
    assert found.lines()[0].startswith(f"glass to glass through screen:{display}: p50 ")


def test_a_camera_that_looks_elsewhere_is_told_so():
    with pytest.raises(SourceError, match="does not see the screen blink; point it there"):
        glass_to_glass("lavfi:color=gray:size=320x240:rate=30", size=None, duration=1.5)


def test_a_screen_is_not_asked_for_more_than_it_has(display):
    with pytest.raises(SourceError, match=f'"screen:{display}" is smaller than 1280x720; give a --size'):
        glass_to_glass(f"screen:{display}", size=(720, 1280), duration=1)
