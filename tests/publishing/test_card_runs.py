"""Every piece of Python on the card of a pushed repository runs as it stands, and draws what it says it draws."""

import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from local_hub import LocalHub
from PIL import Image
from preloaded import run_program

from dcgan_hub import Generator
from dcgan_hub.bundle.publication import Target
from dcgan_hub.publishing.push import push

ID = "tester/squares"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Each piece for itself, with names, a folder and an empty cache of its own; one process, since Keras takes its seconds.
RUN_PIECES = """
import os, shutil, sys
import numpy
for folder in sys.argv[1:]:
    os.chdir(folder)
    names = {"__name__": "__main__"}
    with open("snippet.py") as stream:
        exec(compile(stream.read(), f"{folder}/snippet.py", "exec"), names)
    numpy.save("images.npy", names["images"])
    shutil.rmtree(os.environ["HF_HUB_CACHE"])
"""


@pytest.fixture
def card(hub: LocalHub, token, squares_run, monkeypatch) -> str:
    push("squares", squares_run.generator, Target(repo_id=ID, tag="v1"))
    monkeypatch.delenv("HF_TOKEN")  # whoever reads a card has none
    return hub.files(ID)["README.md"].decode()


def test_every_piece_of_python_on_the_card_draws_the_images(hub: LocalHub, card: str, squares_run, tmp_path: Path):
    blocks = BLOCK.findall(card)
    assert len(blocks) == card.count("```python") == 5
    assert sum("dcgan_hub" in block for block in blocks) == 3 and sum("load_model" in block for block in blocks) == 2
    expected = Generator.from_pretrained(squares_run.path).generate(seeds=range(16))
    folders = [tmp_path / str(number) for number in range(len(blocks))]
    for folder, block in zip(folders, blocks, strict=True):
        folder.mkdir()
        (folder / "snippet.py").write_text(block)
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "reader")}
    result = run_program("-c", RUN_PIECES, *folders, env=environment)
    assert result.returncode == 0, result.stderr
    for folder, block in zip(folders, blocks, strict=True):
        images = np.load(folder / "images.npy")
        assert images.dtype == np.uint8 and images.shape == expected.shape, block
        assert np.abs(images.astype(int) - expected).max() <= 1, block
        for picture in folder.glob("*.png"):
            with Image.open(picture) as row:
                assert np.array_equal(np.asarray(row), np.hstack(images)), block
    assert {record.holder for record in hub.requests[-3:]} == {None}


def test_the_command_on_the_card_trains_the_same(hub: LocalHub, card: str, squares_run, squares, tmp_path: Path):
    """With the images in place, as it says itself."""
    [command] = re.findall(r"^```bash\n(dcgan-hub train .*?)^```$", card, re.DOTALL | re.MULTILINE)
    (tmp_path / squares.name).write_bytes(squares.read_bytes())
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == "dcgan-hub"
    result = run_program("-m", "dcgan_hub", *words[1:], "--run", "again", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    again = Generator.from_pretrained(tmp_path / "again").generate(seeds=range(16))
    assert np.array_equal(again, Generator.from_pretrained(squares_run.path).generate(seeds=range(16)))
