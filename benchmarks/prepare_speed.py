"""Prints how long preparing a set of images takes, against the plain loop that everybody writes.

    python benchmarks/prepare_speed.py [IMAGES.zip] [--size 32] [--rounds 3]

The plain loop opens each member of the zip in turn, decodes it with Pillow, converts it to RGB, scales it if it has
another size, and copies it into an array; it checks nothing, drops nothing, and writes nothing to the disk. Preparation
does all that. Both are run in turns, each in a process of its own, so that neither profits from what the other has
warmed up. Without a path, 20,000 small JPEG files are made first.
"""

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


def plain_loop(path: str, size: int) -> None:
    """Decodes every image of a zip into one array."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        images = np.empty((len(names), size, size, 3), np.uint8)
        for row, name in enumerate(names):
            with archive.open(name) as member:
                image = Image.open(member).convert("RGB")
                if image.size != (size, size):
                    image = image.resize((size, size), Image.Resampling.LANCZOS)
                images[row] = np.asarray(image)


def prepare(path: str, size: int) -> None:
    """Prepares the zip into an empty cache."""
    sys.path.insert(0, str(ROOT))
    from dcgan_hub.images.preparation.prepare import prepare_images

    with tempfile.TemporaryDirectory() as cache:
        prepare_images(path, image_size=(size, size), channels=3, cache_folder=Path(cache), show_progress=False)


def family_memory(process_id: int) -> int:
    """Bytes that a process and its children hold for themselves: shared pages divided, file pages left out."""
    total = 0
    children = Path(f"/proc/{process_id}/task/{process_id}/children")
    for member in [process_id, *map(int, children.read_text().split())]:
        facts = Path(f"/proc/{member}/smaps_rollup").read_text()
        total += sum(int(line.split()[1]) for line in facts.splitlines() if line.startswith(("Pss_Anon", "Pss_Shmem")))
    return total * 1024


def timed(work: str, path: Path, size: int) -> tuple[float, int]:
    """Runs one of the two in a new process. Returns seconds, and peak bytes where /proc tells them."""
    command = [sys.executable, __file__, str(path), "--size", str(size), "--only", work]
    started = time.perf_counter()
    process = subprocess.Popen(command)
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            try:
                peak = max(peak, family_memory(process.pid))
            except (OSError, ValueError):
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    if status:
        raise SystemExit(f"{work} failed")
    return seconds, peak


def synthesise(path: Path, count: int) -> None:
    """Writes a zip of distinct JPEG files of 32 x 32 pixels, smooth as photographs are."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), np.uint8))
            output = io.BytesIO()
            coarse.resize((32, 32), Image.Resampling.BICUBIC).save(output, "JPEG", quality=90)
            archive.writestr(f"set/{number % 10}/{number:06}.jpg", output.getvalue())


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, help="a zip of images [20,000 made ones]")
    parser.add_argument("--size", type=int, default=32, help="side of the result in pixels [32]")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each [3]")
    parser.add_argument("--only", choices=["plain_loop", "prepare"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        {"plain_loop": plain_loop, "prepare": prepare}[arguments.only](str(arguments.path), arguments.size)
        return
    folder = Path(tempfile.mkdtemp())
    try:
        path = arguments.path or folder / "made.zip"
        if not arguments.path:
            synthesise(path, 20_000)
        times: dict[str, list[float]] = {"plain_loop": [], "prepare": []}
        peaks = dict.fromkeys(times, 0)
        for _ in range(arguments.rounds):
            for work in times:
                seconds, peak = timed(work, path, arguments.size)
                times[work].append(seconds)
                peaks[work] = max(peaks[work], peak)
    finally:
        shutil.rmtree(folder)
    print(f"{path.name} at {arguments.size} x {arguments.size}, {os.cpu_count()} cores, {arguments.rounds} rounds")
    for work, seconds in times.items():
        listed = " ".join(f"{second:.2f}" for second in seconds)
        print(f"{work:<12}median {statistics.median(seconds):6.2f} s  ({listed})   peak {peaks[work] / 2**20:6.0f} MiB")
    print(f"ratio       {statistics.median(times['prepare']) / statistics.median(times['plain_loop']):.2f}")


if __name__ == "__main__":
    main()
