"""Inputs that are validated by our own functions instead of Gradio; see `demo/validation.py`."""

from typing import Any, TypeVar

from gradio.components import Component

AnyComponent = TypeVar("AnyComponent", bound=Component)


def as_sent(component: AnyComponent) -> AnyComponent:
    """Lets an input pass its value unchecked; its bounds and choices then apply only to the control on the page.

    Gradio's own checks are less specific than ours, and log a traceback for every invalid value. The method is replaced
    on the object, since Gradio writes a .pyi file beside the source of every component subclass.
    """
    component.preprocess = _unchanged
    return component


def _unchanged(payload: Any) -> Any:
    return payload
