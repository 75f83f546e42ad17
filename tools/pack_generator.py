"""Makes the embedded generator, dcgan_hub/assets/generator/, from a run: the same network in half precision.

usage: python tools/pack_generator.py runs/embedded
"""

import sys
from pathlib import Path

from dcgan_hub import Generator

TARGET = Path(__file__).resolve().parent.parent / "dcgan_hub" / "assets" / "generator"


def main() -> None:
    """Packs the generator of a run."""
    folder = Generator.from_pretrained(sys.argv[1]).save_pretrained(TARGET, half_precision=True)
    (folder / "samples.png").unlink()  # the app draws them; half a megabyte less for everybody
    for path in sorted(folder.iterdir()):
        sys.stdout.write(f"{path.name} {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
