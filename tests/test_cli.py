"""The command line as people and programs meet it: a process of its own, real files, the real model."""

import json
import sys

import pytest
import typer

from streamllie import cli, stills
from streamllie.stills import Still
from tests.command import FAST, events, frame_count, streamllie
from tests.media import FRAMES


def test_enhance_writes_the_video_and_says_what_it_did_in_one_line(night, tmp_path):
    done = streamllie("enhance", night, tmp_path / "day.mp4")
    assert done.returncode == 0
    assert done.stdout == ""
    assert frame_count(tmp_path / "day.mp4") == FRAMES
    (line,) = done.stderr.splitlines()  # no progress bar: this is not a terminal
    for words in (f"{FRAMES} frames", "fps", "bit rate", "times the source's", "lite on "):
        assert words in line


def test_quiet_says_nothing(night, tmp_path):
    done = streamllie("enhance", *FAST, night, tmp_path / "day.mp4", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_gives_progress_and_last_the_promised_event(night, tmp_path):
    done = streamllie("enhance", *FAST, night, tmp_path / "day.mp4", "--json")
    *progress, last = events(done)
    assert progress
    assert all(event["event"] == "progress" for event in progress)
    assert list(last) == ["event", "frames", "seconds", "fps", "backend", "model", "output", "bitrate_ratio"]
    assert (last["event"], last["frames"], last["model"]) == ("done", FRAMES, "lite")
    assert last["output"] == str(tmp_path / "day.mp4")
    assert done.stderr == ""


def test_a_failure_is_one_sentence_and_exit_1(tmp_path):
    done = streamllie("enhance", tmp_path / "gone.mp4", tmp_path / "day.mp4")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("streamllie: ")
    assert "gone.mp4" in line


def test_escape_sequences_in_a_name_are_spelt_out(tmp_path, dark_rgb):
    (tmp_path / "in").mkdir()
    for name in ("\x1b[31ma.png", "b\udce9.png"):
        stills.write(tmp_path / "in" / name, Still(rgb=dark_rgb))
    done = streamllie("enhance", *FAST, tmp_path / "in", tmp_path / "out")
    assert done.returncode == 0
    assert "\x1b" not in done.stderr
    assert r"\x1b[31ma.png: -> " in done.stderr
    assert r"b\udce9.png: -> " in done.stderr


def test_a_failure_with_json_ends_with_an_error_event(night, tmp_path):
    (tmp_path / "day.mp4").write_bytes(b"mine")
    done = streamllie("enhance", night, tmp_path / "day.mp4", "--json")
    assert done.returncode == 1
    (event,) = events(done)
    assert list(event) == ["event", "message"]
    assert event["event"] == "error"
    assert "exists" in event["message"]


def test_verbose_shows_where_an_error_arises(tmp_path):
    done = streamllie("--verbose", "enhance", tmp_path / "gone.mp4", tmp_path / "day.mp4")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("streamllie: ")


@pytest.mark.parametrize(
    "words",
    [
        ["enhance"],
        ["enhance", "in.mp4"],
        ["enhance", "in.mp4", "out.mp4", "--strength", "2"],
        ["enhance", "in.mp4", "out.mp4", "--smoothing", "-0.1"],
        ["enhance", "in.mp4", "out.mp4", "--backend", "abacus"],
        ["enhance", "in.mp4", "out.mp4", "--precision", "int3"],
        ["enhance", "in.mp4", "out.mp4", "--codec", "cinepak"],
        ["enhance", "in.mp4", "out.mp4", "--start", "noon"],
        ["enhance", "in.mp4", "out.mp4", "--duration", "0"],
        ["enhance", "in.mp4", "out.mp4", "--loud"],
        ["bench", "--size", "big"],
        ["bench", "--size", "99999999x99999999"],
        ["webcam", "--duration", "0"],
        ["latency", "--duration", "0:00"],
        ["latency", "--size", "8193x720"],
        ["compare", "rtsp://user:secret@host/x", "a.mp4"],
        ["engine", "info", "rtsp://user:secret@host/x"],
        ["webcam", "rtsp://user:secret@host/x", "--camera", "0", "--json"],
        ["webcam", "--camera", "a", "--duration", "rtsp://user:secret@host/x", "--json"],
        ["improve"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["streamllie", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert "secret" not in printed.out + printed.err


def test_a_url_where_a_model_belongs_is_told_without_its_password(monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["streamllie", "enhance", "a.mp4", "b.mp4", "--model", "rtsp://u:secret@h", "--json"]
    )
    with pytest.raises(SystemExit):
        cli.main()
    printed = capsys.readouterr()
    assert "secret" not in printed.out + printed.err


def test_wrong_usage_with_json_is_an_error_event_too(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["streamllie", "enhance", "in.mp4", "--json"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr()
    assert json.loads(said.out) == {"event": "error", "message": "Missing argument 'OUTPUT'."}
    assert "Missing argument 'OUTPUT'." in said.err


def test_no_words_show_the_help():
    assert "Usage" in streamllie().stdout + streamllie().stderr


def test_the_version_is_told():
    assert streamllie("--version").stdout.startswith("streamllie ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (".2", 0.2), ("1:.5", 60.5), (".", None),
        ("0", 0), ("90", 90), ("90.25", 90.25), ("1:30", 90), ("01:30.5", 90.5),
        ("00:01:30.5", 90.5), ("2:00:00", 7200), ("0:90", None), ("1:2:3:4", None),
        ("-5", None), ("", None), ("abc", None), ("1:60", None), ("1:61:00", None), ("nan", None),
    ],
)  # fmt: skip
def test_times_are_read_as_people_write_them(text, seconds):
    if seconds is None:
        with pytest.raises(typer.BadParameter):
            cli.seconds(text)
    else:
        assert cli.seconds(text) == seconds


def test_start_and_duration_reach_the_video(night, tmp_path):
    done = streamllie("enhance", *FAST, night, tmp_path / "d.mp4", "--start", "0:00.12", "--duration", "0.16", "--json")
    assert events(done)[-1]["frames"] == 4


def test_names_too_long_for_the_file_system_are_one_sentence_before_any_work(night, tmp_path):
    for words in ((night, tmp_path / ("x" * 300 + ".mp4")), ("x" * 300 + ".mp4", tmp_path / "day.mp4")):
        done = streamllie("enhance", *words)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "File name too long" in line
        assert "bug in StreamLLIE" not in line


def test_an_empty_name_is_a_wrong_usage_and_not_the_current_folder(night, tmp_path):
    for words in (("", tmp_path / "day.mp4"), (night, "")):
        done = streamllie("enhance", *words)
        assert done.returncode == 2
        assert "the name is empty" in done.stderr
    assert not (tmp_path / "day.mp4").exists()


def test_a_picture_goes_in_and_out(tmp_path, dark_rgb):
    stills.write(tmp_path / "in.png", Still(rgb=dark_rgb))
    done = streamllie("enhance", *FAST, tmp_path / "in.png", tmp_path / "out.png", "--json")
    assert (events(done)[-1]["event"], events(done)[-1]["frames"]) == ("done", 1)
    assert stills.read(tmp_path / "out.png").rgb.mean() > 1.5 * dark_rgb.mean()


def test_a_folder_reports_each_file_names_the_skipped_and_fails_at_the_end(tmp_path, dark_rgb):
    source = tmp_path / "in"
    source.mkdir()
    stills.write(source / "a.png", Still(rgb=dark_rgb))
    (source / "broken.png").write_bytes(b"not a picture")
    (source / "notes.txt").write_text("not media")
    stills.write(source / "z.png", Still(rgb=dark_rgb))
    done = streamllie("enhance", *FAST, source, tmp_path / "out")
    assert done.returncode == 1
    a, broken, notes, z, last = done.stderr.splitlines()
    assert "-> " in a
    assert "failed: " in broken
    assert "skipped: " in notes
    assert "-> " in z
    assert last == "streamllie: 2 enhanced, 1 skipped, 1 failed: broken.png"


def test_a_folder_with_json_has_an_event_for_each_file(tmp_path, dark_rgb):
    source = tmp_path / "in"
    source.mkdir()
    stills.write(source / "a.png", Still(rgb=dark_rgb))
    (source / "notes.txt").write_text("not media")
    done = streamllie("enhance", *FAST, source, tmp_path / "out", "--json")
    assert done.returncode == 0
    assert [event["event"] for event in events(done)] == ["file", "skipped", "done"]
    assert events(done)[-1]["frames"] == 1


def test_models_lists_the_shelf():
    (line,) = streamllie("models", "--json").stdout.splitlines()
    (lite,) = [model for model in json.loads(line) if model["name"] == "lite"]
    assert list(lite) == ["name", "parameters", "bytes", "licence", "sha256", "scores"]
    assert lite["parameters"] <= 100_000
    told = streamllie("models").stdout
    assert "lite" in told
    assert "lol_v1_eval15: n 15, psnr " in told


def test_doctor_says_what_works_and_why_not_also_with_a_damaged_model(tmp_path, monkeypatch):
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    keys = 'file = "torn.onnx"\nbytes = 1\nsha256 = "1"\nparameters = 1\nlicence = "mine"'
    (tmp_path / "manifest.toml").write_text(f'[[model]]\nname = "torn"\n{keys}\n')
    monkeypatch.setenv("STREAMLLIE_SHELF", str(tmp_path))
    done = streamllie("doctor", "--json")
    assert done.returncode == 0
    found = {event["subject"]: event for event in events(done)}
    assert found["model lite"]["works"]
    assert found["backend openvino"]["works"]
    assert found["encoder libx264"]["works"]
    assert "libavcodec" in found["package av"]["detail"]
    assert all(event["detail"] for event in found.values())
    assert "against eager: largest difference" in found["backend openvino"]["detail"]
    assert {"nvidia driver and GPU", "tensorrt library", "nvdec", "camera"} <= set(found)
    if found["tensorrt library"]["works"]:
        assert found["engine build"]["works"], "it needs no GPU"
    if not found["nvidia driver and GPU"]["works"]:
        assert found["nvdec"]["detail"] == "there is no NVIDIA driver or GPU; runs decode on the CPU anyway"
        assert not found["nvdec"]["works"]
        assert not found["backend tensorrt"]["works"]
