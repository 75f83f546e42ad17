"""Gradio's server with bounded connections; `launch` has no options for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from gradio import http_server

from dcgan_hub.demo.serving.connections import BACKLOG, BoundedProtocol, Connections


@contextmanager
def bounded_server(most: int) -> Iterator[None]:
    """Servers that Gradio starts in this context have at most this number of connections, and no WebSockets."""
    usual: Any = http_server.Server

    class BoundedServer(usual):
        def __init__(self, config: Any, *arguments: Any, **options: Any) -> None:
            config.http, config.ws, config.backlog = partial(BoundedProtocol, Connections(most)), "none", BACKLOG
            super().__init__(config, *arguments, **options)

    http_server.Server = BoundedServer
    try:
        yield
    finally:
        http_server.Server = usual
