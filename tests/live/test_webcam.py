"""The live commands as a person or a program calls them."""

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from streamllie.cli import app
from tests.media import make_video

pytestmark = pytest.mark.usefixtures("opens_fast")

RUN = CliRunner()


@pytest.fixture
def night(tmp_path) -> Path:
    """A dark clip of two seconds."""
    return make_video(tmp_path / "night.mp4", frames=60, rate=30, height=96, width=128)


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_shown_is_recorded_and_the_figures_of_every_second_are_json_lines(night, tmp_path):
    record = tmp_path / "day.mp4"
    options = ["--view", "none", "--always", "--budget", "1000", "--duration", "7", "--record", str(record), "--json"]
    done = RUN.invoke(app, ["webcam", str(night), *options], catch_exceptions=False)
    assert done.exit_code == 0
    *stats, last = [line for line in events(done.stdout) if line["event"] in ("stats", "done")]
    assert [line["event"] for line in stats] == ["stats"] * len(stats)
    assert last["event"] == "done"
    some = max(stats, key=lambda line: line["fps"])
    assert {"fps", "latency_ms", "dropped", "frames", "mode"} <= some.keys()
    assert set(some["latency_ms"]) == {"p50", "p99"}
    assert some["mode"] in ("full", "half", "skip", "pass")
    for before, after in pairwise(line for line in stats if line["frames"]):  # since the first picture
        shown = after["fps"] * (after["seconds"] - before["seconds"])
        assert shown == pytest.approx(after["frames"] - before["frames"], abs=3)
    assert last["frames"] >= stats[-1]["frames"] > 10

    with av.open(str(record)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) > 5
    assert max(b.time - a.time for a, b in pairwise(frames)) < 1.5, "the wait for the engine is in the recording"
    with av.open(str(night)) as container:
        dark = next(container.decode(video=0)).to_ndarray(format="gray").mean()
    assert frames[-1].to_ndarray(format="gray").mean() > 1.5 * dark


def test_a_recording_that_exists_is_not_touched(night, tmp_path):
    record = tmp_path / "kept.mp4"
    record.write_text("mine")
    done = RUN.invoke(app, ["webcam", "--camera", str(night), "--view", "none", "--record", str(record)])
    assert done.exit_code == 1
    assert "exists" in done.stderr
    assert record.read_text() == "mine"


@pytest.mark.parametrize("command", [["webcam", "--view", "none"], ["latency", "--camera", "nothing"], ["serve", "x"]])
def test_a_camera_that_is_not_there_is_one_sentence_and_exit_code_1(command):
    done = RUN.invoke(app, command)
    assert done.exit_code == 1
    assert "neither a camera, a file nor a URL" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_recording_does_not_go_with_the_browser(night):
    done = RUN.invoke(app, ["webcam", "--camera", str(night), "--view", "browser", "--record", "x.mp4"])
    assert done.exit_code == 2
    assert "go with --view window or none" in done.stderr


