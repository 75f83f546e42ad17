"""Inputs whose values our own functions judge; see `demo/validation.py`."""

from typing import Any, TypeVar

from gradio.components import Component

AnyComponent = TypeVar("AnyComponent", bound=Component)


def as_sent(component: AnyComponent) -> AnyComponent:
    """Lets an input hand on what was sent; its bounds and choices are those of the control only.

    Gradio's own checks know less than ours, and write a traceback to the log for every visitor's slip. The method is
    replaced on the object, because Gradio writes a .pyi file beside the source of every subclass of a component.
    """
    component.preprocess = _unchanged
    return component


def _unchanged(payload: Any) -> Any:
    return payload
