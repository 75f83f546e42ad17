"""Checks of what `Generator.generate` is given. N latents, Z dimensions."""

from typing import Any

import numpy as np

from dcgan_hub.errors import SettingsError, shorten

MAX_TRUNCATION = 2.0


def checked_latents(latents: Any, latent_dim: int) -> np.ndarray:
    """The latents as float32 (N, Z); raises SettingsError unless they are finite numbers of this shape."""
    try:
        checked = np.asarray(latents, dtype=np.float32)
        is_finite = np.isfinite(checked).all()
        if checked.ndim == 2 and checked.shape[1] == latent_dim and is_finite:
            return checked
        received = f"shape {checked.shape}{'' if is_finite else ' with NaN or infinity'}"
    except (TypeError, ValueError, OverflowError):
        received = f"{shorten(repr(latents))}, which is not an array of numbers"
    raise SettingsError(
        f"`latents` must be finite numbers of shape (N, {latent_dim}). Received: {received}. "
        "Get them from generator.latents(seeds)."
    )


def checked_truncation(truncation: Any) -> float:
    """The factor as a float; raises SettingsError unless it is a number above 0 and at most 2."""
    number = isinstance(truncation, int | float | np.floating) and not isinstance(truncation, bool)
    if not number or not 0.0 < truncation <= MAX_TRUNCATION:
        raise SettingsError(
            f"`truncation` must be above 0 and at most {MAX_TRUNCATION:g}. Received: {truncation!r}. Try 0.7."
        )
    return float(truncation)
