"""The HTTP server around a `LocalHub`."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from . import api, commits, content
from .faults import Fault, LoggedLine
from .hub import LocalHub
from .refusals import Refusal, header_text, unknown_repository

START_SECONDS = 30
ONE_NAME = re.compile(r"/api/(models|datasets|spaces)/[^/]+(/(revision|tree|refs|auth-check)(/.*)?)?$|/[^/]+/resolve/")

# How another process orders faults and reads the log. The server listens on loopback only.
control = APIRouter(prefix="/_test")


@control.post("/misbehave")
def misbehave(request: Request, fault: dict[str, Any]) -> Response:
    request.app.state.hub.add_fault(Fault.from_json(fault))
    return Response()


@control.post("/behave")
def behave(request: Request) -> Response:
    request.app.state.hub.behave()
    return Response()


@control.get("/requests")
def requests(request: Request) -> list[dict[str, Any]]:
    return [asdict(record) for record in request.app.state.hub.requests]


@control.delete("/requests")
def forget_requests(request: Request) -> Response:
    request.app.state.hub.forget_requests()
    return Response()


def refused(request: Request, refusal: Refusal) -> JSONResponse:
    return JSONResponse({"error": refusal.message}, refusal.status, refusal.headers)


def not_spoken(request: Request, error: HTTPException) -> JSONResponse:
    """What no route fits: a name without a namespace, which the Hub has not, or something that is missing here."""
    path = request.scope["path"]
    if ONE_NAME.match(path):
        return refused(request, unknown_repository("authorization" in request.headers))
    message = f"The local Hub of the tests does not know {request.method} {path}"
    return JSONResponse({"error": message}, error.status_code, {"X-Error-Message": header_text(message)})


def build_application(hub: LocalHub) -> ASGIApp:
    """The ASGI application that serves `hub`."""
    application = FastAPI(openapi_url=None)
    application.state.hub = hub
    application.add_middleware(CORSMiddleware, allow_origins=["*"], expose_headers=["X-Repo-Commit"])  # as the Hub
    application.add_exception_handler(Refusal, refused)  # type: ignore[arg-type]
    application.add_exception_handler(HTTPException, not_spoken)  # type: ignore[arg-type]
    for module in (control, content.router, commits.router, api.router):
        application.include_router(module)
    return LoggedLine(application, hub.log, hub.choose_fault, hub.holder_of)


def build_server(hub: LocalHub) -> uvicorn.Server:
    """Uvicorn, which writes to the standard error output only what is a mistake in here."""
    return uvicorn.Server(
        uvicorn.Config(
            build_application(hub),
            http="h11",  # `Line.cut` relies on it, and on that it sends headers at once
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            timeout_keep_alive=600,  # or a client could ask on a connection at the moment it is closed
            timeout_graceful_shutdown=1,
        )
    )


def loopback_socket(port: int = 0) -> socket.socket:
    """A socket bound to a free or to the given port of 127.0.0.1; it refuses connections until it is served."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def address_of(listener: socket.socket) -> str:
    return "http://{}:{}".format(*listener.getsockname())


@contextmanager
def serve(hub: LocalHub, listener: socket.socket | None = None) -> Iterator[str]:
    """Serves a Hub from a thread of this process.

    A test that measures the speed of something else takes `HubProcess` instead: the thread shares this process' lock.

    Args:
        hub: to serve.
        listener: bound socket, which is closed at the end; without one, a free port is taken.

    Yields:
        The address, "http://127.0.0.1:port".
    """
    listener = listener or loopback_socket()
    address = address_of(listener)
    server = build_server(hub)
    thread = threading.Thread(target=server.run, args=([listener],), name="local-hub")
    thread.start()
    try:
        end = time.monotonic() + START_SECONDS
        while not server.started:
            assert thread.is_alive() and time.monotonic() < end, "the local Hub did not start"
            time.sleep(0.01)
        yield address
    finally:
        hub.behave()
        server.should_exit = True
        thread.join()
