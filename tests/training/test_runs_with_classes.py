"""Training with classes: when a run has them, what it records, and what is measured and shown of each."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_runs import TINY

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.cli import main
from dcgan_hub.commands.evaluate import prepare_for
from dcgan_hub.errors import SettingsError
from dcgan_hub.images.preparation.classes import classes_as
from dcgan_hub.training.plan import make_plan
from dcgan_hub.training.train import train

KINDS = ("blue", "green", "red")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """165 noisy images of 16 x 16 pixels in three colors, of which green has the fewest."""
    random = np.random.RandomState(0)
    labels = random.permutation(np.repeat([0, 1, 2], (60, 51, 54)))
    images = random.randint(0, 60, (165, 16, 16, 3)).astype(np.uint8)
    images[np.arange(165), ..., 2 - labels] += 180
    path = tmp_path_factory.mktemp("data") / "kinds.npz"
    np.savez(
        path, images=images, labels=np.array(KINDS)[labels], one=["all"] * 165, few=[str(row % 9) for row in range(165)]
    )
    return path


def plan_of(data, run, **values):
    return make_plan(run, None, TINY | {"data": str(data), "steps": 9} | values, show_progress=False)


def test_labels_become_classes_unless_the_user_or_they_say_otherwise(kinds, tmp_path):
    automatic = plan_of(kinds, tmp_path / "run")
    assert automatic.images.class_names == KINDS and automatic.settings.network.classes == 3
    assert automatic.settings.data.classes == "folders" and "--classes none" in automatic.classes_line
    assert plan_of(kinds, tmp_path / "run", classes="none").settings.network.classes == 0
    few = plan_of(kinds, tmp_path / "run", label_column="few")
    assert few.settings.data.classes == "none" and "fewer than 50 images each" in few.classes_line
    assert plan_of(kinds, tmp_path / "run", label_column="few", classes="folders").settings.network.classes == 9
    with pytest.raises(SettingsError, match="`class_sampling` is for training with classes"):
        plan_of(kinds, tmp_path / "run", classes="none", class_sampling="balanced")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label-column", "one", "--classes", "folders"], "with 1 class (all)"),
        (["--label-column", "kind"], "'kind' for"),
        (["--classes", "none", "--class-sampling", "balanced"], "for images without classes"),
    ],
)
def test_what_cannot_be_trained_ends_with_one_sentence(words, message, kinds, tmp_path, capsys):
    assert main(["train", "--data", str(kinds), "--run", str(tmp_path / "run"), "--image-size", "16", *words]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_run_with_classes_shows_and_measures_each_and_goes_on(kinds, tmp_path, capsys):
    settings = TINY | {"class_sampling": "balanced", "evaluate_every": 4, "evaluate_images": 170}
    run = train(kinds, run=tmp_path / "run", steps=4, **settings)
    said = capsys.readouterr().out
    assert "classes    3 with 51 to 60 images each: blue, green, red; --classes none trains without them" in said
    record = run.read_record()
    assert record["dataset"]["class_names"] == list(KINDS) and record["settings"]["network"]["classes"] == 3
    with Image.open(run.sample_file(4)) as sheet:
        assert sheet.info["classes"] == "0,1,2,0,1,2" and sheet.info["seeds"] == "0-15"
        assert sheet.size == (2 + 8 * 18, 2 + 6 * 18)
        shown = np.asarray(sheet)[2:18, 2:18]  # seed 0 of the first class
    generator = Generator.from_pretrained(run.path)
    np.testing.assert_array_equal(shown, generator.generate(seeds=[0], classes=["blue"])[0])
    (row,) = [row for row in run.read_metrics() if "kid" in row]
    assert 0 <= row["class_accuracy"] <= 1 and "class_kid" in row

    # An evaluation of the same images says the same.
    words = ["evaluate", str(run.path), "--data", str(kinds), "--count", "170", "--seed", "1000000"]
    assert main(words) == 0
    assert f"accuracy of classes {row['class_accuracy']:.3f}" in capsys.readouterr().out
    real = prepare_for(generator, str(kinds), "one")
    assert classes_as(real, generator.class_names).class_names == ()

    train(kinds, run=run.path, steps=6, quiet=True, **settings | {"evaluate_every": 0})
    assert run.read_record()["progress"]["step"] == 6
    assert plan_of(kinds, run.path, class_sampling="balanced").images.class_names == KINDS


def test_a_run_from_before_there_were_classes_goes_on_without(kinds, finished_run, squares, tmp_path):
    path = shutil.copytree(finished_run, tmp_path / "run")
    record = Path(path / "run.json")
    text = record.read_text(encoding="utf-8")
    assert text.count('"classes": "none"') == 1
    record.write_text(text.replace('"classes": "none"', '"classes": "auto"'), encoding="utf-8")
    for wanted in ({}, {"classes": "none"}, {"classes": "auto"}):
        plan = plan_of(squares, path, **wanted)
        assert plan.settings.data.classes == "none" and plan.settings.network.classes == 0
