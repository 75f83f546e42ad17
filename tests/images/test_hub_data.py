"""Names, addresses, subsets and splits of datasets of the Hub."""

from pathlib import Path

import pytest
from image_files import encoded, noise_image

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.detection import hub_id, open_source, with_split
from dcgan_hub.images.sources.hub_data import HubSource
from dcgan_hub.images.sources.hub_names import HubName, parse_hub_name, without_page

PAGE = "https://huggingface.co/datasets/anna/faces"


@pytest.mark.parametrize(
    "text, name",
    [
        ("anna/faces", "anna/faces"),
        ("anna/faces:cropped", "anna/faces:cropped"),
        ("anna/faces@v1:cropped:test", "anna/faces@v1:cropped:test"),
        ("anna/faces::train+test", "anna/faces::train+test"),
        ("anna/faces::train[:10%]", "anna/faces::train[:10%]"),
        ("hf://datasets/anna/faces@refs/convert/parquet", "anna/faces@refs/convert/parquet"),
        ("datasets/anna/faces", "anna/faces"),
        (PAGE, "anna/faces"),
        (f"{PAGE}/", "anna/faces"),
        (f"{PAGE}/tree/main", "anna/faces"),
        (f"{PAGE}/tree/v1.0", "anna/faces@v1.0"),
        (f"{PAGE}/tree/refs%2Fconvert%2Fparquet", "anna/faces@refs/convert/parquet"),
        (f"{PAGE}/viewer/cropped/test?row=3&sort=a", "anna/faces:cropped:test"),
        (f"{PAGE}/viewer", "anna/faces"),
        (f"{PAGE}/discussions/3", "anna/faces"),
        ("hf.co/datasets/anna/faces#card", "anna/faces"),
        (f" {PAGE}.git\n", "anna/faces"),
    ],
)
def test_ways_to_name_a_data_set(text, name):
    assert str(parse_hub_name(text)) == name
    assert hub_id(text) == "anna/faces"
    assert parse_hub_name(without_page(text)) == parse_hub_name(text)


@pytest.mark.parametrize(
    "text, said",
    [
        (
            f"{PAGE}/tree/main/data/cropped",
            "hf download anna/faces --repo-type dataset --include 'data/cropped/*' --local",
        ),
        (
            f"{PAGE}/resolve/main/a.zip?download=true",
            "anna/faces --repo-type dataset --include 'a.zip' --local-dir faces",
        ),
        ("hf://datasets/anna/faces@main/data/*.parquet", "anna/faces --repo-type dataset --include 'data/*.parquet'"),
        ("https://huggingface.co/anna/faces", "has `datasets/` before its name"),
        ("hf://anna/faces", "has `datasets/` before its name"),
        ("https://huggingface.co/datasets/mnist", "on the Hub is user/name"),
        ("https://www.kaggle.com/datasets/anna/faces", "download it yourself, and give the file or folder"),
        ("s3://bucket/faces", "download it yourself, and give the file or folder"),
    ],
)
def test_other_addresses_are_answered_with_what_to_do(text, said):
    assert hub_id(text) is None
    with pytest.raises(DataError) as caught:
        open_source(text)
    assert said in str(caught.value)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """anna/faces with two subsets, one of two splits: the library takes a local folder as it takes the Hub's."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "home"))
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "home")
    datasets.disable_progress_bars()
    folder = tmp_path / "anna" / "faces"
    lines = ["---", "configs:", "- config_name: full", "  data_files: full/*.png", "- config_name: cropped"]
    lines += [
        "  data_files:",
        "  - split: train",
        "    path: cropped/a*.png",
        "  - split: test",
        "    path: cropped/b*.png",
    ]
    for seed, name in enumerate(["full/a.png", "cropped/a.png", "cropped/b.png"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(noise_image(seed)))
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    "name, seeds, text",
    [
        (HubName("anna/faces", subset="full"), [0], "'it'"),
        (HubName("anna/faces", subset="cropped"), [1], "'it' (split train of train, test)"),
        (HubName("anna/faces", subset="cropped", split="test"), [2], "'it'"),
        (HubName("anna/faces", subset="cropped", split="train+test"), [1, 2], "'it'"),
    ],
)
def test_subsets_and_splits(repository, tmp_path, name, seeds, text):
    source = HubSource(name, "it")
    listing = source.listing(tmp_path)
    assert [listing.reader.read(place) for place in listing.locators] == [encoded(noise_image(seed)) for seed in seeds]
    assert [sample(None) for sample in source.samples(9)] == [encoded(noise_image(seed)) for seed in seeds]
    assert source.text == text


@pytest.mark.parametrize(
    "name, said",
    [
        (
            HubName("anna/faces"),
            "several subsets and no default. There are: full, cropped. Choose one, as in anna/faces:full",
        ),
        (
            HubName("anna/faces", subset="x"),
            "no subset 'x'. There are: full, cropped. Choose one, as in anna/faces:full",
        ),
        (
            HubName("anna/faces", None, "cropped", "x"),
            "no split 'x'. There are: train, test. Choose one, as in anna/faces:cro",
        ),
    ],
)
def test_a_part_that_is_to_be_chosen(repository, name, said):
    with pytest.raises(DataError) as caught:
        list(HubSource(name, str(name)).samples(3))
    assert said in str(caught.value)


def test_a_split_is_chosen_by_its_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert with_split("anna/faces", "test") == "anna/faces::test"
    assert with_split("hf://datasets/anna/faces@v1:cropped", "test") == "hf://datasets/anna/faces@v1:cropped:test"
    (tmp_path / "anna" / "faces").mkdir(parents=True)
    for data in ("anna/faces", "mnist", "./photos", "user/name:cropped:train"):
        with pytest.raises(DataError, match=f"Received: '{data}'.*leave out --split"):
            with_split(data, "test")


def test_parts_of_a_data_set_are_prepared_apart():
    names = ["anna/faces", "anna/faces@v1", "anna/faces:a", "anna/faces:a:b", "anna/faces::b", "anna/faces:b"]
    assert len({open_source(name).key() for name in names}) == len(names)
