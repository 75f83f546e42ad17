"""What lies among images and is none of them: runs and sheets of our own, caches, environments, hidden folders.

Folders and drawn images are told by names alone, because no file of 200,000 may be opened at each start. Sheets are
told by their text fields: those under the name that `inspect` chooses when the folder is listed, others when they are
decoded.
"""

import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

RUN = "in a run directory of dcgan_hub"
GENERATOR = "in a generator of dcgan_hub"
ENVIRONMENT = "in a virtual environment"
CACHE = "in a cache"
HIDDEN = "in a hidden folder"
SHEET = "sheets drawn by dcgan_hub"
DRAWN = "drawn by `dcgan-hub sample` (a folder of nothing else can be trained on)"
EXCLUSIONS = (RUN, GENERATOR, ENVIRONMENT, CACHE, HIDDEN, SHEET, DRAWN)

BESIDE_RUN_RECORD = frozenset({"metrics.jsonl", "checkpoints", "samples", "generator"})
CACHE_OF_IMAGES = frozenset({"prepared.json", "images.npy"})  # our own, see `preparation/prepared.py`
MARKERS = {  # entries of a folder that say what it is
    "dcgan.json": GENERATOR,
    "pyvenv.cfg": ENVIRONMENT,
    "conda-meta": ENVIRONMENT,
    "CACHEDIR.TAG": CACHE,  # the convention of backup programs; pip, uv, huggingface_hub and pytest follow it
}
MARKER_NAMES = BESIDE_RUN_RECORD | CACHE_OF_IMAGES | MARKERS.keys() | {"run.json"}
DEFAULT_SHEET = re.compile(r"(?:.*/)?inspect-[^/]*\.png", re.IGNORECASE)
DRAWN_NAME = re.compile(r"(?:.*/)?seed-[0-9]{10}\.png")
MOST_SHEETS_OPENED = 100  # pictures of an inspection may be called so, too; the rest is told when it is decoded


def is_run(markers: Set[str]) -> bool:
    """Tells by those of its entries that are in `MARKER_NAMES` whether a folder is a run directory."""
    return "run.json" in markers and not BESIDE_RUN_RECORD.isdisjoint(markers)


def exclusion_of(name: str, markers: Set[str]) -> str:
    """Returns why a folder below that of the images holds none, or ''. `markers`: as for `is_run`."""
    if name.startswith("."):
        return HIDDEN
    if is_run(markers):
        return RUN
    if markers >= CACHE_OF_IMAGES:
        return CACHE
    return next((reason for marker, reason in MARKERS.items() if marker in markers), "")


def excluded_members(names: Sequence[str]) -> dict[str, str]:
    """Returns the members of an archive that lie in such a folder, hidden ones apart, with the reason."""
    markers: dict[str, set[str]] = {}
    for name in names:
        folder, _, last = name.rpartition("/")
        if folder and last in MARKER_NAMES:
            markers.setdefault(folder, set()).add(last)
    if not markers:
        return {}
    for name in names:  # folders may be stored by what is in them only
        parts = name.split("/")
        for depth in range(1, len(parts) - 1):
            if parts[depth] in MARKER_NAMES and (found := markers.get("/".join(parts[:depth]))) is not None:
                found.add(parts[depth])
    reasons = {f"{folder}/": reason for folder, found in markers.items() if (reason := exclusion_of("", found))}
    return {name: reasons[folder] for name in names for folder in reasons if name.startswith(folder)}


def is_sheet(fields: Mapping[Any, Any]) -> bool:
    """Tells by the text fields of a PNG (Pillow's `info`) whether it is a page of images that this package drew."""
    if "seeds" in fields and not fields.keys().isdisjoint({"run", "model", "weights"}):
        return True
    ours = str(fields.get("Software", "")).startswith("dcgan-hub ") and "seed" not in fields
    source = fields.get("source")  # of `inspect`, and then a path in quotes
    return ours or (isinstance(source, str) and source.startswith("'") and source.endswith(("'", "'/")))


def excluded_files(folder: Path, names: list[str]) -> dict[str, str]:
    """Returns the files that are no training images, with the reason. `names`: of all candidates, relative."""
    sheets = [name for name in names if "inspect-" in name and DEFAULT_SHEET.fullmatch(name)]
    excluded = {name: SHEET for name in sheets[:MOST_SHEETS_OPENED] if _is_sheet_file(folder / name)}
    drawn = [name for name in names if "seed-" in name and DRAWN_NAME.fullmatch(name)]
    if len(drawn) + len(excluded) < len(names):
        excluded |= dict.fromkeys(drawn, DRAWN)
    return excluded


def _is_sheet_file(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            return is_sheet(image.info)
    except Exception:  # whatever it is, decoding will say so
        return False
