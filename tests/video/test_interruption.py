"""Ctrl-C keeps the work done so far as a playable partial file, and touches nothing else."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from streamllie.frame import Frame
from streamllie.video import VideoSink
from tests import media
from tests.video.chain import enhance, names, packets, times

REPOSITORY = Path(__file__).resolve().parents[2]


def test_ctrl_c_leaves_a_playable_partial_file_and_spares_an_existing_target(night: Path) -> None:
    target = night.with_name("day.mp4")
    target.write_text("yesterday's")

    def interrupt(frame: Frame) -> Frame:
        if frame.time > 0.2:
            raise KeyboardInterrupt
        return frame

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            enhance(night, target, step=interrupt, overwrite=True)

    assert target.read_text() == "yesterday's"
    assert names(night.parent) == ["day.mp4", "day.partial-2.mp4", "day.partial.mp4", "night.mp4"]
    partial = night.with_name("day.partial.mp4")
    assert len(times(partial)) == 6
    assert 0 < len(packets(partial, 1)) < len(packets(night, 1))


def test_ctrl_c_keeps_the_subtitle_that_is_on_screen(tmp_path: Path) -> None:
    subtitle = media.Subtitle(events=[(0.04, 0.12, "one"), (0.16, 0.8, "two")])
    night = media.make_video(tmp_path / "night.mkv", frames=25, subtitles=[subtitle])

    def interrupt(frame: Frame) -> Frame:
        if frame.time > 0.5:
            raise KeyboardInterrupt
        return frame

    with pytest.raises(KeyboardInterrupt):
        enhance(night, tmp_path / "day.mp4", step=interrupt)

    assert [data[2:] for data, _, _ in packets(tmp_path / "day.partial.mp4", 1) if len(data) > 2] == [b"one", b"two"]


def test_ctrl_c_while_completing_keeps_what_was_written(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(sink: VideoSink) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoSink, "_verify", interrupt)
    with pytest.raises(KeyboardInterrupt):
        enhance(night, night.with_name("day.mp4"))

    assert names(night.parent) == ["day.partial.mp4", "night.mp4"]
    assert len(times(night.with_name("day.partial.mp4"))) == media.FRAMES


def run(program: str) -> str:
    """In a process of its own, whose main thread hears signals."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_signal_between_encoder_and_muxer_loses_no_packet(tmp_path: Path, codec: str) -> None:
    night = media.make_video(tmp_path / "night.mp4", frames=120)
    program = f"""
        import signal
        from pathlib import Path
        from streamllie.video.encoding import Encoding
        from tests.video.chain import enhance
        encode, given = Encoding.encode, []
        def encode_and_be_interrupted(self, frame):
            packets = list(encode(self, frame))
            given.append(frame)
            if packets and len(given) > 60:
                signal.raise_signal(signal.SIGINT)
            return packets
        Encoding.encode = encode_and_be_interrupted
        try:
            enhance(Path({str(night)!r}), Path({str(tmp_path / "day.mkv")!r}), codec={codec!r})
        except KeyboardInterrupt:
            print(len(given))
    """
    given = int(run(program))
    assert 60 < given < 120
    assert times(tmp_path / "day.partial.mkv") == times(night)[:given]


def test_a_signal_while_the_encoder_gives_its_last_pictures_loses_none(tmp_path: Path) -> None:
    night = media.make_video(tmp_path / "night.mp4", frames=30)
    program = f"""
        import signal
        from pathlib import Path
        from streamllie.video.encoding import Encoding
        from tests.video.chain import enhance
        flush = Encoding.flush
        def flush_and_be_interrupted(self):
            packets = list(flush(self))
            assert len(packets) > 10
            signal.raise_signal(signal.SIGINT)
            return packets
        Encoding.flush = flush_and_be_interrupted
        try:
            enhance(Path({str(night)!r}), Path({str(tmp_path / "day.mkv")!r}), codec="h264")
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert run(program).strip() == "interrupted"
    assert times(tmp_path / "day.partial.mkv") == times(night)


def test_a_postponed_signal_is_answered_at_the_end_and_its_handlers_are_back() -> None:
    program = """
        import signal
        from streamllie.interrupts import SIGNALS, postponed
        before = [signal.getsignal(number) for number in SIGNALS]
        try:
            with postponed():
                signal.raise_signal(signal.SIGINT)
                print("the body")
        except KeyboardInterrupt:
            print("then the signal", [signal.getsignal(number) for number in SIGNALS] == before)
    """
    assert run(program).splitlines() == ["the body", "then the signal True"]


@pytest.mark.parametrize("container", ["mp4", "mkv", "webm", "ts"])
def test_a_real_interrupt_signal_leaves_a_playable_partial_file(tmp_path: Path, container: str) -> None:
    night = media.make_video(tmp_path / "night.mp4")
    program = f"""
        import time
        from pathlib import Path
        from tests.video.chain import enhance
        def slow(frame):
            print("frame", flush=True)
            time.sleep(0.2)
            return frame
        enhance(Path({str(night)!r}), Path({str(tmp_path / f"day.{container}")!r}), step=slow)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    for _ in range(4):
        assert child.stdout.readline() == "frame\n"
    child.send_signal(signal.SIGINT)
    child.wait(20)

    assert names(tmp_path) == [f"day.partial.{container}", "night.mp4"]
    assert 2 <= len(times(tmp_path / f"day.partial.{container}")) <= 5
