"""Streams in and out, against real peers: nothing but the picture changes, and passwords are never shown."""

import threading
import time
from itertools import pairwise
from pathlib import Path

import av
import pytest

from streamllie.errors import SinkError, SourceError
from streamllie.live.relay import relay
from streamllie.video.bridge import BridgeError
from streamllie.video.livetarget import Target
from streamllie.video.outlet import PROOF
from tests.live.peers import (
    READ,
    ended,
    ffmpeg,
    free_port,
    listens,
    make_beats,
    needs_ffmpeg,
    needs_nginx,
    nginx,
    offsets,
    pictures,
)
from tests.waiting import until

TOGETHER = 0.04  # seconds that sound and picture may be apart: 40 ms, which nobody hears
SECONDS = 5
SILENCE = "timeout=5000000"  # microseconds; a reader that is told to end, and not by silence, loses its last second


@pytest.fixture(scope="module")
def beats(tmp_path_factory) -> Path:
    return make_beats(tmp_path_factory.mktemp("beats") / "beats.mkv", seconds=SECONDS)


def check(path: Path | str, *, least: float, brighter_than: Path) -> None:
    """A stream that arrived: long enough, brighter, and sound and picture together."""
    with av.open(str(path)) as container:
        assert container.streams.audio, "the sound is not there"
    times = [time for time, _ in pictures(path)]
    assert times == sorted(set(times))
    assert times[-1] - times[0] > least
    assert mean_light(path) > 1.5 * mean_light(brighter_than)
    found = offsets(path)
    assert len(found) >= 2
    assert max(map(abs, found)) <= TOGETHER, f"picture after sound by {found} s"


