"""What real sources do with time, fields, shapes and tracks, and what becomes of it."""

import socket
import threading
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.frame import Frame, VideoFormat
from streamllie.live.lasting import Lasting
from streamllie.live.relay import relay
from streamllie.video import VideoSource
from streamllie.video.capture import KEYFRAME, shots
from streamllie.video.inputs import Input, resolve
from streamllie.video.livetarget import Target
from streamllie.video.outlet import Outlet
from streamllie.video.playlist import is_finished
from tests.live.peers import ffmpeg, needs_ffmpeg, pictures
from tests.live.test_web_recordings import served
from tests.media import Sound, make_video, picture, planar_frame, silence
from tests.video.test_layouts import combed


def test_what_comes_in_pieces_is_shown_at_its_pace_and_not_as_it_is_fetched(tmp_path):
    make_video(tmp_path / "live.m3u8", frames=60, rate=25, muxer="hls", muxer_options={"hls_time": "0.8"})
    playlist = (tmp_path / "live.m3u8").read_text()
    (tmp_path / "live.m3u8").write_text(playlist.replace("#EXT-X-ENDLIST\n", ""))  # it goes on
    stop, taken = Stop(), []
    with served(tmp_path) as address:
        for shot in shots(resolve(f"{address}/live.m3u8"), stop=stop):
            taken.append(shot)
            if len(taken) == 15:
                stop.set()
    for a, b in pairwise(taken):
        assert b.captured - a.captured >= float(b.frame.time - a.frame.time) - 1e-3, "it came too early"


