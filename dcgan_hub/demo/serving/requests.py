"""Bounds on requests: size, form and time of what is sent, and how many are answered beside Gradio's queue.

Each class is ASGI middleware (asgi.readthedocs.io).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from starlette.middleware.gzip import GZipMiddleware

from dcgan_hub.demo.admission import BUSY

MAX_BODY_BYTES = 256_000
BODY_SECONDS = 10.0  # in which a body must arrive
NO_FILES = (
    "/upload",
    "/process_recording",
    "/deep_link",
)  # routes of Gradio that write files, which no page of ours uses
BESIDE_QUEUE = "/component_server"  # calls the server functions of components, at once and without limit
AT_ONCE, WAITING = 8, 100  # requests beside the queue
STREAMS = ("/heartbeat/", "/queue/data", "/call/", "/upload_progress", "/mcp")  # in paths of answers that may last
STREAMED = 3 / 4  # of all connections
NO_UPLOADS = "This app does not accept files."
TOO_LARGE = f"A request may have at most {MAX_BODY_BYTES:,} bytes. Send less."
TOO_SLOW = f"A request must arrive within {BODY_SECONDS:g} seconds. Send it at once."
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class RequestLimits:
    """Rejects uploads, and bodies that are large or slow."""

    def __init__(self, app: Any) -> None:
        """Takes the wrapped app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _brings_files(scope):
            await refuse(send, 403, NO_UPLOADS)
        elif scope["method"] != "POST":
            await self._app(scope, receive, send)
        else:
            await self._handle_body(scope, receive, send)

    async def _handle_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(receive)
        except TimeoutError:
            await refuse(send, 408, TOO_SLOW)
            return
        if body is None:  # the client has left
            return
        if len(body) > MAX_BODY_BYTES:
            await refuse(send, 413, TOO_LARGE)
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            # After the body the app only waits for a disconnect.
            return next(messages, None) or await receive()

        await self._app(scope, replay, send)


class SideRequests:
    """Answers a few requests beside Gradio's queue at a time, until the client has received the answer."""

    def __init__(self, app: Any) -> None:
        """Takes the wrapped app."""
        self._app = app
        self._places, self._waiting = asyncio.Semaphore(AT_ONCE), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or not scope["path"].rstrip("/").endswith(BESIDE_QUEUE):
            await self._app(scope, receive, send)
            return
        if self._waiting >= WAITING:
            await refuse_for_now(send)
            return
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            await self._app(scope, receive, _until_sent(send))
        finally:
            self._places.release()


class Streams:
    """Keeps connections free for short requests: answers that last as long as a client wants have most, not all."""

    def __init__(self, app: Any, connections: int) -> None:
        """Takes the wrapped app, and how many connections there may be."""
        self._app = app
        self._places = int(STREAMED * connections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        lasts = scope["type"] == "http" and scope["method"] == "GET" and any(part in scope["path"] for part in STREAMS)
        if not lasts:
            await self._app(scope, receive, send)
        elif self._places <= 0:
            await refuse_for_now(send)
        else:
            self._places -= 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._places += 1


class CompressedPage:
    """Compresses the page itself, the largest part of a visit, which Gradio sends as it is."""

    def __init__(self, app: Any) -> None:
        """Takes the wrapped app."""
        self._app, self._compressing = app, GZipMiddleware(app, minimum_size=1000, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        is_page = scope["type"] == "http" and scope["path"] in ("", "/")
        await (self._compressing if is_page else self._app)(scope, receive, send)


async def refuse(send: Send, status: int, words: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Answers with an error, as JSON with "detail"."""
    content = json.dumps({"detail": words}).encode()
    described = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*described, *headers]})
    await send({"type": "http.response.body", "body": content})


async def refuse_for_now(send: Send) -> None:
    """Answers that the app is busy."""
    await refuse(send, 503, BUSY, [(b"retry-after", b"1")])


def _brings_files(scope: Scope) -> bool:
    kind = next((value for name, value in scope["headers"] if name.lower() == b"content-type"), b"")
    return scope["path"].rstrip("/").endswith(NO_FILES) or kind.lower().startswith(b"multipart/")


async def _read_body(receive: Receive) -> bytes | None:
    """The body, or its beginning if it is too large; None if the client has left."""
    body = bytearray()
    while len(body) <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)


def _until_sent(send: Send) -> Send:
    """Sends the end of an answer apart, for which the server waits until the client has received most of the rest."""

    async def sending(message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body"):
            await send(message)
            return
        await send({**message, "more_body": True})
        await send({"type": "http.response.body"})

    return sending
