"""An app on a disk that is really full says so, and leaves nothing there."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dcgan_hub.demo.messages import FULL_DISK

# Nothing is on the disk but one file, which fills it.
WRITE_ALL = """
import os, sys, tempfile
from contextlib import suppress
from pathlib import Path
import numpy as np
disk = Path(sys.argv[1])
tempfile.tempdir = os.environ["GRADIO_TEMP_DIR"] = str(disk)
from dcgan_hub.demo.gradio_patches.event_errors import sentence_for
from dcgan_hub.demo.gradio_patches.served_files import serve_strip
from dcgan_hub.demo.tabs.widgets import offered
from dcgan_hub.images.animations import save_animation

def offer():
    with offered("images.zip", bytes(100_000)):
        pass

with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
    while True:
        filler.write(bytes(4096))
image = np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8)
films = [lambda kind=kind: save_animation([image] * 9, disk / f"walk.{kind}", 8) for kind in ("mp4", "gif", "webp")]
for write in (lambda: serve_strip([(image, "0%")]), offer, *films):
    try:
        write()
        print("was written")
    except Exception as error:
        print(sentence_for(error))
print([path.name for path in disk.rglob("*") if path.is_file()])
"""


def test_whatever_is_written_the_visitor_is_told_that_the_disk_is_full(tmp_path: Path) -> None:
    disk, program = tmp_path / "disk", tmp_path / "program.py"
    disk.mkdir()
    program.write_text(textwrap.dedent(WRITE_ALL))
    mounted = f"mount -t tmpfs -o size=64k none {disk} || exit 99; exec {sys.executable} {program} {disk}"
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted]
    try:
        finished = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if finished.returncode == 99 or "unshare" in finished.stderr:
        pytest.skip("no disk can be mounted here")
    assert finished.stdout.splitlines() == [*[FULL_DISK] * 5, "['filler']"], finished.stderr
