"""Send a live stream over HTTP, in one request or file by file, and hear whether the server takes it."""

import contextlib
import io
import re
import select
import ssl
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from streamllie.place import PLAYLIST, without_user

PATIENCE = 5.0  # seconds that a server may take for anything
WAITING = 6  # files of a playlist that may wait to be sent: some seconds of it
AGENT = {"User-Agent": "StreamLLIE"}
KEPT = "%/:?=&;,+@!$'()*~[]"  # what is not quoted in a URL, since it means something there


class RefusedError(OSError):
    """A server does not take what it is sent, or is not trusted with it; `strerror` says why, `way` what to do."""

    def __init__(self, why: str, *, way: str) -> None:
        super().__init__(0, why)
        self.way = way


class Server:
    """Where an http or https URL leads, by way of the proxy that the environment names for it.

    `path` and `query` are those of the URL; the query has its "?".

    Raises:
        ValueError: the URL, or that of the proxy, is none. It does not say more, for there may be secrets in it.
    """

    def __init__(self, url: str) -> None:
        plain, self._headers = without_user(url)
        self._secure, self._host, self._port = _place(plain)
        parts = urlsplit(plain)
        self._written = parts.netloc
        self.path = quote(parts.path or "/", safe=KEPT)
        self.query = quote(f"?{parts.query}", safe=KEPT) if parts.query else ""
        proxy = None if proxy_bypass(self._host) else getproxies().get(parts.scheme)
        self._proxy: tuple[str, int] | None = None
        self._allowed: dict[str, str] = {}
        if proxy is not None:
            proxy, allowed = without_user(proxy if "://" in proxy else f"http://{proxy}")
            self._proxy = _place(proxy)[1:]
            self._allowed = {f"Proxy-{name}": value for name, value in allowed.items()}

    def connect(self) -> HTTPConnection:
        """A connection, open. Errors are those of Upload."""
        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(*self._proxy or (self._host, self._port), timeout=PATIENCE)
        if self._proxy is not None and self._secure:
            connection.set_tunnel(self._host, self._port, self._allowed)
        with _in_words():
            try:
                connection.connect()
            except ssl.SSLError:
                raise
            except OSError as error:
                if self._proxy is None:
                    raise
                host, port = self._proxy
                raise OSError(0, f"{error.strerror or error}, by way of the proxy {host}:{port}") from None
        return connection

    def request(self, path: str) -> tuple[str, dict[str, str]]:
        """The target of a request for a path, and headers that it needs."""
        headers = AGENT | self._headers
        if self._proxy is None or self._secure:
            return path, headers
        return f"http://{self._written}{path}", headers | self._allowed


class Upload:
    """One request, a POST whose body goes out while it is written (chunked, RFC 9112).

    The server may answer before the end; if it takes the stream, writing goes on.

    Raises:
        RefusedError: it does not, or its certificate is not trusted.
        OSError: it is not there, gone or silent.
    """

    def __init__(self, server: Server) -> None:
        self.refused = False
        self._answer: HTTPResponse | None = None
        self._connection = server.connect()
        self._socket = self._connection.sock
        target, headers = server.request(server.path + server.query)
        with _in_words():
            self._connection.putrequest("POST", target)
            for name, value in (headers | {"Transfer-Encoding": "chunked"}).items():
                self._connection.putheader(name, value)
            self._connection.endheaders()

    def write(self, data: bytes) -> int:
        """Send a piece."""
        if data:  # a piece without any would be the end
            self._send(b"%x\r\n%b\r\n" % (len(data), data))
        return len(data)

    def finish(self) -> None:
        """Send the end, and wait until the server has taken all."""
        self._send(b"0\r\n\r\n")
        self._hear()

    def hang_up(self) -> None:
        """As it is."""
        self._connection.close()

    def _send(self, data: bytes) -> None:
        # Of TLS, that something came does not mean an answer.
        if not isinstance(self._socket, ssl.SSLSocket) and select.select([self._socket], [], [], 0)[0]:
            self._hear()
        try:
            self._socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                self._hear()  # who hangs up may have said why
            raise

    def _hear(self) -> None:
        if self._answer is not None:
            return
        with _in_words():
            self._answer = HTTPResponse(self._socket, method="POST")
            self._answer.begin()
        self.refused = self._answer.status // 100 != 2
        if self.refused:
            raise _refused(self._answer)


