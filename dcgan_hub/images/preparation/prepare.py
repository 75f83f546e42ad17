"""Decodes a source once, in parallel, into an array on the disk that every later run opens in no time."""

import hashlib
import json
import math
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.assembly import assemble
from dcgan_hub.images.preparation.cache import cache_error, default_cache_folder, publish, unfinished_folder
from dcgan_hub.images.preparation.decoding import FITS
from dcgan_hub.images.preparation.prepared import FORMAT, PreparationReport, PreparedImages, open_prepared, write_report
from dcgan_hub.images.progress import reported_progress
from dcgan_hub.images.sources.detection import FORMS, Source, open_source
from dcgan_hub.images.sources.file_names import printable


def prepare_images(
    data: str | os.PathLike,
    *,
    image_size: tuple[int, int] | None,
    channels: int | None,
    fit: str = "crop",
    value_range: tuple[float, float] | None = None,
    label_column: str | None = None,
    cache_folder: Path | None = None,
    minimum_count: int = 1,
    show_progress: bool = True,
) -> PreparedImages:
    """Opens the images of a source as one uint8 array, and prepares it first if that was not done before.

    Args:
        data: a folder, an archive, an array, a table, a Hub dataset, or a name; see `open_source`.
        image_size: (height, width) of the result; None if the images all have one size already.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA); None for 1 if every image is gray, else 3.
        fit: how other proportions are met: `crop`, `pad` or `stretch`.
        value_range: the stored values that become black and white, in all images alike, e.g. (0, 4095) for 12 bits in
            16-bit files; None for the full range of the files' type.
        label_column: where the labels are, see `open_source`.
        cache_folder: where results are kept; None for `default_cache_folder()`.
        minimum_count: fewest images that will do, the batch size of a run.
        show_progress: on a terminal, a bar if it takes longer than two seconds; elsewhere, one line at the end.

    Returns:
        The images, sorted by name, without duplicates; labels are the names of the folders they lay in, or those that
        the source has.

    Raises:
        DataError: if there is nothing usable, too few, images of different sizes without `image_size`, or no room.
    """
    _check_options(image_size, channels, fit, value_range)
    source = open_source(data, label_column)
    options: dict[str, Any] = {"image_size": list(image_size) if image_size else None, "channels": channels, "fit": fit}
    options["value_range"] = [float(value) for value in value_range] if value_range else None
    cache = Path(cache_folder) if cache_folder is not None else default_cache_folder()
    final = cache / _folder_name(data, source, options)
    prepared = open_prepared(final)
    if prepared is None:
        with unfinished_folder(cache) as folder:
            try:
                _prepare(source, folder, options, show_progress)
                prepared = _publish(folder, final)
            except OSError as error:
                raise cache_error(cache, error) from None
    report = replace(prepared.report, source=source.text)  # the same images may have been given in other words
    if report.used < minimum_count:
        raise _too_few(report, minimum_count)
    return replace(prepared, report=report)


def _check_options(
    image_size: tuple[int, int] | None, channels: int | None, fit: str, value_range: tuple[float, float] | None
) -> None:
    if image_size is not None and (len(image_size) != 2 or not all(1 <= side <= 8192 for side in image_size)):
        raise DataError(f"`image_size` must be (height, width) from 1 to 8192 pixels. Received: {image_size!r}.")
    if channels not in (None, 1, 3, 4):
        raise DataError(f"`channels` must be 1 (gray), 3 (RGB), 4 (RGBA) or None (auto). Received: {channels!r}.")
    if fit not in FITS:
        raise DataError(f"`fit` must be one of {', '.join(FITS)}. Received: {fit!r}.")
    if value_range is not None and not (
        len(value_range) == 2 and -math.inf < value_range[0] < value_range[1] < math.inf
    ):
        raise DataError(
            f"`value_range` must be (low, high), two numbers, the smaller first. Received: {value_range!r}."
        )


def _folder_name(data: str | os.PathLike, source: Source, options: dict[str, Any]) -> str:
    """Names the folder of the result: readable, and unique for the state of the source and the options."""
    key = json.dumps([FORMAT, type(source).__name__, source.key(), options], sort_keys=True)
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(os.fspath(data)).stem).strip("-")[:40] or "images"
    return f"{readable}-{digest[:24]}"


def _publish(folder: Path, final: Path) -> PreparedImages:
    """Gives the folder its final name, or takes what another process has put there meanwhile."""
    for _ in range(2):
        if publish(folder, final):
            break
        if (theirs := open_prepared(final)) is not None:
            return theirs
        damaged = folder.with_name(f"{folder.name}-damaged")
        final.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
    prepared = open_prepared(final)
    if prepared is None:
        raise DataError(f"Prepared images in '{printable(str(final))}' cannot be opened again. Is the disk sound?")
    return prepared


def _prepare(source: Source, folder: Path, options: dict[str, Any], show_progress: bool) -> None:
    """Fills a folder with the prepared images of a source. Raises `DataError` if not a single one is usable."""
    workspace = folder / "workspace"
    workspace.mkdir()
    listing = source.listing(workspace)
    report = PreparationReport(
        source=source.text,
        files_found=listing.files_found(),
        used=0,
        duplicates=0,
        other_kinds=dict(listing.others),
        rejected=listing.refused.freeze(),
        options=options,
    )
    if len(listing.names) == 0:
        raise _too_few(report, 1)
    image_size = options["image_size"]
    with reported_progress(f"Preparing {source.text}", len(listing.names), show=show_progress) as advance:
        assembled = assemble(
            listing,
            folder,
            image_size=tuple(image_size) if image_size else None,
            channels=options["channels"],
            fit=options["fit"],
            value_range=tuple(options["value_range"]) if options["value_range"] else None,
            progress=advance,
        )
    rejected = assembled.refused.freeze()
    report = replace(
        report, used=assembled.used, duplicates=assembled.duplicates, rejected=rejected, notes=assembled.notes
    )
    if not assembled.used:
        raise _too_few(report, 1)
    shutil.rmtree(workspace)
    write_report(folder, fingerprint=assembled.fingerprint, label_names=assembled.label_names, report=report)


def _too_few(report: PreparationReport, minimum_count: int) -> DataError:
    """Explains that there are fewer usable images than needed, with every reason."""
    found, used = report.files_found, report.used
    if not found:
        return DataError(f"{report.source} holds no files. Give {FORMS}.")
    head = f"Only {used:,} of the {found:,}" if used else f"None of the {found:,}"
    if minimum_count > 1:
        head += f" files in {report.source} can be used, fewer than one batch of {minimum_count}:"
        advice = f"Give more or larger images, or a smaller `--batch-size` (now {minimum_count}) or `--image-size`."
    else:
        head += f" files in {report.source} can be used:"
        advice = f"Give {FORMS}."
    return DataError("\n".join([head, *report.describe_rejected(), *report.notes, advice]))
