"""WebRTC: one peer for each visitor, who gets the enhanced picture and sends controls, and perhaps a camera."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any, cast

import aioice.ice
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import h264, vpx
from aiortc.mediastreams import MediaStreamError

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.frame import VideoFormat
from streamllie.live.player import Player
from streamllie.live.shape import composed, fitted, square
from streamllie.live.stage import Controls
from streamllie.video.exchange import outgoing
from streamllie.video.push import Push

START, MOST = 2_000_000, 6_000_000  # bits per second; aiortc begins with a quarter of that, which looks it
ANSWER = 15.0  # seconds within which a visitor must be connected
ALL_ADDRESSES = aioice.ice.get_host_addresses
SHARES = ("strength", "smoothing")
SWITCHES = ("enabled", "always", "mirror")

log = logging.getLogger(__name__)


def listen_on(addresses: list[str] | None) -> None:
    """Media comes in on these addresses of this machine only; None: on all of them."""
    vpx.DEFAULT_BITRATE = h264.DEFAULT_BITRATE = START
    vpx.MAX_BITRATE = h264.MAX_BITRATE = MOST
    # aioice asks this function of its own, and leaves loopback out.
    aioice.ice.get_host_addresses = ALL_ADDRESSES if addresses is None else lambda use_ipv4, use_ipv6: list(addresses)


def without_addresses(sdp: str) -> str:
    """An offer without the addresses in it. We answer those who reach us, and call nobody whom a page names."""
    kept = [line for line in sdp.splitlines() if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return "\r\n".join(kept) + "\r\n"


class Peer:
    """One visitor. `shared` plays the server's source; who sends a camera has a player of its own, with `options`."""

    def __init__(
        self, *, shared: Player | None, camera: bool, options: dict[str, Any], on_end: Callable[["Peer"], None]
    ) -> None:
        if shared is None and not camera:
            raise SourceError("this server has no source of its own; send a camera")
        self._push: Push | None = None
        self._player = Player(self._camera, **options) if camera or shared is None else shared
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._takes_camera = camera
        self._on_end = on_end
        self._tasks: list[asyncio.Task[None]] = []
        self._joined = self._has_channel = False
        self._end: asyncio.Task[None] | None = None

    async def answer(self, sdp: str) -> str:
        """The answer to an offer; raises ValueError if that is none."""
        connection = self._connection
        sent: list[MediaStreamTrack] = []
        connection.on("track", sent.append)
        connection.on("datachannel", self._channel)
        connection.on("connectionstatechange", self._changed)
        await connection.setRemoteDescription(RTCSessionDescription(sdp=without_addresses(sdp), type="offer"))
        if [each.kind for each in connection.getTransceivers()] != ["video"]:
            raise ValueError("an offer has one video, and no sound")
        if sent and not self._takes_camera:  # aiortc would decode all of it, and keep it
            raise ValueError("an offer that sends a video says that it is a camera")
        self._joined = True
        await self._player.join()
        connection.addTrack(_Enhanced(self._player))
        await connection.setLocalDescription(await connection.createAnswer())
        self._tasks += [asyncio.create_task(self._pump(track)) for track in sent]
        self._tasks.append(asyncio.create_task(self._give_up()))
        return connection.localDescription.sdp

    @property
    def leaves(self) -> bool:
        """Whether it has begun to close."""
        return self._end is not None

    async def close(self) -> None:
        """End the connection and let go of everything; who asks again waits for the same end."""
        if self._end is None:
            self._end = asyncio.create_task(self._close())
        await asyncio.shield(self._end)

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            if self._joined:
                await self._player.leave()
            await self._connection.close()
        finally:
            self._on_end(self)

    def _camera(self, stop: Stop) -> Push:
        self._push = Push(stop)
        return self._push

    async def _pump(self, track: MediaStreamTrack) -> None:
        """Take each decoded picture at once: the track keeps all of them for who asks, and what waits is late."""
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if self._push is not None:
                self._push.put(cast("Any", frame))

    def _channel(self, channel: Any) -> None:
        """The first one is the page's; each would cost a task."""
        if self._has_channel:
            channel.close()
            return
        self._has_channel = True
        channel.on("message", self._told)
        self._tasks.append(asyncio.create_task(self._figures(channel)))

    def _told(self, message: object) -> None:
        try:
            apply(self._player.controls, json.loads(message) if isinstance(message, str) else None)
        except (ValueError, RecursionError) as error:
            log.debug("a message of the page is not understood: %s", error)

    async def _figures(self, channel: Any) -> None:
        while channel.readyState == "open":
            controls = self._player.controls
            stats = self._player.stats
            figures = stats.event() if stats is not None else {}
            if self._player.failed:
                figures["notice"] = self._player.failed
            channel.send(json.dumps({"stats": figures, "controls": vars(controls)}))
            await asyncio.sleep(1)

    async def _give_up(self) -> None:
        await asyncio.sleep(ANSWER)
        if self._connection.connectionState != "connected":
            self._last = asyncio.create_task(self.close())

    async def _changed(self) -> None:
        if self._connection.connectionState in ("failed", "closed", "disconnected"):
            await self.close()


class _Enhanced(MediaStreamTrack):
    kind = "video"

    def __init__(self, player: Player) -> None:
        super().__init__()
        self._player = player
        self._seen = -1
        self._began = time.perf_counter()

    async def recv(self) -> Any:
        self._seen, picture = await self._player.newer(self._seen)
        frame = composed(picture.before, picture.after, self._player.controls.split)
        height = picture.format.height  # browsers take 8 bits, limited levels, square pixels
        format = VideoFormat(height=height, width=max(2, round(height * square(picture.format) / 2) * 2))
        return outgoing(fitted(frame, picture.format, format), seconds=max(0.0, picture.captured - self._began))


def apply(controls: Controls, wanted: object) -> None:
    """Change controls as a page asks: known names, numbers within 0..1, nothing else. Raises ValueError."""
    if not isinstance(wanted, dict):
        raise ValueError("controls are an object")  # noqa: TRY004 - as every other message that makes no sense
    for name, value in wanted.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        if (name in SHARES and number) or (name in SWITCHES and isinstance(value, bool)):
            setattr(controls, name, value)
        elif name == "split" and (value is None or number):
            controls.split = value
        else:
            raise ValueError(f"there is no control {name!r} with such a value")
