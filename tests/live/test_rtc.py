"""WebRTC against a real peer in the same process: what a visitor gets, sends and may not send."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiortc", reason="the extra [live] is not installed")

import aiohttp
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError

from streamllie.live.serve import MOST_PEERS, Server
from streamllie.live.stage import Controls
from tests.media import make_video, picture, planar_frame
from tests.waiting import happens

SIZE = {"height": 96, "width": 128}
DARK = float(picture(0, **SIZE)[0].mean())


class Night(MediaStreamTrack):
    """A dark camera."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0

    async def recv(self) -> Any:
        await asyncio.sleep(1 / 30)
        frame = planar_frame(self._sent, **SIZE)
        frame.pts, frame.time_base = self._sent, Fraction(1, 30)
        self._sent += 1
        return frame


class Visitor:
    """What the page does in a browser: one video, a data channel, perhaps tracks of its own."""

    def __init__(self, server: Server, *tracks: MediaStreamTrack) -> None:
        self.light = 0.0  # of the last picture that came
        self.told: list[dict[str, Any]] = []
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.controls = self.connection.createDataChannel("controls")
        self.controls.on("message", lambda text: self.told.append(json.loads(text)))
        self.connection.on("track", self._sees)
        for track in tracks:
            self.connection.addTrack(track)
        if not any(track.kind == "video" for track in tracks):
            self.connection.addTransceiver("video", direction="recvonly")
        self._server = server
        self._looks: list[asyncio.Task[None]] = []

    async def offer(self, *, camera: bool) -> tuple[int, str]:
        """Status and text of the server's answer."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = {"sdp": self.connection.localDescription.sdp, "camera": camera}
        url = f"http://127.0.0.1:{self._server.port}/offer"
        async with aiohttp.ClientSession() as session, session.post(url, json=offer) as response:
            return response.status, await response.text()

    async def connect(self, *, camera: bool) -> str:
        """Come in; give the description that the server answered with."""
        status, text = await self.offer(camera=camera)
        assert status == 200, text
        sdp = json.loads(text)["sdp"]
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        await happens(lambda: self.controls.readyState == "open", "the data channel")
        return sdp

    def _sees(self, track: MediaStreamTrack) -> None:
        self._looks.append(asyncio.create_task(self._look(track)))

    async def _look(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                self.light = float(frame.to_ndarray(format="gray").mean())


@asynccontextmanager
async def visiting(server: Server, *tracks: MediaStreamTrack) -> AsyncIterator[Visitor]:
    visitor = Visitor(server, *tracks)
    try:
        yield visitor
    finally:
        await visitor.connection.close()


def serving(source: Path | None = None) -> Server:
    """A server for this machine; no picture counts as late, however slow the machine is."""
    controls = Controls(always=True)
    return Server(
        source and str(source), host="127.0.0.1", port=0, token=None, model="lite", backend="onnxruntime", budget=30.0,
        controls=controls,
    )  # fmt: skip


@pytest.fixture
def night(tmp_path) -> Path:
    return make_video(tmp_path / "night.mp4", frames=30, rate=30, **SIZE)


def test_a_visitor_sees_the_source_bright_and_its_controls_act(night):
    async def visit():
        async with serving(night) as server, visiting(server) as visitor:
            await visitor.connect(camera=False)
            await happens(lambda: visitor.light > 1.5 * DARK, "a bright picture")
            visitor.controls.send('{"enabled": false}')
            await happens(lambda: 0 < visitor.light < 1.2 * DARK, "a dark picture")
            await happens(lambda: visitor.told[-1]["stats"].get("frames"), "figures")
            assert visitor.told[-1]["stats"]["backend"].startswith("onnxruntime")
            assert visitor.told[0]["controls"]["enabled"]
            assert not visitor.told[-1]["controls"]["enabled"]

    asyncio.run(visit())


def test_a_visitors_dark_camera_comes_back_bright():
    async def visit():
        async with serving() as server, visiting(server, Night()) as visitor:
            await visitor.connect(camera=True)
            await happens(lambda: visitor.light > 1.5 * DARK, "a bright picture")

    asyncio.run(visit())


def test_media_of_a_page_for_this_machine_comes_in_on_loopback_alone():
    """aioice is told so by replacing a function of its own: another version may have it elsewhere."""

    async def visit():
        async with serving() as server, visiting(server) as visitor:
            return await visitor.connect(camera=True)

    candidates = [line.split() for line in asyncio.run(visit()).splitlines() if line.startswith("a=candidate:")]
    assert {fields[4] for fields in candidates} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("kinds", "camera"),
    [([VideoStreamTrack], False), ([AudioStreamTrack], False), ([VideoStreamTrack, AudioStreamTrack], True)],
)
def test_an_offer_of_media_that_nobody_would_take_is_refused(night, kinds, camera):
    """aiortc decodes all that is sent and keeps it for somebody who asks: 20 MB a second of a video."""

    async def visit():
        async with serving(night) as server, visiting(server, *(kind() for kind in kinds)) as visitor:
            return (await visitor.offer(camera=camera))[0], server._peers

    assert asyncio.run(visit()) == (400, set())


def test_of_many_data_channels_the_first_alone_is_kept():
    """Each would have figures of its own every second."""

    async def visit():
        async with serving() as server, visiting(server) as visitor:
            others = [visitor.connection.createDataChannel(f"{n}") for n in range(3)]
            await visitor.connect(camera=True)
            await happens(lambda: all(other.readyState == "closed" for other in others), "the end of the others")
            await happens(lambda: visitor.told, "figures")

    asyncio.run(visit())


def test_nonsense_in_the_data_channel_does_not_end_the_connection():
    async def visit():
        async with serving() as server, visiting(server) as visitor:
            await visitor.connect(camera=True)
            for nonsense in ("", "{", "null", b"\0", 60_000 * "[", '{"model": "/etc/passwd"}'):
                visitor.controls.send(nonsense)
            visitor.controls.send('{"strength": 0.25}')
            await happens(lambda: visitor.told and visitor.told[-1]["controls"]["strength"] == 0.25, "less strength")

    asyncio.run(visit())


def test_there_is_room_for_so_many_visitors_and_again_when_one_has_left_or_never_came(monkeypatch):
    async def visit():
        async with serving() as server, AsyncExitStack() as stack:
            visitors = [await stack.enter_async_context(visiting(server)) for _ in range(MOST_PEERS + 1)]
            for visitor in visitors[:-1]:
                await visitor.connect(camera=True)
            status, text = await visitors[-1].offer(camera=True)
            assert (status, "try again later" in text) == (503, True)
            await visitors[0].connection.close()
            await happens(lambda: len(server._peers) == MOST_PEERS - 1, "the visitor's leaving")
            monkeypatch.setattr("streamllie.live.rtc.ANSWER", 0.1)
            async with visiting(server) as silent:  # asks, and does not come
                assert (await silent.offer(camera=True))[0] == 200
                assert len(server._peers) == MOST_PEERS
                await happens(lambda: len(server._peers) == MOST_PEERS - 1, "the end of the wait")

    asyncio.run(visit())


def test_a_server_that_ends_while_a_visitor_leaves_has_let_go_of_the_source(night, no_thread_stays):
    async def visit():
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(serving(night))
            visitor = Visitor(server)
            await visitor.connect(camera=False)
            await happens(lambda: visitor.light > 0, "a picture")
            (peer,) = server._peers
            leaving = asyncio.create_task(peer.close())
            await asyncio.sleep(0)
            assert not leaving.done()
        assert not any(thread.name == "streamllie-ahead" for thread in threading.enumerate())
        await leaving
        await visitor.connection.close()

    asyncio.run(visit())


def test_serve_tells_where_the_page_is_and_ends_with_ctrl_c():
    command = [sys.executable, "-m", "streamllie", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            with urllib.request.urlopen(json.loads(server.stdout.readline())["address"]) as page:
                assert b"<video" in page.read()
        finally:
            server.send_signal(signal.SIGINT)
    assert server.returncode == 130
