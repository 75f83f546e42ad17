"""HTTP for the Hub's client that gives up: on a server that is silent, that drips, or that does not end.

Timeouts of HTTP libraries hold for each piece of an answer, so one byte a second, even in the headers, never exceeds
them. Here every read and write of the network has what remains of its operation (`hub.limits`), and of its request's
patience, which every byte renews a little. Proxies and certificates are those of the environment, as for the client's
own HTTP.
"""

import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2
import huggingface_hub
from huggingface_hub.utils._http import default_client_factory

from dcgan_hub.hub.limits import Limits, OutOfTime, TooLarge, current_limits

PATIENCE_SECONDS = 60.0  # without progress; the Hub's own gateway has the same
PATIENT_BYTES_PER_SECOND = 1_000  # of progress that keep the patience as it is
CONNECT_SECONDS = 20.0
PIECE_BYTES = 65_536  # written at once, so that progress is seen
MAX_CONNECTIONS, KEPT_CONNECTIONS, KEPT_SECONDS = 100, 20, 5.0  # as httpx2
WAIT_HEADERS = ("retry-after", "ratelimit")
HTTP_ERRORS = (
    httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)  # fmt: skip


def limit_waiting() -> None:
    """Makes the Hub's client of this process use this transport.

    Without it, the client waits without end for some requests. Since this is a choice of the program and not of a
    library, commands and the app call it.
    """
    if not Transport.in_use:
        Transport.in_use = True
        huggingface_hub.set_client_factory(_limited_client)


def _limited_client() -> httpx2.Client:
    hooks = default_client_factory().event_hooks
    headers = {"Accept-Encoding": "identity"}  # a small compressed answer can be a large one
    return httpx2.Client(
        transport=Transport(), event_hooks=hooks, headers=headers, follow_redirects=True, timeout=PATIENCE_SECONDS
    )


class Transport(httpx2.BaseTransport):
    """Sends requests within the limits of their operation; see the module docstring."""

    in_use = False  # by the Hub's client of this process

    def __init__(self) -> None:
        """Opens no connection yet."""
        self._ssl_context = httpx2.create_ssl_context()
        self._pools: dict[str | None, httpcore2.ConnectionPool] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """See httpx2; raises OutOfTime and TooLarge as well."""
        limits = current_limits()
        if limits is not None:
            limits.remaining_seconds()
        with _translated_errors():
            answer = self._pool(request.url).handle_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )  # fmt: skip
        stream = _Body(answer, limits)
        response = httpx2.Response(answer.status, headers=answer.headers, stream=stream, extensions=answer.extensions)
        try:
            _check_answer(response, limits)
        except BaseException:
            stream.close()
            raise
        return response

    def close(self) -> None:
        """Closes all connections."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, url: httpx2.URL) -> httpcore2.ConnectionPool:
        proxies = {} if urllib.request.proxy_bypass(url.host) else urllib.request.getproxies()
        proxy = proxies.get(url.scheme) or proxies.get("all")
        if proxy not in self._pools:
            self._pools[proxy] = self._make_pool(proxy)
        return self._pools[proxy]

    def _make_pool(self, address: str | None) -> httpcore2.ConnectionPool:
        options: dict[str, Any] = {
            "ssl_context": self._ssl_context, "network_backend": _Network(), "max_connections": MAX_CONNECTIONS,
            "max_keepalive_connections": KEPT_CONNECTIONS, "keepalive_expiry": KEPT_SECONDS,
        }  # fmt: skip
        if address is None:
            return httpcore2.ConnectionPool(**options)
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
        kind = httpcore2.SOCKSProxy if proxy.url.scheme.startswith("socks") else httpcore2.HTTPProxy
        return kind(proxy_url=str(proxy.url), proxy_auth=proxy.raw_auth, **options)


class _Body(httpx2.SyncByteStream):
    """The body of an answer, up to the bytes that its operation allows."""

    def __init__(self, answer: httpcore2.Response, limits: Limits | None) -> None:
        self._answer, self._limits = answer, limits

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        with _translated_errors():
            for piece in self._answer.iter_stream():
                received += len(piece)
                if self._limits is not None and received > self._limits.answer_bytes:
                    raise TooLarge(f"more than the {self._limits.answer_bytes:,} bytes that it may have")
                yield piece

    def close(self) -> None:
        self._answer.close()


class _Network(httpcore2.NetworkBackend):
    """Connections that give up."""

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:  # fmt: skip
        limits = current_limits()
        seconds = min(CONNECT_SECONDS, timeout or CONNECT_SECONDS)
        if limits is not None:
            seconds = min(seconds, limits.remaining_seconds())
        return _Connection(httpcore2.SyncBackend().connect_tcp(host, port, seconds, local_address, socket_options))


class _Connection(httpcore2.NetworkStream):
    """A connection whose patience ends; only the time in which it waits for the server counts."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream, self._patience = stream, PATIENCE_SECONDS
        self._is_reading, self._received = False, 0  # bytes of the answer

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._is_reading = True
        with self._waiting(timeout) as seconds:
            content = self._stream.read(max_bytes, seconds)
        self._received += len(content)
        self._renew(len(content))
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._is_reading:  # the answer was read, so this is another request
            self._is_reading, self._received, self._patience = False, 0, PATIENCE_SECONDS
        for start in range(0, len(buffer), PIECE_BYTES):
            piece = buffer[start : start + PIECE_BYTES]
            with self._waiting(timeout) as seconds:
                self._stream.write(piece, seconds)
            self._renew(len(piece))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        with self._waiting(timeout) as seconds:
            return _Connection(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _renew(self, progress: int) -> None:
        self._patience = min(PATIENCE_SECONDS, self._patience + progress / PATIENT_BYTES_PER_SECOND)

    @contextmanager
    def _waiting(self, timeout: float | None) -> Iterator[float]:
        """Gives the seconds for one read or write, and takes those that it needed from the patience."""
        limits = current_limits()
        began = time.monotonic()
        self._require_patience()
        seconds = self._patience if timeout is None else min(self._patience, timeout)
        try:
            yield min(seconds, limits.remaining_seconds()) if limits else seconds
        except httpcore2.TimeoutException:
            self._patience -= time.monotonic() - began
            # Neither the operation's end nor a server that drips is a reason for a retry; silence is one.
            if limits is not None:
                limits.remaining_seconds()
            if self._received:
                self._require_patience()
            raise
        self._patience -= time.monotonic() - began

    def _require_patience(self) -> None:
        if self._patience <= 0:
            raise OutOfTime(f"less than {PATIENT_BYTES_PER_SECOND:,} bytes a second for {PATIENCE_SECONDS:.0f} seconds")


def _check_answer(response: httpx2.Response, limits: Limits | None) -> None:
    """Refuses an answer that would be unpacked, and one that makes the client wait longer than it has time."""
    if limits is None:
        return
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise TooLarge("a compressed answer, which was not asked for")
    waits = [word for name in WAIT_HEADERS for word in _numbers(response.headers.get(name, ""))]
    if max(waits, default=0) > limits.remaining_seconds():
        raise OutOfTime(f"status {response.status_code}, and a request to wait for {max(waits):,} seconds")


def _numbers(text: str) -> list[int]:
    """The numbers of a header such as `120` or `"api";r=0;t=55`."""
    words = text.replace("=", ";").split(";")
    return [int(word) for word in map(str.strip, words) if word.isascii() and word.isdigit() and len(word) < 20]


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raises errors of httpcore2 as those of httpx2, which have the same names."""
    try:
        yield
    except HTTP_ERRORS as error:
        raise getattr(httpx2, type(error).__name__)(str(error)) from error
