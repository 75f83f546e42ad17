"""Exported generators, run by onnxruntime: the images of Python, from the file alone."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image
from varied_networks import SEEDS, VariedBundle, lively_generator

from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.cli import main
from dcgan_hub.errors import SettingsError
from dcgan_hub.export.onnx_graph import make_onnx
from dcgan_hub.networks.latents import draw_latents

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "tiny-bundle"


def test_networks_of_every_kind_draw_the_images_of_python(varied_bundles: list[VariedBundle]) -> None:
    different = compared = 0
    for bundle in varied_bundles:
        facts, weights = read_bundle(bundle.folder)
        model = make_onnx(facts.network, weights, "generator", {})
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        for count in (len(SEEDS), 1):  # the number of images is free
            latents = draw_latents(SEEDS[:count], facts.network.latent_dim)
            images, pixels = session.run(["images", "pixels"], {"latents": latents})
            difference = np.abs(images.astype(np.int16) - bundle.images[:count])
            assert difference.max() <= 1 and (difference > 0).mean() < 1e-3, facts.network
            different, compared = different + np.count_nonzero(difference), compared + difference.size
        assert images.dtype == np.uint8 and pixels.dtype == np.float32
        np.testing.assert_allclose((pixels + 1) * 127.5, images, rtol=0, atol=0.5001)
    assert different <= 1e-4 * compared


def test_the_command_says_how_the_images_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """And the program in docs/export.md draws seed 42 from the file, without this package."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN, "anime")
    assert main(["export", "anime", "--out", "anime.onnx"]) == 0
    assert main(["export", "anime", "--out", "half.onnx", "--half"]) == 0
    whole, half = capsys.readouterr().out.splitlines()
    compared = 16 * 18 * 24 * 3
    assert re.fullmatch(rf"Wrote anime.onnx \(\d+ kB\). Run by onnxruntime, .* of {compared:,} bytes of .*", whole)
    assert int(re.search(r"onnxruntime, ([\d,]+) of", whole)[1].replace(",", "")) >= 0.9999 * compared
    assert "differ by at most 1 of 255" in half
    assert Path("half.onnx").stat().st_size < 0.7 * Path("anime.onnx").stat().st_size
    metadata = {entry.key: entry.value for entry in onnx.load("half.onnx").metadata_props}
    assert (metadata["name"], json.loads(metadata["dcgan.json"])["weights"]["dtype"]) == ("anime", "F16")

    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {})
    with Image.open("42.png") as image:
        difference = np.abs(np.asarray(image, np.int16) - Generator.from_pretrained("anime").generate([42])[0])
    assert difference.max() <= 1


def test_what_cannot_be_exported_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert main(["export", str(GOLDEN), "--out", str(tmp_path / "anime.pb")]) == 2
    assert "Received: --out" in capsys.readouterr().err
    generator = lively_generator()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert generator.export(tmp_path / "unchecked.onnx") is None
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SettingsError, match=r"Received: none installed. Run pip install 'dcgan-hub\[onnx\]'"):
        generator.export(tmp_path / "anime.onnx")
    assert not (tmp_path / "anime.onnx").exists()
