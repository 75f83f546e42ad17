"""The front matter of README.md: what the Hub shows of it, and what it refuses."""

from typing import Any

import yaml

SPACE_SDKS = ("gradio", "docker", "static")
SPACE_COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SHORT_DESCRIPTION_LENGTH = 60
SHOWN_KEYS = ("pipeline_tag", "library_name")


def front_matter(text: str) -> dict[str, Any]:
    """The metadata at the top of a card; empty if there is none.

    Raises:
        ValueError: it is no YAML mapping.
    """
    lines = text.lstrip("\ufeff").splitlines()
    if not lines or lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        return {}
    end = [line.strip() for line in lines].index("---", 1)
    try:
        metadata = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError as error:
        raise ValueError(f"YAML syntax: {error}") from error
    if not isinstance(metadata, dict | None):
        raise ValueError("the metadata must be a mapping")
    return metadata or {}


def examine(text: str, repo_type: str) -> tuple[list[str], list[str]]:
    """Errors and warnings that the Hub would give for a card."""
    try:
        metadata = front_matter(text)
    except ValueError as error:
        return [str(error)], []
    if repo_type == "space":
        return _errors_of_space(metadata), []
    return [], [] if metadata else ["empty or missing yaml metadata in repo card"]


def _errors_of_space(metadata: dict[str, Any]) -> list[str]:
    errors = []
    if metadata.get("sdk") not in SPACE_SDKS:
        errors.append(f'"sdk" must be one of {", ".join(SPACE_SDKS)}')
    for key in ("colorFrom", "colorTo"):
        if metadata.get(key, SPACE_COLORS[0]) not in SPACE_COLORS:
            errors.append(f'"{key}" must be one of {", ".join(SPACE_COLORS)}')
    if len(str(metadata.get("short_description", ""))) > SHORT_DESCRIPTION_LENGTH:
        errors.append(f'"short_description" length must be less than or equal to {SHORT_DESCRIPTION_LENGTH}')
    return errors


def shown(text: str) -> dict[str, Any]:
    """The fields of a repository's description that come from its card; none if the card is broken."""
    try:
        metadata = front_matter(text)
    except ValueError:
        return {}
    tags = [str(tag) for tag in _as_list(metadata.get("tags"))]
    tags += [str(metadata["library_name"])] if "library_name" in metadata else []
    tags += [f"dataset:{name}" for name in _as_list(metadata.get("datasets"))]
    tags += [f"license:{name}" for name in _as_list(metadata.get("license"))]
    fields = {key: metadata[key] for key in SHOWN_KEYS if key in metadata}
    return {"cardData": metadata, "tags": list(dict.fromkeys(tags)), **fields}


def _as_list(value: Any) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]
