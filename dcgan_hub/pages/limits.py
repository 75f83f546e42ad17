"""Limits of networks as data for the page's scripts, which check foreign models by them."""

import types
from dataclasses import Field
from typing import Any

from dcgan_hub.errors import BundleError
from dcgan_hub.network_settings import (
    MAX_BASE_PIXELS,
    MAX_CLASSES,
    MAX_IMAGE_SIDE,
    MAX_PALETTE_SIZE,
    MIN_CLASSES,
    MIN_IMAGE_SIDE,
    MIN_PALETTE_SIZE,
    NetworkSettings,
)
from dcgan_hub.settings_fields import settable_fields

MAX_PAGE_PARAMETERS = 10_000_000  # twice as many as in the largest preset: 23 MB of a page, 40 MB of a worker
MAX_PAGE_FEATURE_MAP = 2**23  # values; 32 MB of a worker


def page_limits() -> dict[str, Any]:
    """The limits of the settings that all networks have, and of what is computed from them, as plain values."""
    written_fields = [item for item in settable_fields(NetworkSettings) if not item.metadata.get("unwritten")]
    return {
        "fields": {item.name: _field_limits(item) for item in written_fields},
        "classes": {"minimum": MIN_CLASSES, "maximum": MAX_CLASSES},
        "palette": {"minimum": MIN_PALETTE_SIZE, "maximum": MAX_PALETTE_SIZE},
        "basePixels": MAX_BASE_PIXELS,
        "parameters": MAX_PAGE_PARAMETERS,
        "featureMap": MAX_PAGE_FEATURE_MAP,
    }


def check_fits_page(network: NetworkSettings) -> None:
    """Raises BundleError if a page would take too much memory."""
    counts = (
        ("parameters", network.generator_parameters, MAX_PAGE_PARAMETERS),
        ("values in a feature map", network.largest_feature_map, MAX_PAGE_FEATURE_MAP),
    )
    for what, received, most in counts:
        if received > most:
            raise BundleError(
                f"A page is made for generators of at most {most:,} {what}, so that phones can draw it. Received: "
                f"{received:,}. Show it with `dcgan-hub app` or `dcgan-hub space` instead."
            )


def _field_limits(item: Field[Any]) -> dict[str, Any]:
    if item.name == "image_size":
        return {"minimum": MIN_IMAGE_SIDE, "maximum": MAX_IMAGE_SIDE}
    limits = {name: item.metadata[name] for name in ("choices", "minimum", "maximum") if name in item.metadata}
    accepted = item.type.__args__ if isinstance(item.type, types.UnionType) else (item.type,)
    return limits | {"fraction": float in accepted, "optional": types.NoneType in accepted}
