"""Send a live stream, or a file of one, over HTTP, and hear whether the server takes it. libav does not listen."""

import contextlib
import io
import select
import ssl
from collections.abc import Callable, Generator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from streamllie.place import without_user

PATIENCE = 5.0  # seconds that a server may take for anything


class RefusedError(OSError):
    """A server does not take what it is sent, or is not trusted with it; `strerror` says why, `way` what to do."""

    def __init__(self, why: str, *, way: str) -> None:
        super().__init__(0, why)
        self.way = way


class Upload:
    """A file whose bytes go to a server while it is written, in one request (chunked, RFC 9112).

    A server may answer before the end; if it takes the file, writing goes on.

    Raises:
        RefusedError: it does not, or its certificate is not trusted.
        OSError: it is not there, or silent.
    """

    def __init__(self, url: str, *, method: str) -> None:
        self._method = method
        self._answer: HTTPResponse | None = None
        with _broken():
            self._connection, target, headers = _connection(url)
            self._connection.putrequest(method, target)
            for name, value in (headers | {"User-Agent": "StreamLLIE", "Transfer-Encoding": "chunked"}).items():
                self._connection.putheader(name, value)
            self._connection.endheaders()
        self._socket = self._connection.sock

    def write(self, data: bytes) -> int:
        """Send a piece."""
        if data:  # a piece without any would be the end
            self._send(b"%x\r\n%b\r\n" % (len(data), data))
        return len(data)

    def close(self) -> None:
        """Send the end, wait until the server has taken all, and hang up."""
        try:
            self._send(b"0\r\n\r\n")
            self._hear()
        finally:
            self.hang_up()

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
        with _broken():
            self._answer = HTTPResponse(self._socket, method=self._method)
            self._answer.begin()
        if self._answer.status // 100 != 2 and self._method != "DELETE":  # what stays there does no harm
            answer = f"the server answers {self._answer.status} {self._answer.reason}".rstrip()
            raise RefusedError(answer, way="check the address, and whether you may write there")


class Uploads:
    """Files of a playlist, each sent when libav closes it. After a failure, which is kept, nothing more is sent."""

    def __init__(self) -> None:
        self.failure: OSError | None = None

    def open(self, url: str, flags: int, options: Mapping[str, str]) -> io.BytesIO:
        """PyAV's `io_open`; libav's option `method` is that of HTTP."""
        return _File(lambda data: self._send(url, options.get("method", "PUT"), data))

    def _send(self, url: str, method: str, data: bytes) -> None:
        if self.failure is not None:
            return
        try:
            upload = Upload(url, method=method)
            try:
                upload.write(data)
                upload.close()
            finally:
                upload.hang_up()
        except OSError as error:  # libav would go on, and PyAV raises the last one only
            self.failure = error


class _File(io.BytesIO):
    """Hands over what was written when it is closed."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._send = send

    def close(self) -> None:
        if not self.closed:
            data = self.getvalue()
            super().close()
            self._send(data)


def _connection(url: str) -> tuple[HTTPConnection, str, dict[str, str]]:
    """To a server or the proxy that the environment names for it; the target of a request, and headers."""
    plain, headers = without_user(url)
    parts = urlsplit(plain)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    host, target = parts.hostname or "", parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    proxy = None if proxy_bypass(host) else getproxies().get(parts.scheme)
    if proxy is None:
        return kind(host, parts.port, timeout=PATIENCE), target, headers
    place, allowed = without_user(proxy if "://" in proxy else f"http://{proxy}")
    allowed = {f"Proxy-{name}": value for name, value in allowed.items()}
    way = urlsplit(place)
    connection = kind(way.hostname or "", way.port, timeout=PATIENCE)
    if parts.scheme == "https":
        connection.set_tunnel(host, parts.port, allowed)
        return connection, target, headers
    return connection, plain, headers | allowed


@contextlib.contextmanager
def _broken() -> Generator[None]:
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
