"""Sources that wait to be called: as long as it takes, whoever calls meanwhile, and not a moment longer than wanted."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.live.lasting import Lasting
from streamllie.video.inputs import resolve
from tests.live.peers import free_port, listens
from tests.media import make_video
from tests.waiting import until

RTMP = 1935  # its port, where a URL names none


def test_a_source_that_waits_to_be_called_waits_on_though_nobody_came_for_a_while(tmp_path, caplog):
    path, port, stop = make_video(tmp_path / "night.ts", frames=50, options={"g": "5"}), free_port(), Stop()
    source = resolve(f"tcp://127.0.0.1:{port}?listen=1")
    assert source.opening > 10, "nobody starts the sender sooner"
    lasting = Lasting(replace(source, opening=1.0), stop=stop)

    def send() -> None:
        stop.wait(1.2)
        assert "waits until somebody sends to it" in str(lasting.notice)
        for _ in range(200):  # again if it was waiting anew in just that moment
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as to:
                to.sendall(path.read_bytes())
            if stop.wait(0.1):
                return
        stop.set()

    caller = threading.Thread(target=send)
    caller.start()
    try:
        assert next(iter(lasting)).frame.y.shape == (48, 64)
    finally:
        stop.set()
        caller.join()
    assert "nobody connected" in caplog.text
    assert (lasting.returns, lasting.notice) == (0, None), "it was never lost"


def test_who_calls_and_sends_nothing_does_not_end_the_wait(tmp_path, caplog):
    path, port, stop = make_video(tmp_path / "night.ts", frames=50, options={"g": "5"}), free_port(), Stop()

    def send() -> None:
        for data in (b"", b"GET / HTTP/1.0\r\n\r\n", path.read_bytes()):
            until(lambda: listens(port), 30, "the source")
            with socket.create_connection(("127.0.0.1", port), timeout=5) as to:
                to.sendall(data)
                until(lambda: not listens(port), 30, "that the source takes the call")

    caller = threading.Thread(target=send)
    caller.start()
    guard = threading.Timer(30, stop.set)
    guard.start()
    assert next(iter(Lasting(resolve(f"tcp://127.0.0.1:{port}?listen=1"), stop=stop))).frame.y.shape == (48, 64)
    guard.cancel()
    caller.join()
    assert "was sent no picture (Invalid data" in caplog.text


def test_a_wait_at_a_streams_usual_port_leaves_it_free_when_it_is_stopped():
    with suppress(OSError), socket.create_connection(("127.0.0.1", RTMP), timeout=1):
        pytest.skip("a server of such streams is here")
    stop = Stop()
    threading.Timer(0.5, stop.set).start()
    assert list(Lasting(resolve("rtmp://127.0.0.1/live/x?listen=1"), stop=stop)) == []
    socket.create_server(("127.0.0.1", RTMP)).close()


def test_waiting_to_be_called_ends_at_once_if_it_is_stopped_and_leaves_its_port_free():
    source = resolve(f"tcp://127.0.0.1:{free_port()}?listen=1")
    for seconds in [0.5, *[0.005] * 30]:  # also before the one that waits has begun to
        stop = Stop()
        threading.Timer(seconds, stop.set).start()
        began = time.perf_counter()
        assert list(Lasting(source, stop=stop)) == []
        assert time.perf_counter() - began < 5


def test_a_port_at_which_another_program_waits_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"tcp://127.0.0.1:{other.getsockname()[1]}?listen=1"
        with pytest.raises(SourceError, match="in use"):
            list(Lasting(resolve(url), stop=Stop()))
