"""Presets, and how settings are assembled from a preset, a settings file and single values."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from dcgan_hub.errors import SettingsError
from dcgan_hub.settings import DURATIONS, SECTION_NAMES, SECTIONS, Settings
from dcgan_hub.settings_fields import CheckedSettings, settable_fields, unknown_setting

# What each preset changes from the defaults in settings.py. An image size and channels given by the user or found in
# the data take precedence. Reasons and measurements: docs/experiments.md.
PRESETS: dict[str, dict[str, Any]] = {
    "mnist-28": {
        "image_size": (28, 28), "latent_dim": 64, "filters": 48, "generator_normalization": "modulated",
        "batch_size": 64, "learning_rate_decay_steps": 4000, "checkpoint_every": 1000, "steps": 10_000,
    },
    "avatars-32": {
        "image_size": (32, 32), "latent_dim": 128, "filters": 32, "generator_normalization": "modulated",
        "batch_size": 32, "learning_rate_decay_steps": 4000, "checkpoint_every": 1000, "steps": 15_000,
    },
    "dcgan-64-light": {
        "image_size": (64, 64), "latent_dim": 128, "filters": 16, "generator_normalization": "modulated",
        "palette_size": 8, "batch_size": 32, "learning_rate": 3e-3, "learning_rate_decay_steps": 4000, "r1_gamma": 3.0,
        "checkerboard_constraint": True, "augmentation_color_after": 160_000, "checkpoint_every": 1000,
        "precision": "float32", "steps": 40_000,
    },
    "dcgan-64": {
        "image_size": (64, 64), "latent_dim": 128, "filters": 64, "generator_normalization": "modulated",
        "batch_size": 64, "learning_rate": 1e-3, "learning_rate_decay_steps": 5000, "steps": 50_000,
    },
    "dcgan-64-classic": {
        "image_size": (64, 64), "latent_dim": 100, "filters": 64, "max_filters": 1024, "batch_size": 128,
        "discriminator_normalization": "batch", "r1_gamma": 0.0, "augmentation": "none", "learning_rate": 2e-4,
        "beta_2": 0.999, "steps": 25_000,
    },
    "dcgan-128": {
        "image_size": (128, 128), "latent_dim": 128, "filters": 32, "generator_normalization": "modulated",
        "batch_size": 32, "learning_rate": 1e-3, "learning_rate_decay_steps": 5000, "steps": 60_000,
    },
}  # fmt: skip


def field_by_name() -> dict[str, tuple[type[CheckedSettings], dataclasses.Field[Any]]]:
    """Every setting that users can set by its name, which is unique across sections, with its section."""
    return {item.name: (section, item) for section in SECTIONS for item in settable_fields(section)}


def make_settings(preset: str, values: dict[str, Any]) -> Settings:
    """Builds settings from a preset and the values that override it.

    Args:
        preset: a key of `PRESETS`.
        values: flat, by field name, e.g. {"data": "./anime", "batch_size": 64}; they take precedence over the preset.

    Raises:
        SettingsError: for an unknown preset or name, or an invalid value.
    """
    if not isinstance(preset, str) or preset not in PRESETS:
        raise SettingsError(
            f"`preset` must be one of {', '.join(PRESETS)}. Received: preset={preset!r}. Try dcgan-64-light."
        )
    known = field_by_name()
    merged = PRESETS[preset] | values
    if merged.get("loss") == "wasserstein" and "r1_gamma" not in values:
        merged.pop("r1_gamma", None)  # it has another penalty
    if any(values.get(name) is not None for name in DURATIONS):  # replaces the preset's length
        merged |= {name: values.get(name) for name in DURATIONS}
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTION_NAMES}
    for name, value in merged.items():
        if name not in known:
            raise unknown_setting(name, set(known), "the settings")
        sections[known[name][0].section][name] = value
    return Settings.from_dict({"preset": preset, **sections})


def flat_values(settings: Settings) -> dict[str, Any]:
    """The settings that users can set as plain values by name: what `make_settings` takes."""
    sections = {section: getattr(settings, section.section).values() for section in SECTIONS}
    return {name: sections[section][name] for name, (section, _) in field_by_name().items()}


def read_settings_file(path: Path) -> dict[str, Any]:
    """Reads a TOML settings file into flat values by field name (and `preset`).

    Raises:
        SettingsError: if the file is missing, is not TOML, or names an unknown section or setting.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"The settings file must exist. Received: --config {path}. Check the path.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"The settings file must be TOML. Received: {path}: {error}.") from error
    values: dict[str, Any] = {}
    if "preset" in document:
        values["preset"] = document.pop("preset")
    for name, content in document.items():
        if name not in SECTION_NAMES or not isinstance(content, dict):
            raise unknown_setting(name, {"preset", *SECTION_NAMES}, f"the top level of {path}")
        section = SECTIONS[SECTION_NAMES.index(name)]
        known = {item.name for item in settable_fields(section)}
        for key in content:
            if key not in known:
                raise unknown_setting(key, known, f"[{name}] of {path}")
        values |= content
    return values
