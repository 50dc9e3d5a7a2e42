"""A live stream that is sent over HTTP: it arrives whole, or the server's refusal is an error."""

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest

from streamllie.ahead import Stop
from streamllie.errors import SinkError
from streamllie.frame import Frame, VideoFormat
from streamllie.live.relay import relay
from streamllie.video import upload as uploading
from streamllie.video.livetarget import Target
from streamllie.video.outlet import Outlet
from streamllie.video.upload import Server, Upload
from tests.command import COMMAND, FAST
from tests.live.peers import free_port, pictures
from tests.media import make_video, picture
from tests.waiting import until

FORMAT = VideoFormat(height=48, width=64, rate=Fraction(5))
PLACES = ["live.ts", "live.m3u8"]


class Handler(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    server: "Host"
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        name = Path(self.path).name
        self.server.said.append((self.command, self.path, self.headers["Authorization"]))
        if self.server.early:
            self.close_connection = True
        elif self.command == "DELETE":
            assert not {"Transfer-Encoding", "Content-Length"} & set(self.headers), "nginx refuses that"
            del self.server.files[name]
        else:
            self.server.files[name] = self.body()
        status = self.server.answers.get(self.command, 201)
        if not status:
            self.server.ended.wait()
        self.send_response(status or 201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def body(self) -> bytes:
        if (length := self.headers["Content-Length"]) is not None:
            return self.rfile.read(int(length))
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


class Host(ThreadingHTTPServer):
    """Runs while its `with` lasts.

    `answers` are its status for methods, usually 201, or 0 for none; an `early` one answers at once and hangs up.
    """

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
        self.ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()


@pytest.fixture(autouse=True)
def all_may_wait(monkeypatch):
    """What is sent here comes at once, and not in real time."""
    monkeypatch.setattr(uploading, "WAITING", 100)


def send(url: str, *, seconds: int = 3, overwrite: bool = False) -> None:
    """Five frames a second."""
    with Outlet(Target.of(url, overwrite=overwrite), FORMAT, stop=Stop()) as outlet:
        for n in range(5 * seconds):
            y, u, v = picture(n)
            outlet.write(Frame(y=y, u=u, v=v, pts=n, time_base=Fraction(1, 5)), at=Fraction(n, 5))


def test_a_playlist_and_its_parts_arrive_whole_and_old_parts_are_removed(tmp_path):
    with Host() as server:
        send(f"http://me:p%40ss@{server.host}/day/live.m3u8", seconds=20)
    listed = [line for line in server.files["live.m3u8"].decode().splitlines() if line.endswith(".ts")]
    first = next(Path(target).name for _, target, _ in server.said)
    assert len(listed) == 6
    assert set(listed) < server.files.keys() - {first}
    assert ("DELETE", f"/day/{first}") in {(method, target) for method, target, _ in server.said}
    assert {user for _, _, user in server.said} == {"Basic bWU6cEBzcw=="}
    (tmp_path / "end.ts").write_bytes(b"".join(server.files[name] for name in listed))
    assert len(pictures(tmp_path / "end.ts")) == 60


def test_a_transport_stream_arrives_whole(tmp_path):
    with Host() as server:
        send(f"http://{server.host}/live.ts?key=hunter2")
    assert server.said == [("POST", "/live.ts?key=hunter2", None)]
    (tmp_path / "live.ts").write_bytes(server.files.popitem()[1])
    assert len(pictures(tmp_path / "live.ts")) == 15


@pytest.mark.parametrize("early", [False, True], ids=["after_all", "at_once"])
@pytest.mark.parametrize("place", PLACES)
def test_a_server_that_refuses_is_an_error_even_of_a_short_stream(place, early):
    sentence = r"the server answers 403 Forbidden\); check the address"
    with Host({"PUT": 403, "POST": 403}, early=early) as server, pytest.raises(SinkError, match=sentence):
        send(f"http://{server.host}/{place}", seconds=1)
    assert len(server.said) == 1, "nothing more is sent"


@pytest.mark.parametrize("place", PLACES)
def test_a_run_ends_with_that_error(tmp_path, place):
    source = make_video(tmp_path / "night.mkv", frames=10)
    with Host({"PUT": 405, "POST": 405}) as server, pytest.raises(SinkError, match="405 Method Not Allowed"):
        relay(str(source), f"http://{server.host}/{place}")


@pytest.mark.parametrize("place", PLACES)
def test_nobody_at_the_address_is_an_error(place):
    with pytest.raises(SinkError, match=r"Connection refused\); is anything listening there"):
        send(f"http://127.0.0.1:{free_port()}/{place}", seconds=1)


def test_a_server_that_lets_nothing_be_removed_takes_the_stream():
    with Host({"DELETE": 405}) as server:
        send(f"http://{server.host}/live.m3u8", seconds=20)
    assert b"#EXT-X-ENDLIST" in server.files["live.m3u8"]


def test_a_proxy_that_the_environment_names_is_used_but_not_for_what_it_leaves_out(monkeypatch):
    with Host() as proxy, Host() as server:
        monkeypatch.setenv("http_proxy", f"http://us:er@{proxy.host}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name in ("example.invalid", server.host):
            upload = Upload(Server(f"http://{name}/live.ts"))
            upload.write(b"night")
            upload.finish()
    assert proxy.said == [("POST", "http://example.invalid/live.ts", None)]
    assert server.said == [("POST", "/live.ts", None)]
    assert proxy.files == server.files == {"live.ts": b"night"}


def test_what_answers_without_http_is_an_error():
    with Host(handler=Talker) as server, pytest.raises(SinkError, match="that is no HTTP: BadStatusLine"):
        send(f"http://{server.host}/live.ts", seconds=1)


def test_parts_go_where_the_playlist_goes_with_its_query_and_no_name_is_taken_for_a_number():
    with Host() as server:
        send(f"http://{server.host}/my%20dir/nächt%20d.m3u8?token=a.b", seconds=3)
    name = "n%C3%A4cht%20d.m3u8?token=a.b"
    parts = {target for _, target, _ in server.said} - {f"/my%20dir/{name}"}
    assert len(parts) == 2
    assert all(re.fullmatch(r"/my%20dir/n_cht_d\d+\.ts\?token=a\.b", part) for part in parts)
    assert {Path(part).name for part in parts} == {
        f"{line}?token=a.b" for line in server.files[name].decode().splitlines() if line.endswith(".ts")
    }


def test_a_playlist_that_is_sent_again_goes_on_with_higher_numbers():
    with Host() as server:
        goes_on_with_higher_numbers(f"http://{server.host}/live.m3u8", lambda: server.files["live.m3u8"])


def test_a_playlist_on_this_machine_that_is_written_again_does_so_too(tmp_path):
    playlist = tmp_path / "live.m3u8"
    goes_on_with_higher_numbers(str(playlist), playlist.read_bytes)


def goes_on_with_higher_numbers(place: str, read: Callable[[], bytes]) -> None:
    def number() -> int:
        send(place, overwrite=True)
        return int(re.findall(rb"#EXT-X-MEDIA-SEQUENCE:(\d+)", read())[0])

    first, ended = number(), time.time()
    until(lambda: time.time() > ended + 1.1, what="a second")  # which is what a part lasts at the least
    assert first < number()
    assert b"#EXT-X-DISCONTINUITY\n" in read()


@pytest.mark.parametrize("place", ["h:99999/x.ts", "h:port/x.m3u8", "me:hun/ter2@h:80/x.ts", "/x.ts", "a b/x.ts"])
def test_an_address_that_cannot_be_is_refused_at_once_without_its_secrets(place):
    with pytest.raises(SinkError, match=r"is not understood; check host and port|ports go from 1") as caught:
        Target.of(f"http://{place}?key=hunter2")
    assert "hun" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_server_that_never_took_a_file_is_an_error_however_long_it_is_silent(tmp_path, monkeypatch):
    monkeypatch.setattr(uploading, "PATIENCE", 0.5)
    source = make_video(tmp_path / "night.mkv", frames=90, options={"g": "10"})
    with Host({"PUT": 0}) as server, pytest.raises(SinkError, match="timed out"):
        relay(str(source), f"http://{server.host}/live.m3u8")
    assert len(server.said) == 1


def test_a_server_that_is_too_slow_is_told_so_and_the_stream_does_not_wait_for_it(monkeypatch):
    monkeypatch.setattr(uploading, "PATIENCE", 20.0)
    monkeypatch.setattr(uploading, "WAITING", 6)
    with Host({"PUT": 0}) as server, pytest.raises(SinkError, match="too slow: 6 files wait"):
        send(f"http://{server.host}/live.m3u8", seconds=20)


def test_ctrl_c_is_heard_while_a_server_keeps_us_waiting():
    with Host({"PUT": 0}) as server:
        words = ["lavfi:testsrc2=size=64x48:rate=30", f"http://{server.host}/live.m3u8", *FAST]
        with subprocess.Popen([*COMMAND, "enhance", *words], stderr=subprocess.PIPE, text=True) as run:
            until(lambda: server.said, 60, "the first file")
            run.send_signal(signal.SIGINT)
            server.ended.set()
            said = run.communicate(timeout=20)[1]
    assert run.returncode == 130
    assert "Traceback" not in said
    assert b"#EXT-X-ENDLIST" in server.files["live.m3u8"]
