"""The model card: what it says, that nothing in it can be abused, and that an edited one is noticed."""

import dataclasses
import math
import re
import shlex
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from dcgan_hub.bundle.card import check_license, is_unedited_card, make_card
from dcgan_hub.bundle.format import BundleFacts, DatasetFacts, WeightFacts
from dcgan_hub.bundle.origin import OriginFacts
from dcgan_hub.bundle.reproduction import run_settings, training_command
from dcgan_hub.cli import make_parser
from dcgan_hub.errors import SettingsError
from dcgan_hub.presets import field_by_name, make_settings
from dcgan_hub.settings import NetworkSettings, Settings

GOLDEN_CARD = Path(__file__).parent.parent / "golden" / "card.md"
KERAS_NAMES = ["config.json", "metadata.json", "model.weights.h5"]
ALL_NAMES = [
    "dcgan.json", "model.safetensors", *KERAS_NAMES, "samples.png", "timelapse.webp", "run/run.json",
    "run/metrics.jsonl", "run/plots/losses.png", "run/plots/accuracy.png", "run/samples/step-00000500.png",
    "run/tensorboard/events.out.tfevents.1700000000.dcgan-hub",
]  # fmt: skip
HARDWARE = {"processor": "AMD EPYC 9654", "cores": 16, "gpus": ["NVIDIA H200"], "system": "Linux"}
PROTOCOL = {"images": 10000, "features": "a network trained on the same images"}


def facts_of(settings: Settings, **changes: object) -> BundleFacts:
    """Facts as a run of these settings leaves them, with everything that can be known."""
    training = {"step": 12_000, "images_seen": 384_000, "seconds": 1346.3, "preset": settings.preset}
    training |= settings.training.to_dict() | {"fit": settings.data.fit, "images_per_second": 285.2}
    training |= {"value_range": settings.data.value_range} if settings.data.value_range else {}
    training |= {"hardware": HARDWARE, "parameters": {"generator": 1_000, "discriminator": 2_799_809}}
    return BundleFacts(
        network=settings.network,
        weights=WeightFacts(dtype="F32", sha256="0" * 64),
        training=training | {"metrics_protocol": PROTOCOL},
        dataset=DatasetFacts(
            name="few-shot-anime-face", fingerprint="ab39e08f2ce8" * 5, count=20_000, licence="cc-by-4.0",
            hub_id="huggan/few-shot-anime-face",
        ),
        metrics={"fid": 96.25, "kid": 0.0125, "sharpness": 3.0},
        versions={"python": "3.11.7", "dcgan-hub": "0.1.0", "keras": "3.15.1"},
    )  # fmt: skip


@pytest.fixture
def facts() -> BundleFacts:
    """Of an ordinary run."""
    return facts_of(make_settings("dcgan-64-light", {"precision": "float32", "sample_every": 1000}))


def python_blocks(card: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL)


def test_the_card_of_fixed_facts_stays_as_it_is(facts: BundleFacts) -> None:
    """A change of the text is seen in review. After one, write the new text:

    python -c "import sys; sys.path[:0] = ['tests/bundle']; import test_card; test_card.write_golden_card()"
    """
    assert make_card(facts, "tester/anime_faces", ALL_NAMES, tag="v1") == GOLDEN_CARD.read_text(encoding="utf-8")


def write_golden_card() -> None:
    settings = make_settings("dcgan-64-light", {"precision": "float32", "sample_every": 1000})
    card = make_card(facts_of(settings), "tester/anime_faces", ALL_NAMES, tag="v1")
    GOLDEN_CARD.write_text(card, encoding="utf-8", newline="\n")


def test_the_client_reads_the_front_matter(facts: BundleFacts) -> None:
    data = ModelCard(make_card(facts, "tester/anime_faces", ALL_NAMES)).data
    assert (data.library_name, data.pipeline_tag) == ("keras", "unconditional-image-generation")
    assert data.tags == ["dcgan", "gan", "keras", "dcgan-hub", "tensorboard"]
    assert data.datasets == ["huggan/few-shot-anime-face"]
    assert data.license == "cc-by-4.0"
    results = {result.metric_type: result for result in data.eval_results}
    assert {name: result.metric_value for name, result in results.items()} == {"fid": 96.25, "kid": 0.0125}
    assert results["fid"].metric_args == PROTOCOL and results["fid"].dataset_type == "huggan/few-shot-anime-face"
    assert data.model_name == "anime_faces"


