"""The command line when it is stopped, and when what it talks to is full, closed or goes away."""

import json
import os
import pty
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.command import COMMAND, FAST, frame_count
from tests.media import FRAMES, make_video


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_is_stopped_leaves_a_playable_part_names_it_and_exits_130(tmp_path, number):
    night = make_video(tmp_path / "long.mp4", frames=1500, options={"bf": "0"})
    process = subprocess.Popen(
        [*COMMAND, "enhance", *FAST, str(night), str(tmp_path / "day.mp4"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["frames"] < 20:
        pass
    process.send_signal(number)
    for again in (number, signal.SIGINT, signal.SIGTERM):  # who is impatient, or a terminal that closes
        time.sleep(0.02)
        process.send_signal(again)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (tmp_path / "day.mp4").exists()
    part = tmp_path / "day.partial.mp4"
    assert 20 <= frame_count(part) < 1500
    (line,) = stderr.splitlines()
    assert str(part) in line
    last = json.loads(stdout.splitlines()[-1])
    assert last["event"] == "error"
    assert str(part) in last["message"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.partial.mp4", "long.mp4"]


def test_a_reader_of_json_that_goes_away_is_one_sentence_and_costs_no_frame(tmp_path):
    night = make_video(tmp_path / "long.mp4", frames=100, options={"bf": "0"})
    process = subprocess.Popen(
        [*COMMAND, "enhance", *FAST, str(night), str(tmp_path / "day.mp4"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    (line,) = process.stderr.read().splitlines()
    assert process.wait(60) == 1
    assert line.startswith("streamllie: stdout cannot be written to")
    assert frame_count(tmp_path / "day.mp4") == 100


def test_a_reader_of_json_that_goes_away_costs_a_live_run_nothing_either(tmp_path):
    words = [
        "enhance",
        *FAST,
        "lavfi:testsrc2=size=64x48:rate=25",
        str(tmp_path / "day.mkv"),
        "--duration",
        "3",
        "--json",
    ]
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 1
    assert frame_count(tmp_path / "day.mkv") > 30


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("words", [("models",), ("models", "--json"), ("--version",), ("--help",)])
def test_a_full_or_closed_stdout_is_one_sentence_and_no_mistake_of_ours(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("streamllie: stdout cannot be written to (No space left")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_cost_nothing(night, tmp_path, closed):
    command = shlex.join([*COMMAND, "enhance", *FAST, str(night), str(tmp_path / "day.mp4")])
    assert subprocess.run(["sh", "-c", f"{command} {closed}"], check=False, timeout=60).returncode == 0
    assert frame_count(tmp_path / "day.mp4") == FRAMES


def test_a_terminal_that_goes_away_does_not_cost_the_work(tmp_path):
    night = make_video(tmp_path / "long.mp4", frames=100, options={"bf": "0"})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "enhance", *FAST, str(night), str(tmp_path / "day.mp4")], stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    assert process.wait(60) == 0
    assert frame_count(tmp_path / "day.mp4") == 100


def test_at_a_terminal_a_bar_shows_frames_per_second_and_the_backend(tmp_path):
    night = make_video(tmp_path / "night.mp4", frames=200)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "enhance", str(night), str(tmp_path / "day.mp4")],
        stderr=theirs,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm"},
    )
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 4096):
            seen += data
    except OSError:
        pass  # Linux says so when the other side is closed
    assert process.wait(timeout=60) == 0
    for words in (b"night.mp4", b"/200", b" fps", b"openvino"):
        assert words in seen
