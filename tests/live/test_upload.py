"""A live stream that is sent over HTTP: it arrives whole, or the server's refusal is an error."""

import threading
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest

from streamllie.ahead import Stop
from streamllie.errors import SinkError
from streamllie.frame import Frame, VideoFormat
from streamllie.live.relay import relay
from streamllie.video.outlet import Outlet, Target
from streamllie.video.upload import Upload
from tests.live.peers import free_port, pictures
from tests.media import make_video, picture

FORMAT = VideoFormat(height=48, width=64, rate=Fraction(5))
PLACES = ["live.ts", "live.m3u8"]


class Handler(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    server: "Server"
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        name = Path(self.path).name
        self.server.said.append((self.command, self.path, self.headers["Authorization"]))
        if self.server.early:
            self.close_connection = True
        elif self.command == "DELETE":
            self.body()
            del self.server.files[name]
        else:
            self.server.files[name] = self.body()
        self.send_response(self.server.answers.get(self.command, 201))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def body(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def log_message(self, format: str, *args: object) -> None:
        pass


class Talker(BaseHTTPRequestHandler):
    """Speaks something else."""

    def handle(self) -> None:
        self.connection.recv(1)
        self.connection.sendall(b"220 mail.example ESMTP\r\n")


class Server(ThreadingHTTPServer):
    """Runs while its `with` lasts. `answers` are its status for methods, usually 201; an `early` one hangs up then."""

    def __init__(
        self,
        answers: dict[str, int] | None = None,
        *,
        early: bool = False,
        handler: type[BaseHTTPRequestHandler] = Handler,
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.answers, self.early = answers or {}, early
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.said: list[tuple[str, str, str | None]] = []  # method, target, Authorization
        self.files: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


def send(url: str, *, seconds: int = 3) -> None:
    """Five frames a second."""
    with Outlet(Target.of(url), FORMAT, stop=Stop()) as outlet:
        for n in range(5 * seconds):
            y, u, v = picture(n)
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 5)), at=Fraction(n, 5))


def test_a_playlist_and_its_parts_arrive_whole_and_old_parts_are_removed(tmp_path):
    with Server() as server:
        send(f"http://me:p%40ss@{server.host}/day/live.m3u8", seconds=20)
    listed = [line for line in server.files["live.m3u8"].decode().splitlines() if line.endswith(".ts")]
    assert len(listed) == 6
    assert set(listed) < server.files.keys() - {"live0.ts"}
    assert ("DELETE", "/day/live0.ts") in {(method, target) for method, target, _ in server.said}
    assert {user for _, _, user in server.said} == {"Basic bWU6cEBzcw=="}
    (tmp_path / "end.ts").write_bytes(b"".join(server.files[name] for name in listed))
    assert len(pictures(tmp_path / "end.ts")) == 60


def test_a_transport_stream_arrives_whole(tmp_path):
    with Server() as server:
        send(f"http://{server.host}/live.ts?key=hunter2")
    assert server.said == [("POST", "/live.ts?key=hunter2", None)]
    (tmp_path / "live.ts").write_bytes(server.files.popitem()[1])
    assert len(pictures(tmp_path / "live.ts")) == 15


@pytest.mark.parametrize("early", [False, True], ids=["after_all", "at_once"])
@pytest.mark.parametrize("place", PLACES)
def test_a_server_that_refuses_is_an_error_even_of_a_short_stream(place, early):
    sentence = r"the server answers 403 Forbidden\); check the address"
    with Server({"PUT": 403, "POST": 403}, early=early) as server, pytest.raises(SinkError, match=sentence):
        send(f"http://{server.host}/{place}", seconds=1)
    assert len(server.said) == 1, "nothing more is sent"


@pytest.mark.parametrize("place", PLACES)
def test_a_run_ends_with_that_error(tmp_path, place):
    source = make_video(tmp_path / "night.mkv", frames=10)
    with Server({"PUT": 405, "POST": 405}) as server, pytest.raises(SinkError, match="405 Method Not Allowed"):
        relay(str(source), f"http://{server.host}/{place}")


@pytest.mark.parametrize("place", PLACES)
def test_nobody_at_the_address_is_an_error(place):
    with pytest.raises(SinkError, match=r"Connection refused\); is anything listening there"):
        send(f"http://127.0.0.1:{free_port()}/{place}", seconds=1)


def test_a_server_that_lets_nothing_be_removed_takes_the_stream():
    with Server({"DELETE": 405}) as server:
        send(f"http://{server.host}/live.m3u8", seconds=20)
    assert b"#EXT-X-ENDLIST" in server.files["live.m3u8"]


def test_a_proxy_that_the_environment_names_is_used_but_not_for_what_it_leaves_out(monkeypatch):
    with Server() as proxy, Server() as server:
        monkeypatch.setenv("http_proxy", f"http://us:er@{proxy.host}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name in ("example.invalid", server.host):
            upload = Upload(f"http://{name}/live.ts", method="POST")
            upload.write(b"night")
            upload.close()
    assert proxy.said == [("POST", "http://example.invalid/live.ts", None)]
    assert server.said == [("POST", "/live.ts", None)]
    assert proxy.files == server.files == {"live.ts": b"night"}


def test_what_answers_without_http_is_an_error():
    with Server(handler=Talker) as server, pytest.raises(SinkError, match="that is no HTTP: BadStatusLine"):
        send(f"http://{server.host}/live.ts", seconds=1)