def test_a_recording_behind_a_password_is_a_recording(tmp_path):
    asked = []

    class Guarded(threading.Thread):
        def run(self) -> None:
            with server.accept()[0] as reader:
                asked.append(reader.recv(4000).decode())
                reader.sendall(b"HTTP/1.0 200 OK\r\n\r\n#EXTM3U\n#EXT-X-ENDLIST\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = Guarded()
        peer.start()
        assert is_finished(f"http://me:p%40ss@127.0.0.1:{server.getsockname()[1]}/x.m3u8")
        peer.join()
    assert "Authorization: Basic bWU6cEBzcw==" in asked[0]


def test_frames_without_times_have_those_of_their_coming(tmp_path):
    """libav gives raw streams 25 frames per second, whatever the camera does."""
    path = make_video(tmp_path / "night.h264", frames=12, rate=5, muxer="h264")
    camera = Input(name="camera", url=f"file:{path}", format="h264")
    taken = list(shots(camera, stop=Stop()))
    assert len(taken) == 12
    for shot in taken:
        assert float(shot.frame.time) == pytest.approx(shot.captured, abs=0.001)
    assert all(a.frame.pts < b.frame.pts for a, b in pairwise(taken))


def test_interlaced_sources_are_deinterlaced_and_it_is_said(tmp_path, caplog):
    path = make_video(
        tmp_path / "night.ts", pictures=[combed(n) for n in range(8)],
        options={"qp": "0", "x264-params": "interlaced=1"}, tags={"field_order": 2, "flags": 1 << 29 | 1 << 18},
    )  # fmt: skip
    taken = list(shots(resolve(str(path)), stop=Stop()))
    assert len(taken) == 8
    assert all(a.captured < b.captured for a, b in pairwise(taken)), "what is no newer is not shown"
    for shot in taken[1:-1]:
        y = shot.frame.y.astype(int)
        assert np.abs(2 * y[1:-1] - y[:-2] - y[2:])[4:-4].max() < 120, "combed"
    assert "deinterlaced with bwdif" in caplog.text


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_phones_video_stands_upright(tmp_path, rotation):
    path = make_video(tmp_path / "night.mp4", rotation=rotation, frames=3, options={"qp": "0"})
    shot = next(iter(shots(resolve(str(path)), stop=Stop())))
    assert shot.format.rotation == 0
    assert shot.frame.y.shape == (shot.format.height, shot.format.width) == ((64, 48) if rotation % 180 else (48, 64))
    assert np.abs(shot.frame.y.astype(int) - np.rot90(picture(0)[0], rotation // 90)).max() <= 2


def test_the_shape_of_pixels_goes_out(tmp_path):
    format = VideoFormat(height=48, width=64, rate=Fraction(25), sample_aspect_ratio=Fraction(16, 11))
    with Outlet(Target.of(str(tmp_path / "day.ts")), format, stop=Stop()) as outlet:
        for n in range(5):
            y, u, v = picture(n)
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 25)), at=Fraction(n, 25))
    with av.open(str(tmp_path / "day.ts")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video", "mpeg4", "libx264"])
def test_pictures_that_are_stored_in_another_order_are_shown_in_theirs(tmp_path, codec):
    path = make_video(tmp_path / "night.mkv", codec=codec, frames=12, options={"bf": "2", "g": "6"})
    with VideoSource(path) as source:
        stored = [frame.y for frame in source]
    shown = [shot.frame.y for shot in shots(Input(name="night", url=f"file:{path}"), stop=Stop())]
    assert len(shown) == len(stored) == 12
    assert all(np.array_equal(a, b) for a, b in zip(shown, stored, strict=True))


def test_packets_that_show_nothing_are_no_picture(tmp_path, monkeypatch):
    clock = iter(range(0, 100_000, 2))  # each question is two seconds later
    path = make_video(tmp_path / "night.mkv", frames=3, sound=[Sound(codec="pcm_s16le", seconds=60.0)])
    monkeypatch.setattr("streamllie.video.capture.time.perf_counter", lambda: float(next(clock)))
    source = Input(name="camera", url=f"file:{path}")
    with pytest.raises(SourceError, match='"camera" gave no picture for 3 s'):
        list(shots(source, stop=Stop()))


def test_the_first_picture_may_wait_for_its_keyframe(tmp_path, monkeypatch):
    path = make_video(
        tmp_path / "night.mkv", frames=3, pts=[300, 301, 302], sound=[Sound(codec="pcm_s16le", seconds=5.0)]
    )
    ticks = iter(np.arange(0, 1000, KEYFRAME / 1000))
    monkeypatch.setattr("streamllie.video.capture.time.perf_counter", lambda: float(next(ticks)))
    assert len(list(shots(Input(name="camera", url=f"file:{path}"), stop=Stop()))) == 3


def test_sound_that_has_not_begun_is_left_out_and_the_picture_goes_on(tmp_path, caplog):
    """As of an HDMI encoder with nothing at its input: the program names a track of which nothing comes."""
    path = make_video(tmp_path / "night.ts", frames=30, sound=[Sound(codec="aac", seconds=1.2)])
    silence(path)
    relay(str(path), str(tmp_path / "day.mkv"), backend="onnxruntime")
    assert len(pictures(tmp_path / "day.mkv")) > 10
    assert "has not begun, or cannot be decoded: it is left out" in caplog.text
    with av.open(str(tmp_path / "day.mkv")) as container:
        assert not container.streams.audio


@needs_ffmpeg
def test_the_sound_is_that_of_the_pictures_program(tmp_path):
    radio = make_video(tmp_path / "radio.mkv", codec=None, sound=[Sound(codec="mp2", seconds=2.0)])
    tv = make_video(tmp_path / "tv.mkv", frames=40, sound=[Sound(codec="aac", seconds=2.0)])
    both = tmp_path / "both.ts"
    with ffmpeg(
        *("-i", str(radio), "-i", str(tv), "-map", "0:a", "-map", "1", "-c", "copy"),
        *("-program", "title=radio:st=0", "-program", "title=tv:st=1:st=2", str(both)),
    ) as process:
        process.wait(20)

    class Ear:
        def opened(self, sound) -> None:
            self.codec = sound.codec_context.name

        def heard(self, packet) -> None: ...

    ear = Ear()
    next(iter(shots(resolve(str(both)), stop=Stop(), listener=ear)))
    assert ear.codec == "aac"


def test_the_best_of_several_pictures_is_shown(tmp_path):
    make_video(tmp_path / "small.m3u8", frames=12, height=48, width=64, muxer="hls")
    make_video(
        tmp_path / "large.m3u8", frames=12, height=96, width=128, muxer="hls",
        pictures=[planar_frame(n, height=96, width=128) for n in range(12)],
    )  # fmt: skip
    variants = "".join(
        f"#EXT-X-STREAM-INF:BANDWIDTH={rate}\n{name}.m3u8\n" for name, rate in (("small", 100_000), ("large", 900_000))
    )
    (tmp_path / "all.m3u8").write_text("#EXTM3U\n" + variants)
    with served(tmp_path) as address:
        shot = next(iter(shots(resolve(f"{address}/all.m3u8"), stop=Stop())))
    assert (shot.format.height, shot.format.width) == (96, 128)


def test_a_mirrored_source_is_shown_as_players_do(tmp_path):
    path = make_video(tmp_path / "night.mp4", mirrored=True, frames=3, options={"qp": "0"})
    shot = next(iter(shots(resolve(str(path)), stop=Stop())))
    assert (shot.format.rotation, shot.format.mirrored) == (0, False)
    assert np.abs(shot.frame.y.astype(int) - picture(0)[0][:, ::-1]).max() <= 2


def test_sound_with_headers_of_its_own_goes_into_mp4(tmp_path):
    """AAC of transport streams has some in each packet (ADTS), which mp4 does not take."""
    path = make_video(tmp_path / "night.ts", frames=30, sound=[Sound(codec="aac", seconds=1.2)])
    relay(str(path), str(tmp_path / "day.mp4"), backend="onnxruntime")
    with av.open(str(tmp_path / "day.mp4")) as container:
        assert sum(1 for packet in container.demux(audio=0) if packet.size) > 30
    assert pictures(tmp_path / "day.mp4")[0][0] == 0


def test_a_stream_that_becomes_a_recording_is_not_played_again(tmp_path):
    make_video(tmp_path / "live.m3u8", frames=20, rate=25, muxer="hls", muxer_options={"hls_time": "0.4"})
    whole = (tmp_path / "live.m3u8").read_text()
    (tmp_path / "live.m3u8").write_text(whole.replace("#EXT-X-ENDLIST\n", ""))
    with served(tmp_path) as address:
        source = resolve(f"{address}/live.m3u8")
        assert source.pieces
        (tmp_path / "live.m3u8").write_text(whole)
        came = list(Lasting(source, stop=Stop(), repeat=False))
    assert len(came) == 20


def test_after_missed_pieces_the_next_one_is_shown_at_once(tmp_path, monkeypatch):
    """A server that stalled: the pieces before are gone, and this one will be soon."""
    now = [100.0]
    monkeypatch.setattr("streamllie.video.liveframes.time.perf_counter", lambda: now[0])
    waits = []
    stop = Stop()
    monkeypatch.setattr(
        stop, "wait", lambda seconds: (waits.append(seconds), now.__setitem__(0, now[0] + max(0, seconds)))
    )
    pts = [*range(25), *range(25 + 100, 25 + 300)]  # four seconds are missing
    path = make_video(tmp_path / "night.mkv", frames=len(pts), pts=pts)
    came = list(shots(Input(name="live", url=f"file:{path}", pieces=True), stop=stop))
    assert len(came) == len(pts)
    gap, hurry, usual = (came[n + 1].captured - came[n].captured for n in (24, 60, 200))
    assert gap < 0.05
    assert hurry == pytest.approx(1 / 50, abs=0.002)
    assert usual == pytest.approx(1 / 25, abs=0.002)