def test_every_snippet_is_whole_and_names_this_repository(facts: BundleFacts) -> None:
    blocks = python_blocks(make_card(facts, "tester/anime_faces", ALL_NAMES, tag="v1"))
    assert len(blocks) == 5
    for block in blocks:
        compile(block, "card", "exec")
        assert "tester/anime_faces" in block
        assert re.search(r"^images = ", block, flags=re.MULTILINE), "each leaves `images`"
        assert all(len(line) <= 120 for line in block.splitlines())
    assert sum("sha" in block for block in blocks) == 2
    assert sum('revision="v1"' in block for block in blocks) == 1


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_snippets_show_images_of_all_kinds(channels: int, tmp_path: Path, make_generator) -> None:
    """Plain Keras, with the download left out, gives the images that the package gives."""
    import numpy as np
    from PIL import Image

    generator = make_generator(channels=channels)
    bundle = generator.save_pretrained(tmp_path / "bundle")
    card = make_card(BundleFacts(network=generator.settings), "tester/tiny", KERAS_NAMES)
    (block,) = [block for block in python_blocks(card) if "hf://" in block]
    block = block.replace("hf://tester/tiny", str(bundle)).replace("seeds-0-to-15.png", str(tmp_path / "row.png"))
    names: dict[str, np.ndarray] = {}
    exec(compile(block, "card", "exec"), names)  # our own text
    wanted = generator.generate(range(16))
    assert names["images"].dtype == np.uint8 and names["images"].shape == wanted.shape
    assert np.abs(names["images"].astype(int) - wanted).max() <= 1
    with Image.open(tmp_path / "row.png") as row:
        assert row.size == (16 * 24, 18) and len(row.getbands()) == channels


def test_without_keras_files_plain_keras_is_left_out(facts: BundleFacts) -> None:
    card = make_card(facts, "tester/anime_faces", ["dcgan.json", "model.safetensors", "config.json"])
    assert "keras.saving" not in card and "load_model" not in card
    assert len(python_blocks(card)) == 2


def test_pictures_that_are_not_there_are_not_shown(facts: BundleFacts) -> None:
    links = re.findall(r"!\[.*?\]\((.*?)\)", make_card(facts, "tester/anime_faces", ALL_NAMES))
    assert set(links) == {"samples.png", "timelapse.webp", "run/plots/losses.png", "run/plots/accuracy.png"}
    assert "](" not in make_card(facts, "tester/anime_faces", []).replace("[DCGAN](", "").replace("face](https", "")


def test_facts_that_are_missing_leave_no_trace() -> None:
    card = make_card(BundleFacts(network=NetworkSettings()), "tester/old", ["dcgan.json", "model.safetensors"])
    assert "None" not in card and "|  |" not in card and ", ," not in card and " images |" not in card
    assert "dcgan-hub train" not in card and "## Evaluation" not in card
    assert ModelCard(card).data.license == "unknown" and "tensorboard" not in card
    assert "model-index" not in card and "model_name" not in card


@pytest.mark.parametrize(
    "place",
    ["C:\\pics\\anime", "C:\\pics\\anime\\", "/data/anna/anime/", "pics/anime//", "\\\\server\\anna/anime", "anime"],
)
def test_of_a_path_only_the_last_name_is_shown(place: str, facts: BundleFacts) -> None:
    dataset = dataclasses.replace(facts.dataset, name=place, hub_id=None)
    card = make_card(dataclasses.replace(facts, dataset=dataset), "tester/faces", ALL_NAMES)
    assert "of the dataset anime." in card and "| Trained on | anime, 20,000 images |" in card
    assert re.search(r"--data anime\s", card) and ModelCard(card).data.eval_results[0].dataset_name == "anime"
    assert not any(folder in card for folder in ("pics", "anna", "C:", "server"))


def test_one_is_not_many(facts: BundleFacts) -> None:
    training = facts.training | {"batch_size": 1, "seconds": 1.2, "hardware": {"cores": 1}}
    one = dataclasses.replace(facts, training=training, dataset=dataclasses.replace(facts.dataset, count=1))
    card = make_card(one, "tester/faces", ALL_NAMES)
    assert "trained on 1 image of the dataset" in card and "face, 1 image |" in card
    assert "| 12,000, of 1 image each |" in card and "| 1 second |" in card and "| 1 core |" in card
    assert not re.search(r"\b1 (?:image|second|core|channel|number)s", card)
    grey = BundleFacts(network=NetworkSettings(channels=1, image_size=(16, 16)))
    assert "1 channel |" in make_card(grey, "tester/faces", ALL_NAMES)
    none = dataclasses.replace(facts, dataset=dataclasses.replace(facts.dataset, count=0))
    assert "trained on 0 images" in make_card(none, "tester/faces", ALL_NAMES)


ODD_FACTS = [
    {"step": -1, "images_seen": True, "seconds": "long", "images_per_second": None, "hardware": [1], "parameters": 3},
    {"step": [], "seconds": 0, "hardware": {"processor": 7, "cores": "x", "gpus": {"a": 1}, "system": None}},
    {"preset": ["dcgan-64"], "precision": {"a": 1}, "parameters": {"discriminator": "many"}, "metrics_protocol": "x"},
    {"preset": "dcgan-512", "hardware": {"gpus": [None, 3, ["x"]]}, "images_per_second": -2.5},
    {"batch_size": "32", "metrics_protocol": {"images": [1, 2], "seeds": {"a": 1}}},
    {"start": "avatars"},
    {"start": {"name": "a", "sha256": "b", "hub_id": ["c/d"], "licence": {}, "step": -1}},
]


