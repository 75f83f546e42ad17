"""Reconstructs the settings of a run from the facts of its bundle, and the command that trains it again."""

import shlex
from typing import Any

from dcgan_hub.bundle.format import BundleFacts, DatasetFacts
from dcgan_hub.bundle.markdown import one_line
from dcgan_hub.bundle.origin import OriginFacts
from dcgan_hub.errors import SettingsError
from dcgan_hub.images.sources.hub_names import parse_hub_name
from dcgan_hub.presets import field_by_name, flat_values, make_settings
from dcgan_hub.settings import DURATIONS, NetworkSettings, Settings, TrainingSettings
from dcgan_hub.settings_fields import format_image_size, option_of, settable_fields

OPTIONAL_FACTS = ("value_range", "label_column", "classes", "class_sampling")  # of `DataSettings`
MAX_LINE_LENGTH = 100  # of a command; a longer one gets a line per option


def run_settings(facts: BundleFacts) -> Settings | None:
    """The settings of the run, with the steps completed as its length; None if the facts are incomplete.

    `data` is the Hub id of the dataset if there is one, else its name.
    """
    training, dataset = facts.training, facts.dataset
    names = [name for name in TrainingSettings().to_dict() if name not in DURATIONS]
    if dataset is None or not {"preset", "fit", "step", *names} <= set(training):
        return None
    data = _name_of_hub_data(dataset) or one_line(dataset.short_name)
    values = {name: training[name] for name in (*names, "fit")}
    values |= {"classes": "folders"} if facts.network.classes else {}
    values |= {name: training[name] for name in OPTIONAL_FACTS if name in training}
    values |= {"data": f"./{data}" if data.startswith("-") else data, "steps": training["step"]}
    try:
        return make_settings(training["preset"], _settable(facts.network) | values)
    except SettingsError:
        return None


def _settable(network: NetworkSettings) -> dict[str, Any]:
    values = network.values()
    return {item.name: values[item.name] for item in settable_fields(NetworkSettings)}


def _name_of_hub_data(dataset: DatasetFacts) -> str | None:
    """The Hub id with the revision, subset and split that the dataset's name has; None for what is not of the Hub."""
    if dataset.hub_id is None:
        return None
    whole = parse_hub_name(f"{dataset.hub_id.partition('/')[0]}/{dataset.short_name}")
    return str(whole) if whole and whole.repo_id == dataset.hub_id else dataset.hub_id


def training_command(settings: Settings, origin: OriginFacts | None = None) -> str:
    """The shortest `dcgan-hub train` command with these settings; a long one is split into a line per option."""
    options = [f"--data {shlex.quote(settings.data.data)}", f"--preset {settings.preset}"]
    needed = _beyond_preset(settings)
    if origin is not None:
        options.append(_word("--start-from", shlex.quote(one_line(origin.source))))
        needed = _origin_sets(settings) | needed
    options += [_option(name, value) for name, value in needed.items()]
    line = " ".join(["dcgan-hub train", *options])
    return line if len(line) <= MAX_LINE_LENGTH else " \\\n    ".join(["dcgan-hub train", *options])


def _origin_sets(settings: Settings) -> dict[str, Any]:
    """The settings that are by default those of an origin."""
    network = {name: value for name, value in settings.network.to_dict().items() if value is not None}
    training = settings.training
    return network | {"batch_deviation": training.batch_deviation, "learning_rate": training.learning_rate}


def _beyond_preset(settings: Settings) -> dict[str, Any]:
    """The settings that the command must include beside data and preset, since they differ from what these imply."""
    wanted = _flat(settings)
    given = {name: wanted[name] for name in _differing(wanted, {}, settings.preset) if name != "depth"}
    try:
        rest = _differing(wanted, given, settings.preset)
    except SettingsError:  # the automatic depth does not fit the other settings
        rest = ["depth"]
    return given | {name: wanted[name] for name in rest}


def _differing(wanted: dict[str, Any], given: dict[str, Any], preset: str) -> list[str]:
    implied = _flat(make_settings(preset, given))
    return [name for name, value in wanted.items() if value is not None and value != implied[name]]


def _flat(settings: Settings) -> dict[str, Any]:
    return {name: value for name, value in flat_values(settings).items() if name != "data"}


def _option(name: str, value: Any) -> str:
    option = option_of(field_by_name()[name][1])
    if isinstance(value, bool):
        return option if value else option.replace("--", "--no-", 1)
    text = format_image_size(tuple(value)) if isinstance(value, list) else shlex.quote(str(value))
    return _word(option, text)


def _word(option: str, text: str) -> str:
    return f"{option}={text}" if text.startswith("-") else f"{option} {text}"  # else it would be read as an option
