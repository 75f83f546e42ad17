"""The class names in a bundle, which are untrusted."""

from typing import Any

from dcgan_hub.bundle.strict_json import REFETCH
from dcgan_hub.errors import BundleError, shorten
from dcgan_hub.network_settings import MAX_CLASS_NAME_LENGTH, MAX_CLASS_NAMES_LENGTH


def checked_class_names(names: Any, count: int) -> tuple[str, ...]:
    """The names of `count` classes.

    Raises:
        BundleError: unless they are so many different texts of 1 to 100 printable characters, and 50,000 in all.
    """
    if not isinstance(names, list | tuple) or len(names) != count:
        received = f"{len(names):,}" if isinstance(names, list | tuple) else type(names).__name__
        raise BundleError(
            f"`class_names` must be a list of as many names as `network.classes`, {count:,}. Received: {received}. "
            f"{REFETCH}"
        )
    for name in names:
        if type(name) is not str or len(name) > MAX_CLASS_NAME_LENGTH or not (name.isprintable() and name.strip()):
            raise BundleError(
                f"A class name must be text of 1 to {MAX_CLASS_NAME_LENGTH} printable characters, not only spaces. "
                f"Received: {shorten(name)!r}. {REFETCH}"
            )
    if len(set(names)) < len(names):
        double = next(name for place, name in enumerate(names) if name in names[:place])
        raise BundleError(f"Class names must differ. Received: {shorten(double)!r} twice. {REFETCH}")
    if sum(map(len, names)) > MAX_CLASS_NAMES_LENGTH:
        raise BundleError(
            f"Class names may have {MAX_CLASS_NAMES_LENGTH:,} characters in all. Received: {sum(map(len, names)):,}. "
            f"{REFETCH}"
        )
    return tuple(names)
