"""Checks requests before any event handler sees them: host, size, form and path.

Without this, Gradio logs tracebacks for malformed requests, and accepts uploads, which this app does not need.
"""

from typing import Any

import gradio as gr
from fastapi import Request
from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError
from gradio_client.utils import is_file_obj_with_meta, traverse  # type: ignore[import-untyped]
from starlette.middleware import Middleware

from dcgan_hub.demo.admission import Busy
from dcgan_hub.demo.gradio_patches.asset_hints import HintedPage
from dcgan_hub.demo.gradio_patches.housekeeping import kept_in_bounds
from dcgan_hub.demo.serving.hosts import HostCheck, Hosts
from dcgan_hub.demo.serving.log_lines import LOG
from dcgan_hub.demo.serving.requests import NO_UPLOADS, CompressedPage, RequestLimits, SideRequests, Streams

NO_ENDPOINT = "The endpoint must be one of those that /gradio_api/info lists, with the inputs given there."


def app_options(demo: gr.Blocks, hosts: Hosts, connections: int) -> dict[str, Any]:
    """Options for Gradio's underlying FastAPI application.

    Args:
        demo: the page that it serves.
        hosts: the names under which it answers.
        connections: how many it may have.
    """
    malformed = (
        FnIndexInferError,
        KeyError,
        TypeError,
    )  # raised by Gradio's routes for unknown names and inputs
    return {
        "middleware": [
            Middleware(HostCheck, hosts=hosts),
            Middleware(Streams, connections=connections),
            Middleware(RequestLimits),
            Middleware(SideRequests),
            Middleware(CompressedPage),
            Middleware(HintedPage, demo=demo),
        ],
        "lifespan": kept_in_bounds,
        "exception_handlers": {**dict.fromkeys(malformed, _explain_malformed), Busy: _explain_busy},
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
    LOG.warning("refused %s: %s", request.url.path[:100], type(error).__name__)
    return JSONResponse({"detail": NO_ENDPOINT}, status_code=400)


async def _explain_busy(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503, headers={"retry-after": "1"})