@pytest.mark.parametrize("odd", ODD_FACTS, ids=range(len(ODD_FACTS)))
def test_facts_of_another_kind_are_left_out(odd: dict[str, object], facts: BundleFacts) -> None:
    card = make_card(dataclasses.replace(facts, training=facts.training | odd), "tester/odd", ALL_NAMES)
    assert ModelCard(card).data.eval_results
    assert not re.search(r"None|True|\[1|\{|\['|-2\.5|\| -1", card.split("## Facts")[1].split("## Training")[0])


HOSTILE = [
    "</details><script>alert(1)</script>", "a | b |\n| c | d |", "`rm -rf /`", "![x](https://evil.example/x.png)",
    "[click](javascript:alert(1))", "\n---\nlicense: evil\n---\n", "```\n# Headline", "\x1b[31mred\x07",
    "\u202etxt.exe",
    "https://evil.example www.evil.example a@evil.example", "$$x^2$$", "<!-- dcgan-hub card sha256:0 -->", "x" * 50_000,
    "- &lt;b&gt; **bold** __bold__ ~~gone~~", "'; rm -rf / #", "-rf", "",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_of_strangers_are_shown_as_text(text: str, facts: BundleFacts) -> None:
    """Whoever wrote the facts, the card has the same structure as with harmless ones."""
    training = facts.training | {"hardware": {"processor": text, "gpus": [text] * 99, "system": text}}
    training |= {"metrics_protocol": {text: text, "images": 1}}
    training |= {"start": {"name": text, "sha256": text, "hub_id": text, "commit": text, "licence": text, "step": 1}}
    hostile = dataclasses.replace(
        facts,
        training=training,
        dataset=DatasetFacts(name=text, fingerprint=text, count=3, licence=text),
        metrics={"fid": 1.0, text: 2.0},
        versions={text: text},
    )
    card = make_card(hostile, "tester/anime", ALL_NAMES)
    data = ModelCard(card).data
    assert data.license == "unknown"
    assert len(card) < 12_000 and all(sign.isprintable() for sign in card.replace("\n", ""))
    body = card.split("---\n", 2)[2]
    prose = re.sub(r"^```.*?^```$", "", body, flags=re.MULTILINE | re.DOTALL)
    for tag in re.findall(r"<(?!/?(?:details|summary|code)>|!-- dcgan-hub card sha256:[0-9a-f]{64} -->)", prose):
        pytest.fail(f"raw HTML: {tag}")
    assert prose.count("details>") == 2 and prose.count("<!--") == 1
    assert re.findall(r"(?<!\\)\]\((.*?)\)", prose) == [
        "https://arxiv.org/abs/1511.06434", "samples.png", "timelapse.webp", "run/plots/losses.png",
        "run/plots/accuracy.png",
    ]  # fmt: skip
    assert re.findall("^#.*", prose, flags=re.MULTILINE)[:2] == ["# anime", "## Load it"]
    assert not re.search(r"(?<!\()https?:|(?<!\\)[$~]|www\.|(?<!\\)@", prose)
    for row in re.findall(r"^\|.*$", prose, flags=re.MULTILINE):
        assert len(re.findall(r"(?<!\\)\|", row)) == 3, "two cells in every row"
    assert is_unedited_card(card)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_the_command_is_safe_to_paste(text: str, facts: BundleFacts) -> None:
    dataset = dataclasses.replace(facts.dataset, name=text, hub_id=None)
    settings = run_settings(dataclasses.replace(facts, dataset=dataset))
    words = shlex.split(training_command(settings, OriginFacts(name=text, sha256="")).replace("\\\n", " "))
    assert words[:3] == ["dcgan-hub", "train", "--data"] and words[4] == "--preset"
    assert words[6].startswith("--start-from=") or words[6] == "--start-from"
    assert not words[3].startswith("-")


@pytest.mark.parametrize(
    ("preset", "values"),
    [
        ("avatars-32", {}),
        ("dcgan-64-light", {"image_size": "96x64", "seed": 7, "batch_size": 16}),
        ("dcgan-64", {"image_size": 128}),
        ("dcgan-64", {"image_size": 128, "depth": 4}),  # not the automatic depth
        ("dcgan-64-classic", {"image_size": 32, "channels": 1, "increment": 8, "optimizer": "rmsprop"}),
        ("mnist-28", {"r1_gamma": 0.0, "ema_decay": 0.9995, "learning_rate": 1e-5, "fit": "pad", "dropout": 0.25}),
        ("dcgan-128", {"stride": 4, "kernel_size": 5, "upsampling": "resize", "depth": 2}),
        ("dcgan-64", {"image_size": 16, "stride": 4, "kernel_size": 4, "depth": 1, "minutes": 3.5}),
        ("avatars-32", {"flip": True, "slope_penalty": 2.0, "batch_deviation": True, "augmentation_colour": "yes"}),
        ("avatars-32", {"schedule": "one-stage"}),
        ("dcgan-64", {"value_range": "-1000:400"}),
        ("dcgan-64", {"data": "my images/of cats's", "epochs": 2.5, "precision": "bfloat16"}),
    ],
)
def test_the_command_gives_the_same_settings(preset: str, values: dict[str, object]) -> None:
    original = make_settings(preset, values)
    facts = facts_of(original)
    name = Path(original.data.data).name
    facts = dataclasses.replace(facts, dataset=dataclasses.replace(facts.dataset, name=name, hub_id=None))
    card = make_card(facts, "tester/again", ALL_NAMES)
    (command,) = re.findall(r"^```bash\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    arguments = make_parser().parse_args(words[1:])
    given = {name: getattr(arguments, name) for name in field_by_name() if getattr(arguments, name) is not None}
    again = make_settings(arguments.preset, given)
    training = dataclasses.replace(original.training, steps=12_000, epochs=None, minutes=None)
    assert again == dataclasses.replace(original, training=training, data=dataclasses.replace(original.data, data=name))
    assert len(given) <= len(values) + 2, "nothing that the preset says already"


def test_the_settings_on_the_card_are_a_file_for_config(facts: BundleFacts, tmp_path: Path) -> None:
    from dcgan_hub.presets import read_settings_file

    (text,) = re.findall(r"^```toml\n(.*?)^```$", make_card(facts, "tester/a", []), flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    values = read_settings_file(tmp_path / "settings.toml")
    assert make_settings(values.pop("preset"), values) == run_settings(facts)


@pytest.mark.parametrize("part", ["", "@v1", ":cropped", "@v1:cropped:test"])
def test_the_command_names_the_part_of_a_hub_data_set(part: str, facts: BundleFacts) -> None:
    dataset = dataclasses.replace(facts.dataset, name=f"faces{part}", hub_id="anna/faces")
    assert run_settings(dataclasses.replace(facts, dataset=dataset)).data.data == f"anna/faces{part}"


@pytest.mark.parametrize("missing", ["fit", "preset", "step", "seed", "batch_size"])
def test_without_all_settings_no_command_is_promised(missing: str, facts: BundleFacts) -> None:
    training = {name: value for name, value in facts.training.items() if name != missing}
    assert "dcgan-hub train" not in make_card(dataclasses.replace(facts, training=training), "tester/a", [])


def test_a_given_licence_wins_and_an_unknown_one_is_said_plainly(facts: BundleFacts) -> None:
    card = make_card(facts, "tester/a", [], licence="OpenRAIL++")
    assert ModelCard(card).data.license == "openrail++"
    assert "have the license cc-by-4.0" in card
    unknown = make_card(dataclasses.replace(facts, dataset=None), "tester/a", [])
    assert "license of this model is unknown" in unknown and "of its training images is not known" in unknown


@pytest.mark.parametrize("licence", ["my own", "", "-x", "a\nb", "x" * 65, 3, "mit]", "m`it"])
def test_a_licence_that_cannot_be_one_is_refused(licence: object) -> None:
    with pytest.raises(SettingsError, match=r"`licence` must be .* Received: .* Try"):
        check_license(licence)


@pytest.mark.parametrize(("repo_id", "tag"), [("no-user", None), ("a/b`c", None), ("a/b", 'v"1'), ("a/b", "v\n1")])
def test_names_that_the_hub_does_not_allow_are_refused(repo_id: str, tag: str | None, facts: BundleFacts) -> None:
    with pytest.raises(SettingsError):
        make_card(facts, repo_id, [], tag=tag)


def test_an_edit_is_noticed(facts: BundleFacts) -> None:
    card = make_card(facts, "tester/a", ALL_NAMES)
    assert is_unedited_card(card)
    assert (
        is_unedited_card(card.replace("\n", "\r\n"))
        and is_unedited_card(card.rstrip())
        and is_unedited_card(card + "\n")
    )
    places = [math.floor(share * (len(card) - 90)) for share in (0, 0.3, 0.6, 1)]
    for place in places:
        assert not is_unedited_card(f"{card[:place]}x{card[place:]}")
    assert not is_unedited_card(card + "More of mine.\n")
    assert not is_unedited_card(card[: card.rindex("<!--")])
    assert not is_unedited_card("") and not is_unedited_card("# A card of mine\n")
