"""Prepared images on the disk: one uint8 array, the labels, and a report of how they came about.

A folder `<cache>/<name>-<key>/` holds
`images.npy`     uint8 (N, H, W, C), 0 to 255, channels last;
`labels.npy`     int32 (N,), index into the label names, -1 = none;
`prepared.json`  format, fingerprint, label names, report.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub.images.sources.listing import Rejected
from dcgan_hub.images.sources.other_kinds import advice_on_kinds, describe_kinds

FORMAT = 2  # to be raised whenever the same files would give other pixels, or these files another form
FINGERPRINT_FORMAT = 1  # unchanged, so that runs find their images again if the pixels are the same
IMAGES_NAME, LABELS_NAME, REPORT_NAME = "images.npy", "labels.npy", "prepared.json"


@dataclass(frozen=True, kw_only=True)
class PreparationReport:
    """What became of each file of the source."""

    source: str  # as the user gave it, printable
    files_found: int
    used: int
    duplicates: int  # left out because an earlier image has the same pixels
    other_kinds: dict[str, int]  # files that are clearly not images (text, tables, hidden files) by suffix
    rejected: dict[str, Rejected]  # by reason, the most frequent first
    options: dict[str, Any]  # image_size, channels, fit, value_range, as given
    notes: list[str] = field(default_factory=list)  # warnings about the images that are used, in full sentences

    @property
    def not_images(self) -> int:
        """Number of files that are clearly not images."""
        return sum(self.other_kinds.values())

    def summary(self) -> str:
        """Returns one line on what is used, one for each kind of file that is not, and the notes."""
        used = f"{self.used:,} of {self.files_found:,} files in {self.source} are used"
        return "\n".join([used, *self.describe_rejected(), *self.notes])

    def describe_rejected(self) -> list[str]:
        """Returns a line for each reason for which files are not used, with examples; see `describe_unused`."""
        return describe_unused(self.rejected, self.other_kinds, self.duplicates)


def describe_unused(rejected: dict[str, Rejected], other_kinds: dict[str, int], duplicates: int = 0) -> list[str]:
    """Returns a line for each reason for which files are not used, and for each kind what to do with such files."""
    lines = [(r.count, f"{reason}, e.g. {', '.join(r.examples)}") for reason, r in rejected.items()]
    if duplicates:
        lines.append((duplicates, "exact duplicates of another image"))
    if other_kinds:
        lines.append((sum(other_kinds.values()), f"not image files: {describe_kinds(other_kinds)}"))
    width = max((len(f"{count:,}") for count, _ in lines), default=0)
    advice = [f"  {' ' * width} {advice}" for advice in advice_on_kinds(other_kinds)]
    return [f"  {count:>{width},} {text}" for count, text in lines] + advice


@dataclass(frozen=True, kw_only=True)
class PreparedImages:
    """Images ready for training, opened from the cache."""

    folder: Path
    images: np.ndarray  # uint8 (N, H, W, C), 0 to 255, memory-mapped, read-only
    labels: np.ndarray  # int32 (N,), index into label_names, -1 = none
    label_names: tuple[str, ...]
    fingerprint: str  # sha256 of options, pixels and labels; the same wherever the same images came from
    report: PreparationReport
    class_names: tuple[str, ...] = ()  # of K classes, see `choose_classes`; empty without classes
    class_labels: np.ndarray | None = None  # int32 (N,), 0 to K - 1, index into class_names; None without classes


def write_report(folder: Path, *, fingerprint: str, label_names: tuple[str, ...], report: PreparationReport) -> None:
    """Writes the description beside the arrays."""
    content = {"format": FORMAT, "fingerprint": fingerprint, "label_names": list(label_names), "report": asdict(report)}
    (folder / REPORT_NAME).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def open_prepared(folder: Path, oldest_format: int = FORMAT) -> PreparedImages | None:
    """Opens prepared images, without reading the pixels.

    Returns None if the folder is not there, not whole, or of another format than from `oldest_format` to `FORMAT`.
    """
    try:
        content = json.loads((folder / REPORT_NAME).read_text(encoding="utf-8"))
        if not oldest_format <= content["format"] <= FORMAT:
            return None
        report = content["report"]
        if count := report.pop("not_images", 0):  # of older versions, which did not distinguish kinds
            report["other_kinds"] = {"of any kind": count}
        report.setdefault("other_kinds", {})
        report["rejected"] = {
            reason: Rejected(count=rejected["count"], examples=tuple(rejected["examples"]))
            for reason, rejected in report["rejected"].items()
        }
        images = np.load(folder / IMAGES_NAME, mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / LABELS_NAME, allow_pickle=False)
        prepared = PreparedImages(
            folder=folder,
            images=images,
            labels=labels,
            label_names=tuple(content["label_names"]),
            fingerprint=content["fingerprint"],
            report=PreparationReport(**report),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None
    sound = images.dtype == np.uint8 and images.ndim == 4 and labels.dtype == np.int32
    return prepared if sound and len(images) == len(labels) == prepared.report.used else None
