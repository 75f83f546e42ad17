"""Errors of events that no handler explains: a sentence for the visitor, and one line in the log.

Gradio prints a traceback for each, also for those that a wrong input causes in its own code, and tells the visitor
nothing.
"""

from typing import Any

import gradio as gr
from gradio_client.exceptions import AppError  # type: ignore[import-untyped]

from dcgan_hub.demo.messages import FULL_DISK, explanation, is_of_full_disk
from dcgan_hub.demo.serving.log_lines import LOG
from dcgan_hub.errors import DcganHubError

NO_MEMORY = "The app does not have the memory for this. Request less."
TOO_DEEP = "Inputs must be plain values. Received: deeply nested lists or objects. Send less."
UNEXPECTED = "The app could not do this, and its log says why. Check the inputs, or tell its operator."


def explain_errors(demo: gr.Blocks) -> None:
    """Makes the events of a page end with a sentence, whatever happens.

    The method is replaced on the object, since a subclass of `gr.Blocks` is not needed for this.
    """
    usual = demo.process_api

    async def process(*arguments: Any, **options: Any) -> Any:
        try:
            return await usual(*arguments, **options)
        except AppError:
            raise
        except Exception as error:
            if not isinstance(error, DcganHubError):
                LOG.warning("an event failed", exc_info=error)
            raise gr.Error(sentence_for(error), print_exception=False) from error

    demo.process_api = process


def sentence_for(error: Exception) -> str:
    """What a visitor is told about an error, without anything that only the operator may see."""
    if isinstance(error, DcganHubError):
        return explanation(error)
    if is_of_full_disk(error):
        return FULL_DISK
    if isinstance(error, MemoryError):
        return NO_MEMORY
    return TOO_DEEP if isinstance(error, RecursionError) else UNEXPECTED
