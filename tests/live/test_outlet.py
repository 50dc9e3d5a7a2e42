"""What a live stream is written into: a file that gets its name."""

import subprocess
import sys
from contextlib import nullcontext
from fractions import Fraction

import numpy as np
import pytest

from streamllie.ahead import Stop
from streamllie.errors import SinkError
from streamllie.frame import Frame, VideoFormat
from streamllie.live.relay import relay
from streamllie.video.inputs import resolve
from streamllie.video.livetarget import Target
from streamllie.video.outlet import Outlet
from tests.live.peers import pictures
from tests.media import picture


@pytest.mark.parametrize("failure", [None, KeyboardInterrupt, RuntimeError])
def test_a_recording_gets_its_name_unless_the_run_failed(tmp_path, failure):
    format = VideoFormat(height=48, width=64, rate=Fraction(25))
    target = Target.of(str(tmp_path / "day.mkv"))
    with (
        pytest.raises(failure) if failure is not None else nullcontext(),
        Outlet(target, format, stop=Stop()) as outlet,
    ):
        for n in range(10):
            y, u, v = picture(n)
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25)), at=Fraction(n, 25))
        if failure is not None:
            raise failure
    named = "day.partial.mkv" if failure is RuntimeError else "day.mkv"
    assert [path.name for path in tmp_path.iterdir()] == [named]
    assert len(pictures(tmp_path / named)) == 10


def test_a_recording_whose_name_became_a_folder_is_kept_beside_it(tmp_path):
    format = VideoFormat(height=48, width=64, rate=Fraction(25))
    outlet = Outlet(Target.of(str(tmp_path / "day.mkv")), format, stop=Stop(), overwrite=True)
    with pytest.raises(SinkError, match=r"this result is kept as .day\.finished\.mkv"), outlet:
        for n in range(10):
            y, u, v = picture(n)
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25)), at=Fraction(n, 25))
        (tmp_path / "day.mkv").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.finished.mkv", "day.mkv"]
    assert len(pictures(tmp_path / "day.finished.mkv")) == 10


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"crf": 99.0}, "--crf for libx264 goes from 0 .best. to 51 .smallest., not 99"),
        ({"max_bitrate": "3G"}, "--max-bitrate for libx264 goes up to 1000M, not 3G"),
        ({"preset": "warp9"}, 'libx264 has no preset "warp9"'),
    ],
)
def test_wishes_to_the_encoder_are_those_of_files(tmp_path, wish, sentence):
    format = VideoFormat(height=48, width=64, rate=Fraction(25))
    with (
        pytest.raises(SinkError, match=sentence),
        Outlet(Target.of(str(tmp_path / "day.ts")), format, stop=Stop(), **wish),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["day.avi", "day.webm"])
def test_what_cannot_hold_a_live_stream_is_refused_with_what_can(tmp_path, name):
    with pytest.raises(SinkError, match=r"does not hold; use \.mkv, \.mp4 or \.ts"):
        Target.of(str(tmp_path / name))


@pytest.mark.parametrize("address", ["srt://0.0.0.0:9000?listen=1", "srt://0.0.0.0:9000?latency=9&listen=1"])
def test_srt_listens_in_its_own_words(address):
    assert resolve(address).url == Target.of(address).url == address.replace("listen=1", "mode=listener")
    secret = "srt://0.0.0.0:9000?passphrase=secretlisten=1"
    assert resolve(secret).url == Target.of(secret).url == secret


def test_what_fits_on_a_disk_that_gets_full_is_kept(tmp_path):
    """Files of this process may have 64 KiB, as if the disk had no room for more."""
    script = f"""
import resource, signal
from tests.live.test_outlet import noise
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
noise({str(tmp_path / "day.ts")!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "SinkError: the disk is full or a limit is reached" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["day.partial.ts"]
    assert pictures(tmp_path / "day.partial.ts")


def noise(path: str) -> None:
    """A live file of more than 64 KiB."""
    format = VideoFormat(height=96, width=128, rate=Fraction(25))
    rng = np.random.default_rng(0)
    with Outlet(Target.of(path), format, stop=Stop(), crf=5) as outlet:
        for n in range(40):
            y, u, v = (rng.integers(0, 256, shape, np.uint8) for shape in ((96, 128), (48, 64), (48, 64)))
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25)), at=Fraction(n, 25))


@pytest.mark.parametrize("source", ["live.m3u8", "live0.ts", "live12.ts", "link.m3u8"])
def test_a_playlist_never_replaces_its_own_source_even_where_overwriting_is_allowed(tmp_path, source):
    """The source's playlist and its segments were replaced, and the run was a success."""
    for name in ("live.m3u8", "live0.ts", "live12.ts"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "link.m3u8").symlink_to("live.m3u8")
    with pytest.raises(SinkError, match="would replace the input"):
        relay(str(tmp_path / source), str(tmp_path / "live.m3u8"), overwrite=True)
    assert all((tmp_path / name).read_bytes() == name.encode() for name in ("live.m3u8", "live0.ts", "live12.ts"))


def test_a_playlist_may_stand_beside_its_source(tmp_path):
    target = Target.of(str(tmp_path / "day.m3u8"))
    assert not any(target.replaces(source) for source in (str(tmp_path / "night.m3u8"), "rtsp://h/day.m3u8", "0"))


def test_a_file_that_is_a_part_of_the_source_is_never_replaced(tmp_path):
    (tmp_path / "night.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nnight0.ts\n")
    (tmp_path / "night0.ts").write_bytes(b"")
    target = Target.of(str(tmp_path / "night0.ts"), overwrite=True)
    assert target.replaces(str(tmp_path / "night.m3u8"))
    assert not target.replaces("rtsp://h/night.m3u8")
