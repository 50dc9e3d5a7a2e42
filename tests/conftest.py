"""What tests of several folders share: a dark clip, a dark picture, and no shelf but ours."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamllie import backends
from tests.media import Sound, make_video


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: nothing long is left for one process at the end, and none waits for an export."""
    export, wanting = "test_export.py", ("test_engine.py", "test_steadiness.py")  # a minute for what these want, too

    def late(item: pytest.Item) -> tuple[bool, bool]:
        return item.path.name != export, item.path.parent.name != "training" or item.path.name in wanting

    items.sort(key=late)


@pytest.fixture(autouse=True, scope="session")
def no_shelf_and_no_cache_but_ours(tmp_path_factory):
    """What somebody keeps in the user's shelf or cache must not change what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLLIE_SHELF", str(tmp_path_factory.mktemp("shelf")))
        patch.setenv("STREAMLLIE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_heard():
    """By what tests start, too, where a shell began all this in the background and had it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def no_thread_stays() -> Iterator[None]:
    """Whatever a test does, the threads of its runs have ended after it."""
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "streamllie-ahead"] == []


@pytest.fixture
def opens_fast(monkeypatch):
    """For tests of something else: "auto" is ONNX Runtime, which opens in a tenth of the time that OpenVINO takes."""
    monkeypatch.setattr(backends, "BACKENDS", tuple(sorted(backends.BACKENDS, key=lambda name: name != "onnxruntime")))


@pytest.fixture
def night(tmp_path) -> Path:
    """Ten dark frames of 64 x 48 with a tone."""
    return make_video(tmp_path / "night.mp4", sound=[Sound()])


@pytest.fixture
def dark_rgb() -> np.ndarray:
    """A dark picture, (72, 96, 3), of boxes under noise."""
    rng = np.random.default_rng(11)
    rgb = np.full((72, 96, 3), 10.0)
    for _ in range(20):
        top, left, size = rng.integers(0, 72), rng.integers(0, 96), rng.integers(4, 30)
        rgb[top : top + size, left : left + size] = rng.uniform(2, 40, 3)
    return np.clip(rgb + rng.normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
