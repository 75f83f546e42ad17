"""Checks requests before any event handler sees them: size, form and path.

Without this, Gradio logs tracebacks for malformed requests, and accepts uploads, which this app does not need.
"""

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import gradio as gr
from fastapi import Request
from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError
from gradio_client.utils import is_file_obj_with_meta, traverse  # type: ignore[import-untyped]
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

MAX_BODY_BYTES = 256_000
UPLOADS = ("/upload", "/gradio_api/upload")
NO_UPLOADS = "This app does not accept files."
TOO_LARGE = f"A request may have at most {MAX_BODY_BYTES:,} bytes. Send less."
NO_ENDPOINT = "The endpoint must be one of those that /gradio_api/info lists, with the inputs given there."
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class RequestLimits:
    """ASGI middleware that rejects uploads and large bodies."""

    def __init__(self, app: Any) -> None:
        """Takes the wrapped app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if scope["path"].rstrip("/").endswith(UPLOADS):
            await _refuse(send, 403, NO_UPLOADS)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                await _refuse(send, 413, TOO_LARGE)
                return
            if not message.get("more_body"):
                break
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> MutableMapping[str, Any]:
            # After the body the app only waits for a disconnect.
            return next(messages, None) or await receive()

        await self._app(scope, replay, send)


class CompressedPage:
    """ASGI middleware that compresses the page itself, the largest part of a visit, which Gradio sends as it is."""

    def __init__(self, app: Any) -> None:
        """Takes the wrapped app."""
        self._app, self._compressing = app, GZipMiddleware(app, minimum_size=1000, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        is_page = scope["type"] == "http" and scope["path"] in ("", "/")
        await (self._compressing if is_page else self._app)(scope, receive, send)


def app_options() -> dict[str, Any]:
    """Options for Gradio's underlying FastAPI application."""
    malformed = (
        FnIndexInferError,
        KeyError,
        TypeError,
    )  # raised by Gradio's routes for unknown names and inputs
    return {
        "middleware": [Middleware(RequestLimits), Middleware(CompressedPage)],
        "exception_handlers": dict.fromkeys(malformed, _explain_malformed),
    }


def check_inputs(demo: gr.Blocks) -> None:
    """Makes a page reject events with missing inputs, or with files, with a clear message.

    The method is replaced on the object, since a subclass of `gr.Blocks` is not needed for this.
    """

    def validate(block_fn: Any, inputs: list[Any]) -> None:
        wanted, received = len(block_fn.inputs), len(inputs)
        if received < wanted:
            raise gr.Error(f"{wanted} inputs are required. Received: {received}. {NO_ENDPOINT}", print_exception=False)
        files: list[Any] = []
        traverse(inputs, files.append, is_file_obj_with_meta)
        if files:
            raise gr.Error(NO_UPLOADS, print_exception=False)

    demo.validate_inputs = validate


async def _explain_malformed(request: Request, error: Exception) -> JSONResponse:
    logging.getLogger(__name__).warning("refused %s: %s", request.url.path[:100], type(error).__name__)
    return JSONResponse({"detail": NO_ENDPOINT}, status_code=400)


async def _refuse(send: Send, status: int, words: str) -> None:
    content = json.dumps({"detail": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
