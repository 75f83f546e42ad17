"""Parses lists of seeds on the command line."""

import re

from dcgan_hub.errors import SettingsError
from dcgan_hub.settings import MAX_SEED

MAX_SEEDS = 1_000_000
SEEDS_HELP = "seeds as in 1,5-9,100 (0 to 4294967295)"


def parse_seeds(text: str) -> list[int]:
    """Parses "1,5-9,100": seeds and inclusive ranges, in the given order, keeping duplicates, at most a million."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})\s*(?:-\s*([0-9]{1,10})\s*)?", part)
        if not match:
            raise SettingsError(
                f"`--seeds` must be whole numbers and ranges from 0 to {MAX_SEED}, separated by commas. Received: "
                f"{part.strip()[:40]!r} in --seeds {text[:80]!r}. Try --seeds 1,5-9,100."
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if max(first, last) > MAX_SEED:
            raise SettingsError(
                f"A seed must be at most {MAX_SEED}. Received: --seeds {part.strip()}. Try --seeds 0-63."
            )
        if last < first:
            raise SettingsError(
                f"A range of seeds must be ascending. Received: --seeds {part.strip()}. Try --seeds {last}-{first}."
            )
        if len(seeds) + last - first >= MAX_SEEDS:
            raise SettingsError(
                f"`--seeds` may list at most {MAX_SEEDS:,} seeds. Received: {len(seeds) + last - first + 1:,} or more. "
                "Split them over several commands, or use --count."
            )
        seeds.extend(range(first, last + 1))
    return seeds
