"""The log of all requests, and misbehaviour on demand, as a layer between the socket and the Hub."""

import asyncio
import base64
import itertools
import json
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusals import header_text

SLOW_PIECE_SECONDS = 0.05  # on a slow line, one piece in this time
SPACES = b" " * 65_536


@dataclass
class RequestRecord:
    """One request, as soon as it comes in.

    Attributes:
        method: of HTTP.
        path: as it was sent, with the query.
        holder: account of the token that came with it, if it is known.
        status: of the answer; None as long as, or if, there is none.
        received: bytes of the request's body.
        sent: bytes of the answer's body.
        range: the header of this name.
    """

    method: str
    path: str
    holder: str | None = None
    status: int | None = None
    received: int = 0
    sent: int = 0
    range: str | None = None


@dataclass
class Fault:
    """What goes wrong with the requests it fits; the first that fits is used.

    Attributes:
        path: regular expression that is searched for in the path with its query.
        method: regular expression that the whole method must match.
        times: how many requests it spoils; None for all.
        skip: how many fitting requests it lets through first.
        status: answer with this and nothing else.
        message: of that answer.
        code: its `X-Error-Code`.
        applied: with `status`, `kill` or `cut_after`, the request takes effect first; only the answer is lost.
        delay: seconds before anything happens.
        cut_after: bytes of the answer's body after which the connection is closed; 0 closes it without any answer.
        cut_upload_after: bytes of the request's body after which the connection is closed.
        bytes_per_second: speed of the line, both ways.
        body: bytes in place of the answer's body.
        corrupt: every bit of the answer's body is turned over; its length stays.
        drip: seconds between the bytes of an answer that never ends, not even its headers.
        endless: the answer's body is followed by spaces, without end.
        headers: set in the answer, or taken away where the text is empty.
        kill: the server's process kills itself; only where it is a process of its own.
    """

    path: str = ""
    method: str = ".*"
    times: int | None = None
    skip: int = 0
    status: int | None = None
    message: str = "something is wrong on purpose"
    code: str | None = None
    applied: bool = False
    delay: float = 0.0
    cut_after: int | None = None
    cut_upload_after: int | None = None
    bytes_per_second: int | None = None
    body: bytes | None = None
    corrupt: bool = False
    drip: float = 0.0
    endless: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    kill: bool = False
    over: bool = False

    def fits(self, method: str, path: str) -> bool:
        """Whether this request is to be spoilt; counts it."""
        if self.over or not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            if self.times == 0:
                return False
            self.times -= 1
        return True

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"body": None if self.body is None else base64.b64encode(self.body).decode()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Fault":
        body = content["body"]
        return cls(**{**content, "body": None if body is None else base64.b64decode(body)})


class LoggedLine:
    """ASGI middleware that logs every request, and spoils those that a fault fits.

    Args:
        application: that answers.
        log: takes a record at the start of a request; it is filled in as the request goes on.
        choose_fault: gives the fault for a method and a path, if there is one.
        holder_of: gives the account for an `authorization` header.
    """

    def __init__(
        self,
        application: ASGIApp,
        log: Callable[[RequestRecord], None],
        choose_fault: Callable[[str, str], Fault | None],
        holder_of: Callable[[str | None], str | None],
    ):
        self._application = application
        self._log = log
        self._choose_fault = choose_fault
        self._holder_of = holder_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Paths go on as they were sent: a %2F inside a revision is no separator, and what looks like a token must show.
        path = scope["raw_path"].decode("ascii")
        scope = {**scope, "path": path}
        if path.startswith("/_test/"):
            await self._application(scope, receive, send)
            return
        query = scope["query_string"].decode("ascii")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        record = RequestRecord(
            scope["method"],
            f"{path}?{query}" if query else path,
            holder=self._holder_of(headers.get("authorization")),
            range=headers.get("range"),
        )
        self._log(record)
        fault = self._choose_fault(record.method, record.path) or Fault()
        try:
            await self._answer(fault, scope, Line(fault, record, receive, send))
        except ClientDisconnect:
            pass  # clients are killed, and lines are cut

    async def _answer(self, fault: Fault, scope: Scope, line: "Line") -> None:
        await pause(fault.delay, fault)
        spoilt = fault.status is not None or fault.kill or fault.cut_after == 0
        if spoilt and fault.applied:
            await self._application(scope, line.receive, swallow)
        if fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.drip:
            await line.drip()
        elif fault.cut_after == 0:
            line.cut()
        elif fault.status is not None:
            await line.refuse()
        else:
            await self._application(scope, line.receive, line.send)


