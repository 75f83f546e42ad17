"""How long a generator from the Hub takes to draw its first images, beside `import keras` alone.

usage: python benchmarks/load_time.py [--rounds 5] [--bundle avatars] [--cpus 2]

A fresh process loads a pinned revision from the cache, which asks nothing of the Hub, and draws 16 images. The cache is
filled once from a server on this machine. Rounds alternate; prints medians in seconds, from the start of the process.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from local_hub import HubProcess

from dcgan_hub.bundle.folder import locate_bundle

ID = "tester/avatars"
IMPORT = "import keras; keras.backend.backend()"
LOAD = f"""
import sys
from dcgan_hub import Generator
Generator.from_pretrained("{ID}", revision=sys.argv[1]).generate(range(16))
"""
FETCH = f"""
import sys
from dcgan_hub.bundle.source import fetch_bundle
fetch_bundle("{ID}", sys.argv[1])
"""


def fill_cache(bundle: Path, folder: Path) -> str:
    """Puts a bundle into the cache of this process' children; returns the commit that it is there at."""
    os.environ |= {"HF_HUB_CACHE": str(folder / "cache"), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with HubProcess(folder / "hub") as server:
        files = {name: (bundle / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}
        oid = server.hub.plant(ID, files)
        subprocess.run(
            [sys.executable, "-c", FETCH, oid], check=True, env=os.environ | {"HF_ENDPOINT": server.endpoint}
        )
    return oid


def seconds_for(program: str, *words: str) -> float:
    """From the start of a process that cannot reach a Hub to its end."""
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "TF_CPP_MIN_LOG_LEVEL": "3"}
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", program, *words], check=True, env=environment, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bundle", default="avatars", help="folder of a bundle, or avatars")
    parser.add_argument("--cpus", type=int, default=2)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cpus])
    rows: dict[str, list[float]] = {"import keras": [], "cached revision, 16 images": []}
    with tempfile.TemporaryDirectory() as folder:
        oid = fill_cache(locate_bundle(options.bundle)[1], Path(folder))
        for _ in range(options.rounds):
            rows["import keras"].append(seconds_for(IMPORT))
            rows["cached revision, 16 images"].append(seconds_for(LOAD, oid))
    alone, loaded = (statistics.median(values) for values in rows.values())
    for name, values in rows.items():
        print(f"{name:<28} {statistics.median(values):6.2f} s ({min(values):.2f} to {max(values):.2f})")
    print(f"beyond import keras: {loaded - alone:.2f} s, {loaded / alone:.2f} times as long")


if __name__ == "__main__":
    main()
