"""What a resumed run keeps: its settings, backend, images and start; anything else is refused with a way out."""

import dataclasses
import json
from typing import Any

from dcgan_hub.bundle.origin import OriginFacts
from dcgan_hub.console import shell_word
from dcgan_hub.errors import RunError, shorten
from dcgan_hub.images.preparation.earlier import count_differences, find_prepared
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.keras_startup import BACKENDS
from dcgan_hub.presets import PRESETS, field_by_name, flat_values, make_settings
from dcgan_hub.runs.directory import RunDirectory, checkpoint_folders
from dcgan_hub.runs.origin import Origin, origin_name, read_origin
from dcgan_hub.settings import DURATIONS, RESUMABLE, Settings
from dcgan_hub.settings_fields import full_name
from dcgan_hub.training.backend_choice import asked_backend, choose_backend

RESOLVED = ("precision", "augmentation_colour", "classes")  # "auto" is resolved when a run starts, and kept
KEEP_IMAGES = "which are in the cache, give the same command with --keep-images"


def choose_backend_of(run: RunDirectory, record: dict[str, Any], wanted: str) -> None:
    """Selects the backend that a run was started with; older runs, all of TensorFlow, do not name it."""
    before, asked = record.get("backend", BACKENDS[0]), asked_backend(wanted)
    if asked not in ("auto", before):
        raise RunError(
            f"A run must be resumed with the backend it was started with. Received: backend={asked} for '{run.path}', "
            f"which was started with {before}. Resume it with --backend {before} (in Python, with "
            f"KERAS_BACKEND={before} in the environment), or {_start_anew(run)}."
        )
    choose_backend(before)


def origin_to_go_on(run: RunDirectory, record: dict[str, Any], start_from: str | None) -> Origin | None:
    """The origin of a run, if it was killed before its first checkpoint; otherwise it is not needed any more.

    Raises RunError if the run started from something else than `start_from`, or afresh.
    """
    if start_from is None:
        return None
    origin = OriginFacts.from_dict(record.get("origin"))
    if origin is None or origin.name != origin_name(start_from):
        before = f"from {shorten(origin.name)}" if origin else "afresh"
        raise RunError(
            f"A run keeps the start it had. Received: --start-from {shorten(start_from)} for '{run.path}', which "
            f"started {before}. Leave the option out to resume the run, or name a new directory with --run."
        )
    return None if checkpoint_folders(run.checkpoints) else read_origin(start_from)


def merged_settings(run: RunDirectory, old: Settings, given: dict[str, Any]) -> Settings:
    """The run's settings with a new length and new intervals; any other difference is refused."""
    before = flat_values(old)
    wanted = {name: value for name, value in given.items() if name != "preset"}
    if given.get("preset") is not None:
        make_settings(given["preset"], {})  # refuses an unknown one with the list of presets
        row = {name: value for name, value in PRESETS[given["preset"]].items() if name not in RESUMABLE}
        wanted = wanted if given["preset"] == old.preset else row | wanted  # its values may have been others then
    wanted = {name: value for name, value in wanted.items() if name not in RESOLVED or value != "auto"}
    if any(wanted.get(name) is not None for name in DURATIONS):
        wanted |= {name: wanted.get(name) for name in DURATIONS}
    base = before
    if ("image_size" in wanted or "stride" in wanted) and "depth" not in wanted:
        base = before | {"depth": None}  # or an error could be about the run's depth, which the user did not give
    now = flat_values(make_settings(old.preset, base | wanted))
    changed = [name for name in wanted if name in now and name not in RESUMABLE and name != "data"]
    changed = [name for name in changed if now[name] != before[name]]
    if changed:
        names = {name: full_name(field_by_name()[name][1]) for name in changed}
        width = max(28, *map(len, names.values()))
        lines = "\n".join(
            f"  {names[name]:<{width}} {_show(before[name])} in the run, {_show(now[name])} now" for name in changed
        )
        raise RunError(
            f"The run in '{run.path}' was started with other settings; it cannot be continued with these:\n{lines}\n"
            "Give the settings of the run, or name a new directory with --run."
        )
    merged = make_settings(old.preset, before | {name: now[name] for name in (*RESUMABLE, "data")})
    return dataclasses.replace(merged, network=dataclasses.replace(merged.network, classes=old.network.classes))


def other_images(run: RunDirectory, data: str, images: PreparedImages, fingerprint: str) -> RunError:
    """Returns an error that says what is different, and both ways to go on."""
    rule = "A run must be resumed with the images it was started with. Received:"
    before = find_prepared(fingerprint)
    if before is None:
        return RunError(
            f"{rule} '{data}' with the fingerprint {images.fingerprint[:12]}, where the run in '{run.path}' has "
            f"{fingerprint[:12]}, and the original images are no longer in the cache. Restore them, or "
            f"{_start_anew(run)}."
        )
    new, gone = count_differences(before.images, images.images)
    differ = f"{new:,} new and {gone:,} gone (a changed one counts as both)"
    if not new and not gone:
        differ = "the same as before, but under other names or in other folders, which determine order and labels"
    return RunError(
        f"{rule} {len(images.images):,} images in '{data}', {differ}. To resume with the {len(before.images):,} "
        f"original images, {KEEP_IMAGES}. For a run with the current images, {_start_anew(run)}."
    )


def _start_anew(run: RunDirectory) -> str:
    return (
        f"name a new directory with --run, where --start-from {shell_word(run.path)} begins with the generator of this "
        "run"
    )


def _show(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) else json.dumps(value).strip('"')
