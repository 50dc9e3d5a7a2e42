"""An output gets its name when it is whole; nothing else ever has it, and no work is lost without a word."""

import errno
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import av
import pytest

from streamllie.errors import FrameCountMismatch, OutputExists, SinkError, SourceError
from streamllie.frame import Frame
from streamllie.target import write_error
from streamllie.video import VideoSink, VideoSource
from tests import media
from tests.video.chain import enhance, names, packets, times

REPOSITORY = Path(__file__).resolve().parents[2]


def test_while_writing_there_is_only_a_hidden_file_and_after_it_only_the_target(night: Path) -> None:
    target = night.with_name("day.mp4")
    with VideoSource(night) as reader, VideoSink(target, reader.format, copy_from=night) as writer:
        for frame in reader:
            writer.write(frame)
            hidden = [name for name in names(night.parent) if name != "night.mp4"]
            assert len(hidden) == 1
            assert hidden[0].startswith(".day.")
            assert hidden[0].endswith(".mp4")
        writer.expect(reader.frames_read)

    assert names(night.parent) == ["day.mp4", "night.mp4"]
    assert writer.written_to == target


def test_a_file_that_appears_meanwhile_stays_and_the_finished_work_is_kept_beside_it(night: Path) -> None:
    target = night.with_name("day.mp4")

    def intrude(frame: Frame) -> Frame:
        target.write_text("another program's")
        return frame

    with pytest.raises(OutputExists, match=r"kept as .day\.finished\.mp4"):
        enhance(night, target, step=intrude)

    assert target.read_text() == "another program's"
    assert names(night.parent) == ["day.finished.mp4", "day.mp4", "night.mp4"]
    assert len(times(night.with_name("day.finished.mp4"))) == media.FRAMES


def test_finished_work_whose_name_became_a_folder_is_kept_beside_it(night: Path) -> None:
    target = night.with_name("day.mp4")

    def intrude(frame: Frame) -> Frame:
        target.mkdir(exist_ok=True)
        return frame

    with pytest.raises(SinkError, match=r"this result is kept as .day\.finished\.mp4"):
        enhance(night, target, step=intrude, overwrite=True)

    assert names(night.parent) == ["day.finished.mp4", "day.mp4", "night.mp4"]
    assert len(times(night.with_name("day.finished.mp4"))) == media.FRAMES


def test_two_runs_to_one_target_do_not_share_a_file(night: Path) -> None:
    target = night.with_name("day.mp4")
    with VideoSource(night) as a, VideoSource(night) as b:
        frames = list(a)
        list(b)
        with VideoSink(target, a.format, copy_from=night, overwrite=True) as one:
            with VideoSink(target, a.format, copy_from=night, overwrite=True) as two:
                for frame in frames:
                    one.write(frame)
                    two.write(frame)
            assert len(times(target)) == media.FRAMES
        assert len(times(target)) == media.FRAMES
    assert names(night.parent) == ["day.mp4", "night.mp4"]


def test_fewer_frames_than_were_read_is_an_error_and_leaves_nothing(night: Path) -> None:
    with (
        pytest.raises(FrameCountMismatch, match="10 frames were read but 9"),
        VideoSource(night) as reader,
        VideoSink(night.with_name("day.mp4"), reader.format, copy_from=night) as writer,
    ):
        for frame in list(reader)[:-1]:
            writer.write(frame)
        writer.expect(reader.frames_read)

    assert names(night.parent) == ["night.mp4"]


def test_an_error_in_the_middle_leaves_nothing(night: Path) -> None:
    def fail(frame: Frame) -> Frame:
        if frame.time > 0.2:
            raise ZeroDivisionError("in the engine")
        return frame

    with pytest.raises(ZeroDivisionError, match="in the engine"):
        enhance(night, night.with_name("day.mp4"), step=fail)

    assert names(night.parent) == ["night.mp4"]


def test_no_frame_at_all_is_an_error(night: Path) -> None:
    with (
        pytest.raises(SinkError, match="not one frame"),
        VideoSource(night) as reader,
        VideoSink(night.with_name("day.mp4"), reader.format),
    ):
        pass

    assert names(night.parent) == ["night.mp4"]


FULL_DISK = """
    import resource, signal, sys
    from pathlib import Path
    from streamllie.errors import SinkError
    from tests.video.chain import enhance
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    try:
        enhance(Path({source!r}), Path({target!r}), codec={codec!r})
    except SinkError as error:
        print(error)
        sys.exit(1)
"""


@pytest.mark.parametrize("container", ["mp4", "mkv", "mov", "ts", "avi"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.98], ids=["header", "middle", "trailer"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, container: str, share: float) -> None:
    night = media.make_video(tmp_path / "night.mkv", frames=30)
    codec = "ffv1" if container in ("mkv", "avi") else "auto"
    enhance(night, tmp_path / f"rehearsal.{container}", codec=codec)
    limit = int((tmp_path / f"rehearsal.{container}").stat().st_size * share)
    target = str(tmp_path / f"day.{container}")

    program = FULL_DISK.format(limit=limit, source=str(night), target=target, codec=codec)
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert child.returncode == 1, child.stderr
    assert child.stdout.count("\n") == 1
    assert "the disk is full or a limit is reached" in child.stdout
    assert names(tmp_path) == ["night.mkv", f"rehearsal.{container}"]


def test_every_way_a_system_says_full_is_understood(tmp_path: Path) -> None:
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        error = write_error(tmp_path / "day.mp4", av.error.classes[code](code, os.strerror(code), "x"))
        assert "the disk is full" in str(error)


def test_an_encoder_that_cannot_open_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    tiny = media.make_video(tmp_path / "night.mkv", codec="libvpx-vp9", height=3, width=3, frames=3)

    with pytest.raises(SinkError, match=r"day\.mkv.* cannot be written with ffv1") as caught:
        enhance(tiny, tmp_path / "day.mkv", codec="ffv1")

    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["night.mkv"]


def test_a_frame_that_goes_back_in_time_is_an_error_and_leaves_nothing(night: Path) -> None:
    with (
        pytest.raises(SinkError, match="is not after the one before"),
        VideoSource(night) as reader,
        VideoSink(night.with_name("day.mp4"), reader.format) as writer,
    ):
        frames = list(reader)
        writer.write(frames[1])
        writer.write(frames[0])

    assert names(night.parent) == ["night.mp4"]


def test_a_source_that_vanishes_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError), VideoSource(tmp_path / "gone.mp4"):
        pass


def test_bytes_of_video_are_counted_on_both_sides_for_the_ratio(night: Path) -> None:
    reader, writer = enhance(night, night.with_name("day.mp4"))

    assert reader.video_bytes == sum(len(data) for data, _, _ in packets(night, 0))
    assert writer.video_bytes > 0


def test_a_long_interleaved_file_waits_for_nobody(tmp_path: Path) -> None:
    night = media.make_video(tmp_path / "night.mkv", frames=250, sound=[media.Sound(seconds=10)])
    began = time.monotonic()

    enhance(night, tmp_path / "day.mp4")

    with av.open(str(tmp_path / "day.mp4")) as file:  # sound and picture side by side, not one after the other
        order = [packet.stream_index for packet in file.demux() if packet.size]
    longest = max(len(run) for run in "".join(map(str, order)).split("0"))
    assert longest < 100
    assert time.monotonic() - began < 20
