"""Files that are not images: their kinds by suffix, and advice for kinds that may contain images."""

from collections.abc import Iterable, Mapping

from dcgan_hub.images.sources.file_names import JUNK_FOLDERS

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
ARRAYS = (".npy", ".npz")
TABLES = (".parquet", ".arrow", ".feather")
HIDDEN = "hidden"
JOIN = "import glob, numpy as np; np.save('../images.npy', np.stack([np.load(n) for n in sorted(glob.glob('*.npy'))]))"
ARRAY = "np.save('images.npy', array) with a uint8 array of shape (N, H, W, 3)"
NAMED = 12
_ADVICE = (
    (ARCHIVES, "are archives, read only if there are no images beside them: give one by itself, or unpack them"),
    (
        (".rar", ".7z", ".zst", ".tar.zst"),
        "are archives of formats that are not read: unpack them, and give the folder",
    ),
    ((".gz", ".bz2", ".xz"), "are compressed files: give an idx file by itself, as it is; decompress others"),
    (
        ARRAYS,
        f'are arrays: give one by itself, unpacked; many of one image each are stacked there by python -c "{JOIN}"',
    ),
    (TABLES, "are tables, read only if there are no images or archives beside them: give one by itself, unpacked"),
    (
        (".h5", ".hdf5", ".mat", ".pkl", ".pt", ".pth", ".tfrecord", ".mdb", ".lmdb", ".db", ".sqlite"),
        f"are not read: write their images as PNG files, or {ARRAY}",
    ),
    (
        (".mp4", ".mov", ".avi", ".mkv", ".webm"),
        "are videos: extract frames, e.g. ffmpeg -i VIDEO -vf fps=2 frames/%06d.png",
    ),
    ((".part", ".crdownload", ".torrent"), "are unfinished downloads: complete them"),
)
ADVICE = {kind: advice for kinds, advice in _ADVICE for kind in kinds}


def kind_of(name: str) -> str:
    """Returns the kind of a file: `.zip`, `.tar.gz`, the whole name if it has no suffix, or `hidden`."""
    folder, _, last = name.lower().rpartition("/")
    hidden = name.startswith(".") or "/." in name or not JUNK_FOLDERS.isdisjoint(folder.split("/"))
    if hidden or last in ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"):
        return HIDDEN
    stem, dot, suffix = last.rpartition(".")
    if not stem:
        return last
    return f".tar.{suffix}" if stem.endswith(".tar") else dot + suffix


def describe_kinds(kinds: Mapping[str, int]) -> str:
    """Returns the kinds with their counts, the most frequent first, as in `4 .npy, 1 .txt`."""
    ordered = sorted(kinds, key=lambda kind: (-kinds[kind], kind))
    named = [f"{kinds[kind]:,} {kind}" for kind in ordered[:NAMED]]
    rest = sum(kinds[kind] for kind in ordered[NAMED:])
    return ", ".join(named) + (f" and {rest:,} others" if rest else "")


def advice_on_kinds(kinds: Iterable[str]) -> list[str]:
    """Returns advice for each group of kinds that may contain images, as in `.npy are arrays: ...`."""
    groups: dict[str, list[str]] = {}
    for kind in sorted(set(kinds) & ADVICE.keys()):
        groups.setdefault(ADVICE[kind], []).append(kind)
    return [f"{', '.join(members)} {advice}" for advice, members in groups.items()]
