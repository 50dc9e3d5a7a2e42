"""A recording of what is shown, whatever becomes of it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from streamllie.errors import OutputExists
from streamllie.frame import Frame, Plane, VideoFormat
from streamllie.live.recorder import WAITING, Recorder
from streamllie.live.stage import Shown
from streamllie.video import VideoSink
from tests.live.peers import pictures
from tests.media import picture

FORMAT = VideoFormat(height=48, width=64, rate=Fraction(25))


def test_a_recording_that_cannot_get_its_name_ends_and_says_so(tmp_path):
    recorder = Recorder(tmp_path / "day.mp4", FORMAT)
    with pytest.raises(OutputExists, match="made by another program"), recorder:
        for n in range(5):
            recorder.show(seen(n, *picture(n, height=48, width=64)))
        (tmp_path / "day.mp4").write_bytes(b"another's")
    assert (tmp_path / "day.mp4").read_bytes() == b"another's"


def test_frames_that_a_slow_encoder_had_no_time_for_are_told(tmp_path, monkeypatch, caplog):
    held = threading.Event()
    write = VideoSink.write
    monkeypatch.setattr(VideoSink, "write", lambda sink, frame: held.wait(60) and write(sink, frame))
    with Recorder(tmp_path / "day.mkv", FORMAT) as recorder:
        for n in range(WAITING + 10):
            recorder.show(seen(n, *picture(n, height=48, width=64)))
        held.set()
    missing = WAITING + 10 - len(pictures(tmp_path / "day.mkv"))
    assert missing > 0
    assert f'{missing} frames are not in "{tmp_path / "day.mkv"}": the encoder had no time for them' in caplog.text


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


@pytest.mark.parametrize("again", [True, False])
def test_a_recording_that_died_is_told_apart_from_one_that_runs(tmp_path, again):
    """The red dot goes out, the next key begins another recording, and without one the run ends with the error."""
    script = f"""
import resource, signal
from itertools import count
from pathlib import Path
import numpy as np
from streamllie.live.recordings import Recordings
from tests.live.test_recorder import grain, seen
from tests.waiting import until
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
numbers, rng = count(), np.random.default_rng(0)
with Recordings(Path({str(tmp_path / "day.mkv")!r})) as recordings:
    def died():
        recordings.show(seen(next(numbers), *grain(rng)))
        return not recordings.on
    until(died, 60, "the end of the disk")
    if {again}:
        recordings.toggle()
        print(recordings.on)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "the disk is full or a limit is reached" in done.stderr
    assert (done.stdout.strip(), done.returncode) == (("True", 0) if again else ("", 1)), done.stderr


def seen(number: int, y: Plane, u: Plane, v: Plane) -> Shown:
    """What a live run of 25 pictures per second shows."""
    frame = Frame(y=y, u=u, v=v, pts=number, time_base=Fraction(1, 25))
    return Shown(before=frame, after=frame, format=FORMAT, captured=number / 25, work=0.0, mode="full", backend="none")


def grain(rng: np.random.Generator) -> tuple[Plane, Plane, Plane]:
    """Planes that take much room."""
    y, u, v = (rng.integers(0, 256, shape, np.uint8) for shape in ((48, 64), (24, 32), (24, 32)))
    return y, u, v


def noise(path: str, then: Callable[[], None] = lambda: None) -> None:
    """A recording of more than 200,000 bytes; at its end `then` is called."""
    rng = np.random.default_rng(0)
    with VideoSink(path, FORMAT, crf=5, live=True) as sink:
        for n in range(600):
            sink.write(seen(n, *grain(rng)).after)
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