def test_cameras_are_listed_as_json():
    done = RUN.invoke(app, ["cameras", "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    assert isinstance(json.loads(done.stdout), list)


@pytest.mark.skipif(any(Path("/dev").glob("video*")), reason="there may be a loopback device here")
def test_without_a_virtual_camera_the_error_says_how_to_get_one(night):
    pytest.importorskip("pyvirtualcam", reason="the extra [live] is not installed")
    done = RUN.invoke(app, ["webcam", "--camera", str(night), "--view", "none", "--virtual-camera"])
    assert done.exit_code == 1
    assert "v4l2loopback" in done.stderr


def test_latency_is_measured_with_a_source_in_real_time(night):
    done = RUN.invoke(app, ["latency", "--camera", str(night), "--duration", "2", "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    (told,) = events(done.stdout)
    assert 3 < told["rate"] < 33, "30 frames per second: late on a machine that does much else, never early"
    assert told["seconds"] >= 2
    assert told["frames"] + told["dropped"] == pytest.approx(told["seconds"] * told["rate"], rel=0.25)
    assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["worst_ms"]


def test_a_stream_refuses_what_only_files_have(tmp_path):
    done = RUN.invoke(app, ["enhance", "udp://127.0.0.1:9", str(tmp_path / "x.mkv"), "--start", "3"])
    assert done.exit_code == 2
    assert "--start is for files, not for live streams" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["enhance", "not there", "udp://127.0.0.1:9", "--preset", "nonsense"],
        ["enhance", "not there", "udp://127.0.0.1:9", "--max-bitrate", "8"],
        ["enhance", "not there", "udp://127.0.0.1:9", "--crf", "99"],
        ["webcam", "not there", "--view", "none", "--record", "day.xyz"],
    ],
)
def test_what_an_output_cannot_be_is_told_before_its_source_is_looked_for(words):
    done = RUN.invoke(app, words)
    assert done.exit_code == 1
    assert "neither a camera, a file nor a URL" not in done.stderr
    assert any(word in done.stderr for word in ("preset", "--max-bitrate", "bit", "--crf", ".xyz"))


def test_not_even_verbose_errors_show_a_password(tmp_path):
    command = ["enhance", "rtsp://admin:hunter2@127.0.0.1:9/x", str(tmp_path / "x.mkv")]
    done = subprocess.run(
        [sys.executable, "-m", "streamllie", "--verbose", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert "Connection refused" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_a_run_and_the_recording_is_whole(night, tmp_path):
    record = tmp_path / "day.mkv"
    command = ["webcam", "--camera", str(night), "--view", "none", "--json", "--record", str(record)]
    with subprocess.Popen([sys.executable, "-m", "streamllie", *command], stdout=subprocess.PIPE, text=True) as run:
        while json.loads(run.stdout.readline())["frames"] < 10:
            pass
        run.send_signal(signal.SIGINT)
        last = json.loads(run.stdout.read().splitlines()[-1])
        assert run.wait(60) == 130
    assert last == {"event": "error", "message": f'interrupted: the recording is "{record}"'}
    with av.open(str(record)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.mkv", "night.mp4"]


def test_a_source_of_which_nothing_can_be_decoded_is_an_error_and_not_an_empty_success(night):
    whole = night.read_bytes()
    at = whole.index(b"mdat") + 4
    night.write_bytes(whole[:at] + bytes(len(whole) - at - 1000) + whole[-1000:])
    done = RUN.invoke(app, ["webcam", "--camera", str(night), "--view", "none", "--duration", "5"])
    assert done.exit_code == 1
    assert "night.mp4" in done.stderr


def test_a_duration_begins_with_the_first_picture_and_not_while_the_engine_opens(night):
    done = RUN.invoke(app, ["webcam", "--camera", str(night), "--view", "none", "--duration", "0.2", "--json"])
    assert done.exit_code == 0
    assert events(done.stdout)[-1]["frames"] >= 1


def test_a_recording_never_takes_the_place_of_its_own_source(night):
    before = night.read_bytes()
    done = RUN.invoke(app, ["webcam", "--camera", str(night), "--view", "none", "--record", str(night), "--overwrite"])
    assert done.exit_code == 1
    assert "is the input itself" in done.stderr
    assert night.read_bytes() == before


def test_enhance_takes_what_is_no_file_into_one_until_its_time_is_up(tmp_path):
    day = tmp_path / "day.mp4"
    words = ["enhance", "lavfi:testsrc2=size=128x96:rate=30", str(day), "--duration", "1", "--json"]
    done = RUN.invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    with av.open(str(day)) as container:
        frames = len(list(container.decode(video=0)))
    assert 1 < frames == events(done.stdout)[-1]["frames"] <= 30, "what begins at the end of a second is after it"
    assert RUN.invoke(app, ["enhance", "lavfi:testsrc2", str(day)]).exit_code == 1, "it exists"
