"""Labels as classes: where they come from, when they are none, and what is told about them."""

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from image_files import encoded, fill, noise_image
from pyarrow import parquet

from dcgan_hub.cli import main
from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.classes import choose_classes
from dcgan_hub.images.preparation.prepared import PreparationReport, PreparedImages

SIDE = 4


def labeled(labels, names):
    """Prepared images with given labels: numbers of names, -1 for none."""
    report = PreparationReport(
        source="'photos'",
        files_found=len(labels),
        used=len(labels),
        duplicates=0,
        other_kinds={},
        rejected={},
        options={},
    )
    return PreparedImages(
        folder=Path(), images=np.zeros((len(labels), SIDE, SIDE, 3), np.uint8), labels=np.array(labels, np.int32),
        label_names=tuple(names), fingerprint="", report=report,
    )  # fmt: skip


def test_labels_become_classes_without_those_that_no_image_has():
    images = labeled([3] * 60 + [1] * 50, ["none", "dog", "nothing", "cat\x1b[1m" + "t" * 99])
    found, line = choose_classes(images, "auto")
    assert found.class_names[0] == "dog" and found.class_names[1].startswith(r"cat\x1b[1mttt")
    assert len(found.class_names[1]) == 100 and found.class_labels.dtype == np.int32
    assert found.class_labels.tolist() == [1] * 60 + [0] * 50
    assert line.startswith("2 with 50 to 60 images each: dog, cat")
    assert line.endswith("--classes none trains without them")
    assert choose_classes(images, "none")[0].class_names == ()


@pytest.mark.parametrize(
    ("labels", "names", "line", "message"),
    [
        ([0] * 60, ["cats"], "none", r"Received: .*with 1 class \(cats\)\. Put"),
        ([-1] * 60, [], "none", "with 0 classes"),
        (list(range(1001)) * 2, map(str, range(1001)), "none: 1,001 classes", "with 1,001 classes"),
        ([0] * 60 + [1] * 60 + [-1] * 3, ["a", "b"], "none: 3 of 123 images in none of", "3 of 123 images in none"),
        ([0] * 99 + [1], ["a", "b"], "none: only 1 image in the class 'b'", "only 1 image in the class 'b'"),
        ([0] * 60 + [1] * 60, [" ", "b"], "none: a class without a name", "without a name"),
        ([0] * 60 + [1] * 60, ["a" * 150, "a" * 151], "none: two classes with one name", "one name of 100 characters"),
        ([0] * 9 + [1] * 60, ["a", "b"], "none: 2 folders or labels have fewer than 50 images each", "few"),
        ([0] * 60 + [1] * 60, ["2023-11", "2024"], "none: folders are named by dates", ""),
        ([0] * 60 + [1] * 60, ["100CANON", "101_PANA"], "none: folders are named by dates or by a camera (100C", ""),
        ([0] * 60 + [1] * 60, ["0", "100"], "", ""),
    ],
)
def test_what_cannot_be_a_class_is_none_or_an_error_in_one_sentence(labels, names, line, message):
    images = labeled(labels, names)
    found, told = choose_classes(images, "auto")
    assert told.startswith(line) and bool(found.class_names) is (line == "")
    if message in ("", "few"):  # which may be wrong, so that the user decides
        forced, told = choose_classes(images, "folders")
        assert len(forced.class_names) == 2 and ("few images for a class: a 9" in told) is (message == "few")
    else:
        with pytest.raises(DataError, match=message) as refusal:
            choose_classes(images, "folders")
        assert "2 to 1,000" in str(refusal.value) and "--classes none" in str(refusal.value)


def test_the_column_of_labels_is_the_one_that_is_named(prepare, tmp_path, capsys):
    cells = [{"bytes": encoded(noise_image(row)), "path": None} for row in range(4)]
    breeds = pyarrow.array(["pug", "owl", None, "pug"]).dictionary_encode()
    table = {"image": cells, "label": [0, 1, 0, 1], "breed": breeds, "age": [1.0, 2.0, 3.0, 4.0]}
    parquet.write_table(pyarrow.table(table), tmp_path / "a.parquet")
    usual = prepare(tmp_path / "a.parquet")
    named = prepare(tmp_path / "a.parquet", label_column="breed")
    assert usual.label_names == ("0", "1") and usual.labels.tolist() == [0, 1, 0, 1]
    assert named.label_names == ("owl", "pug") and named.labels.tolist() == [1, 0, -1, 1]
    assert named.folder != usual.folder and named.fingerprint != usual.fingerprint

    pixels = np.stack([np.asarray(noise_image(row)) for row in range(4)])
    np.savez(tmp_path / "a.npz", images=pixels, labels=[0, 1, 0, 1], kind=["b", "a", "b", "b"], weight=np.ones(4))
    assert prepare(tmp_path / "a.npz", label_column="kind").labels.tolist() == [1, 0, 1, 1]
    assert prepare(tmp_path / "a.npz").label_names == ("0", "1")

    fill(tmp_path / "photos", 2)
    wrong = {("a.parquet", "breeds"): "'breeds' for", ("a.parquet", "age"): r"'age' for .*'age' \(double\)",
             ("a.npz", "kinds"): "an array with a whole number or text.*'kinds'", ("a.npz", "weight"): "'weight'",
             ("photos", "kind"): "none of these"}  # fmt: skip
    for (name, column), message in wrong.items():
        with pytest.raises(DataError, match=message):
            prepare(tmp_path / name, label_column=column)
        assert main(["inspect", str(tmp_path / name), "--label-column", column, "--no-estimate"]) == 2
        assert "--label-column" in capsys.readouterr().err


def test_an_inspection_tells_what_would_be_classes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.RandomState(0).randint(0, 256, (130, SIDE, SIDE, 3), np.uint8)
    np.savez("a.npz", images=pixels, kind=["boot"] * 90 + ["sandal"] * 40)
    assert main(["inspect", "a.npz", "--no-estimate"]) == 0
    assert "\nclasses        none\n" in capsys.readouterr().out
    assert main(["inspect", "a.npz", "--no-estimate", "--label-column", "kind"]) == 0
    said = capsys.readouterr().out
    assert "classes        2 with 40 to 90 images each: boot, sandal; few images for a class: sandal 40" in said
    assert "python train.py --data a.npz --label-column=kind" in said