class Uploads:
    """Files of a playlist, each sent in turn by another thread once libav has closed it. Errors are those of Upload.

    libav is told of another address, in which nothing can be taken for the place of a number.
    """

    def __init__(self, server: Server) -> None:
        self.taken = False  # whether the server has taken a file
        self._server = server
        playlist = PurePosixPath(server.path)
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", unquote(playlist.stem))
        self.url = f"http://there/{stem}{PLAYLIST}"
        self._folder = server.path.removesuffix(playlist.name)
        self._closed: list[tuple[str, str, bytes]] = []
        self._sender = ThreadPoolExecutor(1)
        self._sent: deque[Future[None]] = deque()
        self._failed = False

    def open(self, url: str, flags: int, options: Mapping[str, str]) -> io.BytesIO:
        """A file for libav, as PyAV's `io_open`; its option `method` is that of HTTP. Nothing is raised in there."""
        path = self._server.path if url == self.url else self._folder + url.rpartition("/")[2]
        return _File(lambda data: self._closed.append((options.get("method", "PUT"), path, data)))

    def send(self, *, wait: bool = False) -> None:
        """Have sent what libav has closed; raises what failed of that before. After that nothing more is sent."""
        for file in self._closed:
            if not self._failed:
                self._sent.append(self._sender.submit(self._request, *file))
        self._closed.clear()
        try:
            while self._sent and (wait or self._sent[0].done()):
                self._sent.popleft().result()
        except BaseException:
            self.hang_up()
            raise
        if len(self._sent) > WAITING:
            self.hang_up()
            raise OSError(0, f"the server is too slow: {WAITING} files wait to be taken")

    def hang_up(self) -> None:
        """What waits is not sent."""
        self._failed = True
        self._sent.clear()
        self._sender.shutdown(wait=False, cancel_futures=True)

    def _request(self, method: str, path: str, data: bytes) -> None:
        if self._failed:
            return
        try:
            self._exchange(method, path, data)
        except BaseException:
            self._failed = True
            raise

    def _exchange(self, method: str, path: str, data: bytes) -> None:
        connection = self._server.connect()
        target, headers = self._server.request(path + self._server.query)
        try:
            with _in_words():
                connection.request(method, target, data if method != "DELETE" else None, headers)
                answer = connection.getresponse()
        finally:
            connection.close()
        if answer.status // 100 == 2:
            self.taken = True
        elif method != "DELETE":  # what stays there does no harm
            raise _refused(answer)


class _File(io.BytesIO):
    """Hands over what was written when it is closed."""

    def __init__(self, close: Callable[[bytes], None]) -> None:
        super().__init__()
        self._close = close

    def close(self) -> None:
        if not self.closed:
            self._close(self.getvalue())
        super().close()


def _place(url: str) -> tuple[bool, str, int]:
    """Whether it is https, host and port."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    if not parts.hostname or re.search(r"[\s\x00-\x1f]", parts.hostname):
        raise ValueError
    return secure, parts.hostname, parts.port or (443 if secure else 80)


def _refused(answer: HTTPResponse) -> RefusedError:
    why = f"the server answers {answer.status} {answer.reason}".rstrip()
    return RefusedError(why, way="check the address, and whether you may write there")


@contextlib.contextmanager
def _in_words() -> Generator[None]:
    """What is no HTTP is an OSError; what OpenSSL says of a certificate is said in words."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        way = "SSL_CERT_FILE can name a file with a certificate that you trust"
        raise RefusedError(f"its certificate is not trusted: {error.verify_message}", way=way) from None
    except HTTPException as error:
        if isinstance(error, OSError):
            raise
        raise OSError(0, f"that is no HTTP: {error!r}") from None
