"""Files that are plainly no images: what kinds there are, and what to do where they may hold some."""

from collections.abc import Iterable, Mapping

from dcgan_hub.images.sources.file_names import JUNK_FOLDERS

HIDDEN = "hidden"
JOIN = "import glob, numpy as np; np.save('../images.npy', np.stack([np.load(n) for n in sorted(glob.glob('*.npy'))]))"
ARRAY = "np.save('images.npy', array) with a uint8 array of shape (N, H, W, 3)"
NAMED = 12
_ADVICE = (
    (
        ".zip .tar .tar.gz .tgz .tar.bz2 .tar.xz",
        "are archives, opened only where there are no images beside them: give one alone, or unpack them",
    ),
    (".rar .7z .zst .tar.zst", "are archives of a kind that is not opened: unpack them, and give the folder"),
    (".gz .bz2 .xz", "are packed files: give an idx file alone, as it is; unpack others"),
    (
        ".npy .npz",
        f'are arrays: give one alone, unpacked; many of one image each are put together there by python -c "{JOIN}"',
    ),
    (
        ".parquet .arrow .feather",
        "are tables, opened only where no images or archives lie beside them: give one alone, unpacked",
    ),
    (
        ".h5 .hdf5 .mat .pkl .pt .pth .tfrecord .mdb .lmdb .db .sqlite",
        f"are not opened: write their images as PNG files, or {ARRAY}",
    ),
    (".mp4 .mov .avi .mkv .webm", "are films: write out single frames, e.g. ffmpeg -i FILM -vf fps=2 frames/%06d.png"),
    (".part .crdownload .torrent", "are downloads that have not ended: finish them"),
)
ADVICE = {kind: advice for kinds, advice in _ADVICE for kind in kinds.split()}


def kind_of(name: str) -> str:
    """Returns what a file is counted as: `.zip`, `.tar.gz`, the whole of a name without suffix, or `hidden`."""
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
    """Returns a sentence for each group of kinds that something can be done about, as in `.npy are arrays: ...`."""
    groups: dict[str, list[str]] = {}
    for kind in sorted(set(kinds) & ADVICE.keys()):
        groups.setdefault(ADVICE[kind], []).append(kind)
    return [f"{', '.join(members)} {advice}" for advice, members in groups.items()]
