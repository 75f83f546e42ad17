"""Packs drawings into the embedded data set: dcgan_hub/assets/avatars.zip, 2,000 WebP images of 64 x 64 pixels.

usage: python tools/pack_avatars.py LORELEI.zip

The source is a zip of PNG images of the style "Lorelei" by Lisa Wischofsky (CC0 1.0), drawn with DiceBear
(npm packages @dicebear/core and @dicebear/collection, version 9.4.3). See NOTICE.
"""

import io
import sys
import zipfile
from pathlib import Path

from PIL import Image

COUNT = 2000
QUALITY = 70  # looks like the source at this size, and stays below 2 MB
TARGET = Path(__file__).resolve().parent.parent / "dcgan_hub" / "assets" / "avatars.zip"


def main() -> None:
    """Packs the first 2,000 images, sorted by name."""
    with zipfile.ZipFile(sys.argv[1]) as source, zipfile.ZipFile(TARGET, "w", zipfile.ZIP_STORED) as target:
        names = sorted(name for name in source.namelist() if name.endswith(".png"))[:COUNT]
        for index, name in enumerate(names):
            encoded = io.BytesIO()
            Image.open(io.BytesIO(source.read(name))).convert("RGB").save(encoded, "WEBP", quality=QUALITY, method=6)
            # A fixed date, so that the same source gives the same archive.
            target.writestr(zipfile.ZipInfo(f"{index:04d}.webp", (2026, 1, 1, 0, 0, 0)), encoded.getvalue())
    sys.stdout.write(f"{len(names)} images, {TARGET.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
