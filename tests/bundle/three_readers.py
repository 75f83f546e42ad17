"""What must draw the same images from one bundle: this package, plain Keras by the snippet of the card, onnxruntime."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from facts_schema import fits_schema

from dcgan_hub.bundle.card import make_card
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.keras_files import KERAS_FILES


def assert_readers_agree(generator: Generator, folder: Path) -> tuple[dict[str, Any], str]:
    """Saves a generator and has its images drawn by all three; returns its facts and its card."""
    wanted = generator.generate(range(16))
    saved = generator.save_pretrained(folder / "model")
    loaded = Generator.from_pretrained(saved)
    np.testing.assert_array_equal(loaded.generate(range(16)), wanted)
    assert fits_schema(saved)
    card = make_card(loaded.facts, "tester/model", [*KERAS_FILES])
    blocks = re.findall(r"^```python\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if '"hf://' in block]
    names: dict[str, np.ndarray] = {}
    exec(block.replace("hf://tester/model", str(saved)).replace("seeds-0", str(folder / "seeds-0")), names)
    assert np.abs(names["images"].astype(int) - wanted).max() <= 1
    assert generator.export(folder / "model.onnx").is_close
    return json.loads((saved / "dcgan.json").read_text()), card
