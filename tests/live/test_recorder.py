"""A recording of what is shown, whatever becomes of it."""

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from streamllie.errors import OutputExists
from streamllie.frame import Frame, VideoFormat
from streamllie.live.recorder import Recorder
from streamllie.live.stage import Shown
from streamllie.video import VideoSink
from tests.live.peers import pictures
from tests.media import picture

FORMAT = VideoFormat(height=48, width=64, rate=Fraction(25))


def test_a_recording_that_cannot_get_its_name_ends_and_says_so(tmp_path):
    recorder = Recorder(tmp_path / "day.mp4", FORMAT)
    with pytest.raises(OutputExists, match="made by another program"), recorder:
        for n in range(5):
            y, u, v = picture(n, height=48, width=64)
            frame = Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25))
            seen = Shown(
                before=frame, after=frame, format=FORMAT, captured=n / 25, work=0.0, mode="full", backend="none"
            )
            recorder.show(seen)
        (tmp_path / "day.mp4").write_bytes(b"another's")
    assert (tmp_path / "day.mp4").read_bytes() == b"another's"


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_what_fits_on_a_disk_that_gets_full_is_kept_and_can_be_played(tmp_path, suffix):
    """Files of this process may have 200,000 bytes, as if the disk had no room for more."""
    script = f"""
import resource, signal
from tests.live.test_recorder import noise
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
noise({str(tmp_path / f"day{suffix}")!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "SinkError: the disk is full or a limit is reached" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"day.partial{suffix}"]
    assert len(pictures(tmp_path / f"day.partial{suffix}")) >= 8


def test_a_recording_that_died_is_told_apart_from_one_that_runs(tmp_path):
    """The red dot goes out, and the next key begins another recording."""
    script = f"""
import resource, signal, time
from pathlib import Path
from streamllie.live.recordings import Recordings
from tests.live.test_recorder import noisy
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
with Recordings(Path({str(tmp_path / "day.mkv")!r})) as recordings:
    number = 0
    while recordings.on and number < 3000:
        recordings.show(noisy(number))
        number += 1
        time.sleep(0.002)
    print(recordings.on)
    recordings.toggle()
    print(recordings.on)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "True"], done.stderr
    assert "the disk is full or a limit is reached" in done.stderr


def noisy(number: int) -> Shown:
    """One picture of a live run that takes much room."""
    rng = np.random.default_rng(number)
    y, u, v = (rng.integers(0, 256, shape, np.uint8) for shape in ((48, 64), (24, 32), (24, 32)))
    frame = Frame(y=y, u=u, v=v, pts=number, time_base=Fraction(1, 25))
    return Shown(before=frame, after=frame, format=FORMAT, captured=number / 25, work=0.0, mode="full", backend="none")


def noise(path: str, then: Callable[[], None] = lambda: None) -> None:
    """A recording of more than 200,000 bytes; at its end `then` is called."""
    rng = np.random.default_rng(0)
    with VideoSink(path, FORMAT, crf=5, live=True) as sink:
        for n in range(600):
            y, u, v = (rng.integers(0, 256, shape, np.uint8) for shape in ((48, 64), (24, 32), (24, 32)))
            sink.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25)))
        then()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_process_that_is_killed_leaves_all_but_the_last_seconds(tmp_path, suffix):
    script = f"""
import os, signal
from tests.live.test_recorder import noise
noise({str(tmp_path / f"day{suffix}")!r}, then=lambda: os.kill(os.getpid(), signal.SIGKILL))
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    (left,) = tmp_path.iterdir()
    assert len(pictures(left)) > 400, "of 600 in 24 seconds"
