"""Connections: bounded below the limit of open files, and closed if nothing arrives or nothing is taken."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from dcgan_hub.demo.admission import BUSY
from dcgan_hub.demo.serving.log_lines import LOG

MAX_CONNECTIONS = 2048
BACKLOG = 128  # connections that the system keeps for us, and that are accepted at once
LINGERING = 128  # refused ones that are kept until they have read why
RESERVED_FILES = 256  # for everything but connections
FILES = MAX_CONNECTIONS + BACKLOG + LINGERING + RESERVED_FILES
FEWEST = 16
HEADER_SECONDS = 10.0  # in which the first request must begin to be answered
TAKE_SECONDS = 30.0  # in which a client must take what it was sent, or ask for more
LINGER_SECONDS = 2.0
REFUSAL = (
    "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n"
    f"connection: close\r\ncontent-length: {len(BUSY)}\r\n\r\n{BUSY}"
).encode("ascii")


def raise_file_limit() -> int:
    """Raises the limit of open files to what this app needs, as far as the system allows, and returns it."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections_within(files: int) -> int:
    """How many connections may be open at a limit of open files."""
    return max(FEWEST, min(MAX_CONNECTIONS, files - RESERVED_FILES - BACKLOG - LINGERING))


class Connections:
    """The connections of a server.

    A new one displaces the one that has been waiting for a request longest: of the same address if that has half of all
    connections, else of the address that has most waiting ones. If nobody waits, the new one is refused.
    """

    def __init__(self, most: int) -> None:
        """Takes the maximum number."""
        self.most = most
        self.lingering = 0
        self._by_address: Counter[str] = Counter()
        self._waiting: dict[str, dict[BoundedProtocol, None]] = {}

    def admit(self, connection: "BoundedProtocol") -> bool:
        """Whether there is room for a new connection; it then counts until `leave`."""
        address = connection.address
        waiting: Iterable[BoundedProtocol] | None = None
        if self._by_address[address] >= max(1, self.most // 2):
            waiting = self._waiting.get(address, {})
        elif self._by_address.total() >= self.most:
            waiting = max(self._waiting.values(), key=len, default={})
        if waiting is not None and not self._displace(waiting):
            return False
        self._by_address[address] += 1
        self.wait(connection)
        return True

    def _displace(self, waiting: "Iterable[BoundedProtocol]") -> bool:
        """Closes the first connection that has received all of the last answer; whether there is one."""
        displaced = next((connection for connection in waiting if not connection.is_sending), None)
        if displaced is None:
            LOG.warning("connections are refused, since %d are open", self._by_address.total())
            return False
        LOG.warning("waiting connections are closed, since %d are open", self._by_address.total())
        displaced.drop()
        return True

    def leave(self, connection: "BoundedProtocol") -> None:
        """Forgets a connection."""
        self.stop_waiting(connection)
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]

    def wait(self, connection: "BoundedProtocol") -> None:
        """Notes that a connection has no request."""
        self._waiting.setdefault(connection.address, {})[connection] = None

    def stop_waiting(self, connection: "BoundedProtocol") -> None:
        """Notes that a request of a connection is being answered."""
        waiting = self._waiting.get(connection.address, {})
        waiting.pop(connection, None)
        if not waiting:
            self._waiting.pop(connection.address, None)


class BoundedProtocol(cast(Any, AutoHTTPProtocol)):  # type: ignore[misc]
    """Uvicorn's HTTP protocol with bounds on the number of connections, and on the time for which they do nothing."""

    def __init__(self, connections: Connections, **options: Any) -> None:
        """Takes the connections of the server, and uvicorn's options."""
        super().__init__(**options)
        self.address = ""
        self._bounds, self._is_counted = connections, False
        self._silence, self._stall = _Timer(), _Timer()

    @property
    def is_sending(self) -> bool:
        """Whether the client has not taken all that it was sent."""
        return bool(self.transport.get_write_buffer_size())

    def connection_made(self, transport: Any) -> None:
        """Admits the connection, or answers that the app is busy."""
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._bounds.admit(self):
            transport.set_protocol(_Refused(self._bounds, transport))
            return
        self._is_counted = True
        super().connection_made(transport)
        self._silence.start(HEADER_SECONDS, self.drop)

    def data_received(self, data: bytes) -> None:
        """Takes a part of a request."""
        super().data_received(data)
        self._note_request()

    def on_response_complete(self) -> None:
        """Waits for the next request."""
        if self._is_counted:
            self._silence.start(TAKE_SECONDS, self.drop)
            self._bounds.wait(self)
        super().on_response_complete()
        self._note_request()  # that came before the answer to the last one

    def pause_writing(self) -> None:
        """Waits for the client to take what it was sent."""
        super().pause_writing()
        self._stall.start(TAKE_SECONDS, self.drop)

    def resume_writing(self) -> None:
        """Sends more."""
        self._stall.stop()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._silence.stop()
        self._stall.stop()
        self._leave()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Closes the connection at once."""
        self._leave()
        self.transport.abort()

    def _note_request(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._silence.stop()
            self._bounds.stop_waiting(self)

    def _leave(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._bounds.leave(self)


class _Refused(asyncio.Protocol):
    """Tells a client that the app is busy, and closes the connection once it knows, or after two seconds."""

    def __init__(self, connections: Connections, transport: Any) -> None:
        self._bounds, self._transport = connections, transport
        connections.lingering += 1
        transport.write(REFUSAL)
        if connections.lingering > LINGERING:
            transport.abort()
            return
        if transport.can_write_eof():
            transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Reads the request, or the system would withdraw the answer."""

    def eof_received(self) -> None:
        """Closes the connection, as the client did."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Makes room for the next."""
        self._bounds.lingering -= 1


class _Timer:
    """Does something after a while, unless it is stopped or started again."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    def start(self, seconds: float, action: Callable[[], None]) -> None:
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(seconds, action)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
