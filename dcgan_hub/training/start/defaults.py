"""The settings of a run that starts from a published generator. Imports no Keras."""

from typing import Any

from dcgan_hub.bundle.discriminator import has_batch_deviation
from dcgan_hub.errors import SettingsError
from dcgan_hub.network_settings import NetworkSettings
from dcgan_hub.presets import PRESETS
from dcgan_hub.runs.origin import Origin
from dcgan_hub.settings import TrainingSettings

FINE_TUNING_FACTOR = 0.5  # of the rates of an origin that comes with its discriminator: docs/experiments.md
RATES = ("learning_rate", "generator_learning_rate", "discriminator_learning_rate")


def origin_defaults(origin: Origin, given: dict[str, Any]) -> dict[str, Any]:
    """Settings of both networks and their learning rates, by name: from the origin, but for those `given` by the user.

    With another image size the number of stages stays, so that all convolutions fit, unless it is impossible there.
    """
    own = {name: value for name, value in origin.network.values().items() if name != "classes"}  # the images decide
    values = own | {name: given[name] for name in own if name in given}
    if "depth" not in given and not _is_valid(values):
        values["depth"] = None
    deviation = given.get("batch_deviation", has_batch_deviation(origin.training))
    return values | {"batch_deviation": deviation} | ({} if any(name in given for name in RATES) else _rates(origin))


def preset_of(origin: Origin) -> str | None:
    """The preset that an origin was trained with; None if it is unknown."""
    preset = origin.training.get("preset")
    return preset if isinstance(preset, str) and preset in PRESETS else None


def _rates(origin: Origin) -> dict[str, Any]:
    """The rates that the origin was trained with, which suit its width; none where they cannot be rates.

    Half of them if the discriminator has been trained, too, unless the origin was itself fine-tuned at such rates.
    """
    factor = FINE_TUNING_FACTOR if origin.discriminator is not None and not origin.training.get("start") else 1.0
    rates = {name: origin.training[name] for name in RATES if origin.training.get(name) is not None}
    try:
        TrainingSettings(**rates)
    except SettingsError:
        return {}
    return {name: factor * rate for name, rate in rates.items()}


def _is_valid(network: dict[str, Any]) -> bool:
    try:
        NetworkSettings.from_dict(network)
    except SettingsError:
        return False
    return True
