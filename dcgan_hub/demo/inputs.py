"""Inputs whose values our own functions judge."""

from typing import Any, TypeVar

from gradio.components import Component

from dcgan_hub.errors import SettingsError

AnyComponent = TypeVar("AnyComponent", bound=Component)


def as_sent(component: AnyComponent) -> AnyComponent:
    """Lets an input hand on what was sent; its bounds and choices are those of the control only.

    Gradio's own checks know less than ours, and write a traceback to the log for every visitor's slip. The method is
    replaced on the object, because Gradio writes a .pyi file beside the source of every subclass of a component.
    """
    component.preprocess = _unchanged
    return component


def whole_number(name: str, value: Any, minimum: int, maximum: int) -> int:
    """The value as an integer.

    Raises:
        SettingsError: if it is none, or out of bounds.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value != value // 1 or not minimum <= value <= maximum:
        raise SettingsError(
            f"`{name}` must be a whole number from {minimum} to {maximum}. Received: {value!r}. Try {max(minimum, 1)}."
        )
    return int(value)


def _unchanged(payload: Any) -> Any:
    return payload
