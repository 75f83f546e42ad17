"""Dynamic loss scaling for float16, in which small gradients would become 0, by Keras' `LossScaleOptimizer`.

Micikevicius et al. 2018, "Mixed Precision Training", section 3.2. A step whose gradients overflow updates nothing and
halves the scale. The functions here take any optimizer.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

LOWEST_SCALE = 1.0  # below it, gradients that are not finite have another reason than the scale


def scaled_for(precision: str, optimizer: keras.Optimizer) -> keras.Optimizer:
    """The optimizer, with loss scaling where layers compute in this precision."""
    if precision != "float16":
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer, name=optimizer.name)


def unscaled(optimizer: keras.Optimizer, values: Any) -> Any:
    """Gradients of a loss that `optimizer.scale_loss` has scaled, as those of the loss itself; or their norm."""
    scale = optimizer.scale_loss(1.0)  # also of an optimizer with a fixed `loss_scale_factor`
    return values if isinstance(scale, float) and scale == 1.0 else values / scale


def counts(optimizer: keras.Optimizer, norm: Any) -> Any:
    """Whether the norm of a step's gradients counts: 1.0, or 0.0 if they overflowed because the scale was too large.

    None without dynamic scaling, where every norm counts.
    """
    if not _scales(optimizer):
        return None
    is_too_low = ops.convert_to_tensor(optimizer.dynamic_scale) < LOWEST_SCALE
    return ops.cast(ops.logical_or(ops.isfinite(norm), is_too_low), "float32")


def state_of(optimizer: keras.Optimizer) -> Iterator[tuple[str, Any]]:
    """Names and variables of an optimizer's state: those of the optimizer itself, then those of the scale."""
    inner = optimizer.inner_optimizer if _scales(optimizer) else optimizer
    for variable in inner.variables:
        yield variable.name, variable
    if _scales(optimizer):
        yield "loss_scale", optimizer.dynamic_scale
        yield "steps_at_loss_scale", optimizer.step_counter


def _scales(optimizer: keras.Optimizer) -> bool:
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
