"""How long it takes to begin: `import dcgan_hub`, and the first training step beside `import tensorflow`.

usage: python benchmarks/start_time.py [--rounds 3] [--data avatars]

The data are prepared before the first measurement, so every start is a second start. Prints medians of interleaved
rounds, in seconds, from the start of the process.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAIN = Path(__file__).resolve().parent.parent / "train.py"


def seconds_to_import(module: str) -> float:
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def seconds_to_first_step(data: str, run: Path) -> float:
    words = [sys.executable, str(TRAIN), "--data", data, "--run", str(run), "--report-every", "1", "--steps", "1000000"]
    start = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").stat().st_size:
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(words)} ended with status {process.returncode}")
            time.sleep(0.01)
        seconds = time.monotonic() - start
        process.kill()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default="avatars")
    options = parser.parse_args()
    rows: dict[str, list[float]] = {
        "python alone": [],
        "import dcgan_hub": [],
        "import tensorflow": [],
        "first step": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        seconds_to_first_step(options.data, Path(folder) / "prepare")
        for number in range(options.rounds):
            rows["python alone"].append(seconds_to_import("sys"))
            rows["import dcgan_hub"].append(seconds_to_import("dcgan_hub"))
            rows["import tensorflow"].append(seconds_to_import("tensorflow"))
            rows["first step"].append(seconds_to_first_step(options.data, Path(folder) / str(number)))
    medians = {name: statistics.median(values) for name, values in rows.items()}
    for name, seconds in medians.items():
        print(f"{name:<20} {seconds:6.2f} s")
    print(f"first step beyond import tensorflow: {medians['first step'] - medians['import tensorflow']:.2f} s")


if __name__ == "__main__":
    main()