def mean_light(path: Path | str) -> float:
    """Of the dark frames between flashes."""
    lights = sorted(light for _, light in pictures(path))
    return sum(lights[: len(lights) // 2]) / (len(lights) // 2)


def send(source: str, target: str, **options) -> None:
    relay(source, target, backend="onnxruntime", smoothing=0.0, **options)


@pytest.mark.slow
@needs_ffmpeg
def test_a_file_goes_out_as_a_transport_stream_over_udp(beats, tmp_path):
    port, arrived = free_port(), tmp_path / "arrived.ts"
    with ffmpeg(*READ, f"udp://127.0.0.1:{port}?{SILENCE}", "-c", "copy", str(arrived)) as peer:
        until(lambda: listens(port, "udp"), 30, "the peer")
        send(str(beats), f"udp://127.0.0.1:{port}")
        ended(peer, 8)
    check(arrived, least=SECONDS - 2.5, brighter_than=beats)


@pytest.mark.slow
@needs_ffmpeg
def test_sound_and_picture_are_together_after_a_minute_with_drops(tmp_path):
    minute, port, arrived = make_beats(tmp_path / "minute.mkv", seconds=62), free_port(), tmp_path / "arrived.ts"
    last = []

    def hold_up(stats):
        last.append(stats)
        time.sleep(0.3)  # every second: nine frames give way

    with ffmpeg(*READ, f"udp://127.0.0.1:{port}?{SILENCE}", "-c", "copy", str(arrived)) as peer:
        until(lambda: listens(port, "udp"), 30, "the peer")
        send(str(minute), f"udp://127.0.0.1:{port}", on_stats=hold_up)
        ended(peer, 8)
    found = offsets(arrived)
    print(f"{last[-1].dropped} frames dropped, {len(found)} flashes, picture after sound by {sorted(found)[::12]} s")
    assert last[-1].dropped > 200
    assert len(found) > 50
    assert max(map(abs, found[-10:])) <= TOGETHER


@pytest.mark.slow
@needs_ffmpeg
def test_srt_goes_in_and_out_with_a_passphrase(beats, tmp_path):
    near, far, arrived = free_port(), free_port(), tmp_path / "arrived.ts"
    secret = "passphrase=hunter2hunter2"
    ends = f"srt://127.0.0.1:{near}?listen=1&{secret}", f"srt://127.0.0.1:{far}?{secret}"
    worker = threading.Thread(target=send, args=ends, kwargs={"duration": 14})
    with ffmpeg(*READ, f"srt://127.0.0.1:{far}?mode=listener&{secret}", "-c", "copy", str(arrived)) as reader:
        worker.start()
        until(lambda: listens(near, "udp"), 30, "the peer")  # who calls before gives up after three seconds
        with ffmpeg(
            *("-re", "-stream_loop", "3", "-i", str(beats), "-c", "copy", "-f", "mpegts"),
            f"srt://127.0.0.1:{near}?{secret}",
        ):
            worker.join(20)
        ended(reader, 2)
    assert not worker.is_alive()
    check(arrived, least=2, brighter_than=beats)


@pytest.mark.slow
@needs_ffmpeg
def test_rtsp_comes_in_from_a_peer_that_calls_us(beats, tmp_path):
    port, arrived = free_port(), tmp_path / "arrived.mkv"
    url = f"rtsp://127.0.0.1:{port}/live"
    worker = threading.Thread(target=send, args=(f"{url}?listen=1", str(arrived)), kwargs={"duration": 14})
    worker.start()
    until(lambda: listens(port), 30, "the peer")
    with ffmpeg(
        *("-re", "-stream_loop", "3", "-i", str(beats), "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", url)
    ):
        worker.join(20)
    assert not worker.is_alive()
    check(arrived, least=2, brighter_than=beats)


@pytest.mark.slow
@needs_ffmpeg
def test_http_carries_a_transport_stream_to_a_peer_that_listens(beats, tmp_path):
    port, arrived = free_port(), tmp_path / "arrived.ts"
    with ffmpeg("-listen", "1", *READ, f"http://127.0.0.1:{port}/live.ts", "-c", "copy", str(arrived)) as peer:
        until(lambda: listens(port), 30, "the peer")
        send(str(beats), f"http://127.0.0.1:{port}/live.ts")
        ended(peer, 2)
    check(arrived, least=SECONDS - 2.5, brighter_than=beats)


@needs_ffmpeg
def test_hls_is_written_for_a_player_and_read_like_one(tmp_path):
    beats = make_beats(tmp_path / "long.mkv", seconds=9)  # a busy machine drops frames and flashes with them
    playlist, arrived = tmp_path / "live.m3u8", tmp_path / "arrived.mkv"
    worker = threading.Thread(target=send, args=(str(beats), str(playlist)))
    worker.start()
    until(playlist.exists, 30, "the playlist")  # a machine that does much else takes its time
    with ffmpeg("-live_start_index", "0", *READ, str(playlist), "-c", "copy", str(arrived)) as player:
        worker.join(30)
        ended(player, 5)
    check(arrived, least=SECONDS - 2.5, brighter_than=beats)


@needs_ffmpeg
def test_rtsp_goes_out_to_a_server(beats, tmp_path):
    port, arrived = free_port(), tmp_path / "arrived.mkv"
    url = f"rtsp://127.0.0.1:{port}/live"
    with ffmpeg("-rtsp_flags", "listen", *READ, url, "-c", "copy", str(arrived)) as server:
        until(lambda: listens(port, "tcp"), 30, "the server")
        send(str(beats), url)
        ended(server, 8)
    check(arrived, least=SECONDS - 2.5, brighter_than=beats)


@pytest.mark.slow
@needs_ffmpeg
@needs_nginx
def test_rtmp_goes_through_a_server_and_comes_back_as_rtmp(beats, tmp_path):
    port, arrived = free_port(), tmp_path / "arrived.flv"
    key = f"rtmp://127.0.0.1:{port}/live/hunter2"
    # The server stays silent at the end and the player is killed: what it has must be on the disk by then.
    recording = ("-c", "copy", "-flush_packets", "1", str(arrived))
    with nginx(tmp_path, port), ffmpeg(*READ, key, *recording) as player:  # which waits there for the stream
        send(str(beats), key)
        ended(player, 1)
    check(arrived, least=1.5, brighter_than=beats)


@pytest.mark.slow
@needs_ffmpeg
@needs_nginx
def test_an_output_that_goes_away_and_comes_back_is_called_again(tmp_path, caplog):
    beats = make_beats(tmp_path / "long.mkv", seconds=18)
    port = free_port()
    key = f"rtmp://127.0.0.1:{port}/live/hunter2"
    stats = []
    worker = threading.Thread(target=send, args=(str(beats), key), kwargs={"on_stats": stats.append})
    with nginx(tmp_path, port):
        worker.start()
        until(lambda: stats and stats[-1].frames and stats[-1].seconds > PROOF, 60, "a stream that somebody took")
    until(lambda: stats[-1].notice is not None, 10, "a notice")
    with nginx(tmp_path, port):
        until(lambda: stats[-1].notice is None, 15, "the return")
        worker.join(20)
    assert not worker.is_alive()
    told = caplog.text + str(stats)
    assert "trying again" in told
    assert "hunter2" not in told


@pytest.mark.slow
@needs_ffmpeg
def test_a_source_that_goes_away_leaves_a_notice_in_the_stream_and_comes_back(beats, tmp_path):
    port, arrived = free_port(), tmp_path / "arrived.mkv"
    url = f"tcp://127.0.0.1:{port}?listen=1"
    feed = ("-re", "-i", str(beats), "-c", "copy", "-f", "mpegts", url)
    stats = []
    worker = threading.Thread(
        target=send, args=(f"tcp://127.0.0.1:{port}", str(arrived)), kwargs={"duration": 14, "on_stats": stats.append}
    )
    with ffmpeg(*feed) as peer:
        until(lambda: listens(port), 30, "the peer")
        worker.start()
        peer.wait(15)
    with ffmpeg(*feed):
        worker.join(25)
    assert not worker.is_alive()
    assert any(s.notice for s in stats)
    with av.open(str(arrived)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == sorted(set(times))
    assert max(b - a for a, b in pairwise(times)) < 2.5, "the output stood still"
    assert max(map(abs, offsets(arrived))) <= TOGETHER


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("rtsp://admin:hunter2@127.0.0.1:{port}/x", "out.mkv"),
        ("{file}", "rtmp://127.0.0.1:{port}/live/hunter2"),
        ("{file}", "srt://127.0.0.1:{port}?passphrase=hunter2hunter2"),
        ("{file}", "http://admin:hunter2@127.0.0.1:{port}/x.ts"),
    ],
)
def test_an_end_that_is_not_there_is_an_error_without_its_password(
    source, target, beats, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    port = free_port()
    with pytest.raises((SourceError, SinkError, BridgeError)) as error:
        send(source.format(file=beats, port=port), target.format(port=port))
    assert "hunter2" not in str(error.value) + caplog.text
    assert error.value.__suppress_context__
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_exists_is_not_touched(beats, tmp_path):
    kept = tmp_path / "kept.mkv"
    kept.write_text("mine")
    with pytest.raises(SinkError, match="exists"):
        send(str(beats), str(kept))
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("target", ["ftp://host/x", "gopher://host/x"])
def test_a_scheme_to_which_nothing_can_be_sent_is_refused(target):
    with pytest.raises(SinkError, match="nothing can be sent"):
        Target.of(target)


def test_parts_of_another_playlist_are_not_overwritten_unasked(beats, tmp_path):
    other = tmp_path / "live0.ts"
    other.write_bytes(b"mine")
    with pytest.raises(SinkError, match=r"live0\.ts.*--overwrite"):
        relay(str(beats), str(tmp_path / "live.m3u8"))
    assert other.read_bytes() == b"mine"


def test_a_folder_of_a_playlists_name_is_told_also_where_all_may_be_replaced(beats, tmp_path):
    (tmp_path / "live.m3u8").mkdir()
    with pytest.raises(SinkError, match=r"live\.m3u8\" is a folder"):
        relay(str(beats), str(tmp_path / "live.m3u8"), overwrite=True)
