"""Recordings on a web server, a file or a finished playlist: played once, in real time."""

import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from streamllie.ahead import Stop
from streamllie.live.lasting import Lasting
from streamllie.video.inputs import resolve
from streamllie.video.playlist import is_finished
from tests.media import make_video


@pytest.mark.parametrize("name", ["night.mp4", "night.m3u8", "all.m3u8"])
def test_a_recording_on_a_web_server_is_played_in_real_time_and_has_an_end(tmp_path, name):
    make_video(tmp_path / "night.mp4", frames=12, rate=30)
    make_video(tmp_path / "night.m3u8", frames=12, rate=30, muxer="hls", muxer_options={"hls_time": "0.2"})
    (tmp_path / "all.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nnight.m3u8\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            source = resolve(f"http://127.0.0.1:{server.server_port}/{name}")
            came = list(Lasting(source, stop=Stop(), repeat=False))
        finally:
            server.shutdown()
            thread.join()
    assert source.paced
    assert len(came) == 12


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
