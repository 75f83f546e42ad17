"""The facts of a bundle as readable strings, for the model card and the app.

The facts are untrusted. Values of an unexpected type are left out, but strings can have any length and content, so the
caller must truncate and escape them.
"""

from dataclasses import dataclass
from typing import Any

from dcgan_hub.bundle.format import BundleFacts

KINDS = {1: "gray", 3: "color", 4: "color and transparency"}


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is known of a generator; a field is empty or 0 if unknown."""

    kind: str
    channels: str
    latent_vector: str
    classes: str
    class_names: list[str]
    generator_parameters: str
    discriminator_parameters: str
    dataset_images: str
    steps: str
    batch: str
    images_seen: str
    seconds: float
    images_per_second: str
    hardware: list[str]
    precision: str
    preset: str
    versions: list[str]


def describe_facts(facts: BundleFacts) -> Description:
    """Formats the facts of a generator."""
    network, training = facts.network, facts.training
    speed = _positive(training.get("images_per_second"))
    return Description(
        kind=KINDS[network.channels],
        channels=_counted(network.channels, "channel"),
        latent_vector=_counted(network.latent_dim, "number"),
        classes=f"{network.classes:,}" if network.classes else "",
        class_names=list(facts.class_names),
        generator_parameters=_count(network.generator_parameters),
        discriminator_parameters=_count(object_or_empty(training.get("parameters")).get("discriminator")),
        dataset_images=_counted(facts.dataset.count, "image") if facts.dataset else "",
        steps=_count(training.get("step")),
        batch=_counted(training.get("batch_size"), "image"),
        images_seen=_count(training.get("images_seen")),
        seconds=_positive(training.get("seconds")),
        images_per_second=f"{speed:,.4g}" if speed else "",
        hardware=_hardware(object_or_empty(training.get("hardware"))),
        precision=_text(training.get("precision")),
        preset=_text(training.get("preset")),
        versions=[f"{name} {version}" for name, version in facts.versions.items()],
    )


def object_or_empty(value: Any) -> dict[str, Any]:
    """The value if it is a dictionary, else an empty dictionary."""
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> str:
    return f"{value:,}" if type(value) is int and value >= 0 else ""


def _counted(value: Any, thing: str) -> str:
    number = _count(value)
    return number and f"{number} {thing}{'' if value == 1 else 's'}"


def _positive(value: Any) -> float:
    return value if type(value) in (int, float) and 0 < value < 2**53 else 0.0


def _hardware(hardware: dict[str, Any]) -> list[str]:
    gpus = hardware.get("gpus")
    texts = [hardware.get("processor"), _counted(hardware.get("cores"), "core")]
    texts += [*(gpus if isinstance(gpus, list) else []), hardware.get("system")]
    return [text for text in texts if isinstance(text, str) and text]
