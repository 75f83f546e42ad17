"""Copies what fits from the weights of a published generator, and of its discriminator, to a model."""

from dataclasses import dataclass

import keras
import numpy as np

from dcgan_hub.bundle.weights import named_variables
from dcgan_hub.errors import SettingsError
from dcgan_hub.runs.origin import Arrays, Origin
from dcgan_hub.training.dcgan import DCGAN

MAX_NAMED = 2  # weights in a sentence


@dataclass(frozen=True)
class Fit:
    """The weights of a network, by name: those that an origin has in the same shape, and the others."""

    taken: tuple[str, ...]
    fresh: tuple[str, ...]

    def describe(self, network: str) -> str:
        """In a few words, such as "28 of 30 weights of its generator (new: project/kernel)"."""
        count = len(self.taken) + len(self.fresh)
        if not self.taken:
            return f"no {network}"
        if not self.fresh:
            return f"all {count} weights of its {network}"
        more = len(self.fresh) - MAX_NAMED
        named = ", ".join(self.fresh[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
        return f"{len(self.taken)} of {count} weights of its {network} (new: {named})"


def fit_of(network: keras.Model, arrays: Arrays) -> Fit:
    """Which weights of a network can be taken from arrays."""
    shapes = {name: tuple(variable.shape) for name, variable in _weights(network).items()}
    fits = {name: name in arrays and arrays[name].shape == shape for name, shape in shapes.items()}
    return Fit(
        taken=tuple(name for name, is_fit in fits.items() if is_fit),
        fresh=tuple(name for name, is_fit in fits.items() if not is_fit),
    )


def take_weights(origin: Origin, gan: DCGAN) -> None:
    """Copies what fits; both the generator and its moving average start from the published weights.

    Raises SettingsError if no weight of the generator fits.
    """
    if not fit_of(gan.generator, origin.generator).taken:
        raise SettingsError(
            f"A run can start only from a generator like its own. Received: --start-from {origin.facts.name}, of whose "
            "weights none fits. Leave out options of the network, or leave out --start-from."
        )
    for network in (gan.generator, gan.ema_generator):
        _take(network, origin.generator)
    _take(gan.discriminator, origin.discriminator or {})


def needs_warm_up(origin: Origin, gan: DCGAN) -> bool:
    """Whether weights of the discriminator are new, while those of the generator are not."""
    return bool(fit_of(gan.discriminator, origin.discriminator or {}).fresh)


def _take(network: keras.Model, arrays: Arrays) -> None:
    variables = _weights(network)
    for name in fit_of(network, arrays).taken:
        variables[name].assign(np.asarray(arrays[name], np.float32))


def _weights(network: keras.Model) -> dict[str, keras.Variable]:
    """All variables but the states of random numbers, which belong to the run."""
    return {name: item for name, item in named_variables(network).items() if "seed_generator" not in name}