class Line:
    """One request's way in and out, over which a fault may lie."""

    def __init__(self, fault: Fault, record: RequestRecord, receive: Receive, send: Send):
        self._fault = fault
        self._record = record
        self._receive = receive
        self._send = send
        self._is_cut = False
        self._has_more = True

    def cut(self) -> None:
        """Hangs up; the application is told that the client did, and speaks to nobody from here on."""
        self._is_cut = True
        # Uvicorn has no word for this, but the object that `receive` belongs to holds the connection.
        self._receive.__self__.transport.abort()  # type: ignore[attr-defined]

    async def drip(self) -> None:
        """Sends the first header, a byte at a time, until the client has had enough."""
        transport = self._receive.__self__.transport  # type: ignore[attr-defined]
        for byte in itertools.chain(b"HTTP/1.1 200 OK\r\nX-Header: ", itertools.repeat(ord("a"))):
            if transport.is_closing() or self._fault.over:
                break
            transport.write(bytes([byte]))
            self._record.sent += 1
            await asyncio.sleep(self._fault.drip)
        self.cut()

    async def receive(self) -> Message:
        message = await self._receive()
        self._has_more = message.get("more_body", False)
        body = message.get("body", b"")
        self._record.received += len(body)
        limit = self._fault.cut_upload_after
        if limit is not None and self._record.received >= limit:
            self.cut()
            return {"type": "http.disconnect"}
        if self._fault.bytes_per_second and body:
            await pause(len(body) / self._fault.bytes_per_second, self._fault)
        return message

    async def refuse(self) -> None:
        """Answers with the fault's status, after the request's body came in."""
        while self._has_more:
            await self.receive()
        content = json.dumps({"error": self._fault.message}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(content))}
        headers["X-Error-Message"] = header_text(self._fault.message)
        if self._fault.code:
            headers["X-Error-Code"] = self._fault.code
        rows = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": self._fault.status, "headers": rows})
        body = b"" if self._record.method == "HEAD" else content
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def send(self, message: Message) -> None:
        if self._is_cut:
            return
        if message["type"] == "http.response.start":
            self._record.status = message["status"]
            await self._send({**message, "headers": self._spoilt_headers(message["headers"])})
        elif message["type"] == "http.response.body":
            more = message.get("more_body", False)
            await self._send_slowly(self._spoilt_body(message.get("body", b""), more), more)
        else:
            await self._send(message)

    def _spoilt_headers(self, rows: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in rows}
        if self._fault.body is not None and self._record.method != "HEAD":
            headers["content-length"] = str(len(self._fault.body))
        if self._fault.endless:
            headers.pop("content-length", None)
        headers |= {name.lower(): value for name, value in self._fault.headers.items()}
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items() if value]

    def _spoilt_body(self, body: bytes, more: bool) -> bytes:
        if self._fault.body is not None and self._record.method != "HEAD":
            return b"" if more else self._fault.body
        if self._fault.corrupt:
            return bytes(byte ^ 0xFF for byte in body)
        return body

    async def _send_slowly(self, body: bytes, more: bool) -> None:
        limit = self._fault.cut_after
        if limit is not None and self._record.sent + len(body) >= limit:
            await self._send_piece(body[: limit - self._record.sent], more=True)
            await asyncio.sleep(SLOW_PIECE_SECONDS)  # closing throws away what is not sent yet
            self.cut()
            return
        speed = self._fault.bytes_per_second
        piece = max(1, int(speed * SLOW_PIECE_SECONDS)) if speed else max(1, len(body))
        for start in range(0, len(body), piece):
            await self._send_piece(body[start : start + piece], more=True)
            if speed:
                await pause(piece / speed, self._fault)
        transport = self._receive.__self__.transport  # type: ignore[attr-defined]
        endless = self._fault.endless and self._record.method != "HEAD"
        while endless and not more and not self._fault.over and not transport.is_closing():
            await self._send_piece(SPACES, more=True)
            await asyncio.sleep(0)
        if not more:
            await self._send_piece(b"", more=False)

    async def _send_piece(self, body: bytes, more: bool) -> None:
        self._record.sent += len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


async def swallow(message: Message) -> None:
    """Takes the answer of a request whose sender shall not see it."""


async def pause(seconds: float, fault: Fault) -> None:
    """Waits, but not longer than until the fault is taken back."""
    end = time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0 and not fault.over:
        await asyncio.sleep(min(rest, SLOW_PIECE_SECONDS))
