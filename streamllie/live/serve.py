"""A web page with the enhanced picture: the server's source, or the visitor's own camera, over WebRTC."""

import asyncio
import contextlib
import errno
import hmac
import ipaddress
import json
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from streamllie.errors import SinkError, StreamLLIEError
from streamllie.interrupts import SIGNALS
from streamllie.live.player import Player
from streamllie.live.rtc import Peer, listen_on
from streamllie.live.stage import Controls
from streamllie.shelf import find
from streamllie.video.inputs import resolve

MOST_PEERS = 4  # visitors at a time: each camera takes engines of its own
THREADS = 4 * MOST_PEERS
LARGEST = 64 * 1024  # bytes of an offer
LEAST_TOKEN = 12  # characters
COOKIE = "streamllie"
PAGES = {  # all that there is; no name from outside is ever looked up on the disk
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

PORT_TROUBLE = {errno.EADDRINUSE, errno.EACCES}  # another port may do; else it is the host

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """The page and its peers. A context manager of asyncio."""

    def __init__(
        self,
        source: str | None,
        *,
        host: str,
        port: int,
        token: str | None,
        model: str | Path,
        size: tuple[int, int] | None = None,
        rate: float | None = None,
        **options: Any,
    ) -> None:
        self.host, self.port = host, port
        self._loopback = is_loopback(host)
        if token is not None and len(token) < LEAST_TOKEN:
            raise SinkError(f"the token has {len(token)} characters; take {LEAST_TOKEN} or more, or leave it out")
        # Whoever is not on this machine must show the token.
        self.token = token or (None if self._loopback else secrets.token_urlsafe(16))
        self._controls: Controls = options.pop("controls", None) or Controls()
        find(model)  # one that is not there is told now, and not to the first visitor
        self._options = {"model": model, **options}
        input = None if source is None else resolve(source, size=size, rate=rate)
        self._shared = None if input is None else Player(lambda stop: input, controls=self._controls, **self._options)
        self._peers: set[Peer] = set()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        secret = f"/?token={quote(self.token, safe='')}" if self.token else "/"
        return f"http://{host}:{self.port}{secret}"

    async def __aenter__(self) -> "Server":
        listen_on(media_addresses(self.host))
        # Each run and each encoder waits in a thread of asyncio's own; the default is few on a small machine.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        app = web.Application(client_max_size=LARGEST, middlewares=[self._guard])
        app.on_response_prepare.append(_put_headers)
        for path in PAGES:
            app.router.add_get(path, self._page)
        app.router.add_post("/offer", self._offer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except (OSError, UnicodeError) as error:  # an empty or overlong part of a name is the latter
            await self._runner.cleanup()
            why = getattr(error, "strerror", None) or str(error)
            other = "--port" if getattr(error, "errno", None) in PORT_TROUBLE else "--host, an address of this machine"
            raise SinkError(f"{self.host}:{self.port} cannot be served on ({why}); choose another {other}") from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()  # nobody comes in any more
        await asyncio.gather(*(peer.close() for peer in self._peers))

    # Who may come in

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._host_is_ours(request.headers.get("Host", "")):
            raise web.HTTPForbidden(text="this name is not that of the server")
        if not self._origin_is_ours(request):
            raise web.HTTPForbidden(text="another page may not ask this server")
        if self.token is not None and not self._knows_token(request):
            raise web.HTTPUnauthorized(text="open this page with the address that streamllie serve printed")
        return await handler(request)

    def _host_is_ours(self, header: str) -> bool:
        """A page of another site may give its name our address (DNS rebinding); then the name is not one of ours."""
        if not self._loopback:
            return True  # there the token guards
        with contextlib.suppress(ValueError):
            name = urlsplit(f"//{header}").hostname or ""
            return name == "localhost" or is_loopback(name)
        return False

    @staticmethod
    def _origin_is_ours(request: web.Request) -> bool:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("Origin")
        with contextlib.suppress(ValueError):
            return origin is None or urlsplit(origin).netloc == request.headers.get("Host")
        return False

    def _knows_token(self, request: web.Request) -> bool:
        assert self.token is not None
        bearer = request.headers.get("Authorization", "")
        shown = [request.cookies.get(COOKIE), request.query.get("token"), bearer.removeprefix("Bearer ")]
        known = self.token.encode()
        return any(hmac.compare_digest((text or "").encode(errors="surrogateescape"), known) for text in shown)

    # What there is

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if self.token is not None and "token" in request.query:  # out of the address bar and the history
            moved = web.HTTPFound("/")
            moved.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
            raise moved
        name, kind = PAGES[request.path]
        text = (resources.files("streamllie.live") / "page" / name).read_text(encoding="utf-8")
        if name == "page.html":
            text = text.replace('data-source=""', f'data-source="{"yes" if self._shared is not None else "no"}"')
        return web.Response(text=text, content_type=kind)

    async def _offer(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="an offer is application/json")
        offer: Any = None
        with contextlib.suppress(ValueError, LookupError, RecursionError):  # no JSON, no such charset, too deep
            offer = json.loads(await request.text())
        sdp, camera = (offer.get("sdp"), offer.get("camera")) if isinstance(offer, dict) else (None, None)
        if not isinstance(sdp, str) or not isinstance(camera, bool):
            raise web.HTTPBadRequest(text="an offer has an sdp and says whether it sends a camera")
        if sum(not peer.leaves for peer in self._peers) >= MOST_PEERS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_PEERS} visitors are here already; try again later")
        try:
            peer = Peer(
                shared=self._shared, camera=camera, options=self._options | {"controls": replace(self._controls)},
                on_end=self._peers.discard,
            )  # fmt: skip
        except StreamLLIEError as error:
            raise web.HTTPConflict(text=str(error)) from None
        self._peers.add(peer)
        try:
            answer = await peer.answer(sdp)
        except Exception as error:  # noqa: BLE001 - aiortc answers nonsense with whatever comes up
            await peer.close()
            log.debug("an offer is not understood: %s", error)
            raise web.HTTPBadRequest(text="this offer is not understood") from None
        return web.json_response({"sdp": answer, "type": "answer"})


async def _put_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach this address."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def media_addresses(host: str) -> list[str] | None:
    """Where media may come in: where the page does; None is everywhere."""
    if is_loopback(host):
        return ["127.0.0.1"]
    with contextlib.suppress(ValueError):
        if not ipaddress.ip_address(host).is_unspecified:
            return [host]
    return None


def serve(
    source: str | None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    duration: float | None = None,
    on_ready: Callable[[str], None],
    **options: Any,
) -> None:
    """Serve the page until Ctrl-C, or for `duration` seconds. `on_ready` gets the address to open.

    Raises:
        StreamLLIEError: the address is taken, the source is not there, the token is too short.
    """

    async def run() -> bool:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers, and ends with KeyboardInterrupt
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores one of them, and means it
                    loop.add_signal_handler(number, over.set)
        async with Server(source, host=host, port=port, token=token, **options) as server:
            on_ready(server.address)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), duration)
        return over.is_set()

    if asyncio.run(run()):
        raise KeyboardInterrupt
