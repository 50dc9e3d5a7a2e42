"""Recordings on a web server, a file or a finished playlist: played once, in real time."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.live.lasting import Lasting
from streamllie.video.capture import shots
from streamllie.video.inputs import resolve
from streamllie.video.playlist import is_finished
from tests.media import make_video


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a web server that sends whole files, and nothing less."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("name", ["night.mp4", "night.m3u8", "all.m3u8"])
def test_a_recording_on_a_web_server_is_played_in_real_time_and_has_an_end(tmp_path, name):
    make_video(tmp_path / "night.mp4", frames=12, rate=30)
    make_video(tmp_path / "night.m3u8", frames=12, rate=30, muxer="hls", muxer_options={"hls_time": "0.2"})
    (tmp_path / "all.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nnight.m3u8\n")
    with served(tmp_path) as address:
        source = resolve(f"{address}/{name}")
        came = list(Lasting(source, stop=Stop(), repeat=False))
    assert source.paced
    assert len(came) == 12


def test_a_file_with_its_index_at_the_end_on_a_server_that_sends_no_parts_is_to_be_fetched_first(tmp_path):
    path = make_video(tmp_path / "night.mp4", frames=12, height=480, width=640, options={"qp": "0"})
    assert path.stat().st_size > 300_000, "more than what is read ahead"
    with served(tmp_path) as address, pytest.raises(SourceError, match="download the file first"):
        list(shots(resolve(f"{address}/night.mp4"), stop=Stop()))


def test_a_playlist_that_grows_or_cannot_be_read_is_no_recording(tmp_path):
    (tmp_path / "live.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nlive0.ts\n")
    (tmp_path / "odd.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n")
    for name in ("live.m3u8", "odd.m3u8", "none.m3u8"):
        assert not is_finished((tmp_path / name).as_uri())
    assert not is_finished("http://127.0.0.1/a b.m3u8")

    def garbage(server: socket.socket) -> None:
        with server.accept()[0] as reader:
            reader.recv(1000)
            reader.sendall(b"no HTTP at all\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = threading.Thread(target=garbage, args=(server,))
        peer.start()
        assert not is_finished(f"http://127.0.0.1:{server.getsockname()[1]}/x.m3u8")
        peer.join()
