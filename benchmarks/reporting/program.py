"""How a benchmark begins and ends: its options, its figures in a file, a mistake as one sentence."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dcgan_hub.atomic_files import write_json
from dcgan_hub.errors import DcganHubError, SettingsError

MISTAKE, INTERRUPTED = 2, 130


def require_positive(options: Mapping[str, Any], *names: str) -> None:
    """Raises SettingsError for the first of the named options that is not above 0."""
    for name in names:
        if options[name] <= 0:
            raise SettingsError(
                f"--{name.replace('_', '-')} must be more than 0. Received: {options[name]}. Leave it out."
            )


def write_figures(path: Path | None, figures: dict[str, Any]) -> None:
    """Writes figures and the machine that they are of; without a path, nothing."""
    if path is not None:
        from dcgan_hub.training.hardware import describe_hardware

        write_json(path, figures | {"machine": describe_hardware()})


def exit_status_of(action: Callable[[], object]) -> int:
    """Does it, and gives the exit status: mistakes of the user are one sentence, without a traceback."""
    try:
        action()
    except DcganHubError as error:
        sys.stderr.write(f"error: {error}\n")
        return MISTAKE
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return INTERRUPTED
    return 0
