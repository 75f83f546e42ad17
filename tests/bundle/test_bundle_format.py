"""`dcgan.json`: its schema and its reader agree; and what is known of a network before it is built."""

import hashlib
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from facts_schema import SCHEMA, change_is_refused, fits_schema
from hostile_bundles import change
from hostile_facts import CHANGES
from jsonschema import Draft202012Validator

import dcgan_hub
from dcgan_hub.bundle.folder import explain_contents
from dcgan_hub.bundle.format import BundleFacts, DatasetFacts
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.weights import named_variables, weight_shapes, weights_file_bytes
from dcgan_hub.errors import BundleError, SettingsError
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings

PACKAGE = Path(dcgan_hub.__file__).parent
ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "tiny-bundle" / "dcgan.json"
EMBEDDED = PACKAGE / "assets" / "generator" / "dcgan.json"
# What only the reader refuses: a schema calls 1.0 a whole number, and knows nothing of NaN, of 64 bits, of depth.
BEYOND_THE_SCHEMA = {
    "format_version 1.0",
    "network.filters 6.0",
    "metrics.kid nan",
    "metrics.kid -inf",
    f"training.steps {10**30}",
    f"training.steps {2**63}",
    "training.deep [[[[[[[1]]]]]]]",
    "training.note '\\ud800'",
}
NETWORKS = [
    {},
    {"image_size": (28, 28), "channels": 1, "filters": 5},
    {"generator_normalization": "none", "increment": 7, "filters": 8},
    {"upsampling": "resize", "kernel_size": 3, "image_size": (50, 34), "max_filters": 40},
    {"upsampling": "resize", "generator_normalization": "none", "image_size": (32, 32), "filters": 4},
    {"generator_normalization": "modulated", "image_size": (40, 32), "filters": 6, "latent_dim": 9},
    {
        "upsampling": "resize",
        "generator_normalization": "modulated",
        "image_size": (32, 32),
        "channels": 1,
        "filters": 4,
    },
    {"stride": 3, "channels": 4, "generator_normalization": "none", "depth": 1, "image_size": (48, 40)},
    {"classes": 5, "generator_normalization": "modulated", "image_size": (32, 32), "filters": 4},
]


@pytest.mark.parametrize("file", [GOLDEN, EMBEDDED], ids=["golden", "embedded"])
def test_what_the_package_has_written_fits_the_schema(file):
    Draft202012Validator.check_schema(SCHEMA)
    assert list(Draft202012Validator(SCHEMA).iter_errors(json.loads(file.read_text(encoding="utf-8")))) == []


def test_what_the_package_writes_now_fits_the_schema(generator, tmp_path):
    dataset = DatasetFacts(name="faces", fingerprint="abc", count=0, licence=None, hub_id="huggan/anime-faces")
    facts = BundleFacts(network=generator.settings, dataset=dataset, training={"list": [1, None, True, {"a": 1.5}]})
    Generator(generator.settings, generator._network, facts).save_pretrained(tmp_path)

    assert fits_schema(tmp_path)


@pytest.mark.parametrize("place, value, reason", CHANGES)
def test_what_the_reader_refuses_the_schema_refuses_where_it_can(golden_bundle, place, value, reason):
    """test_attacks.py proves that the reader refuses all of these."""
    change(golden_bundle, *place.split("."), value=value)

    assert fits_schema(golden_bundle) == (f"{place} {value!r}" in BEYOND_THE_SCHEMA)


def test_the_exceptions_are_tested():
    assert {f"{place} {value!r}" for place, value, _ in CHANGES} >= BEYOND_THE_SCHEMA


@pytest.mark.parametrize(
    "place, value",
    [
        ("dataset", None),
        ("dataset.licence", None),
        ("dataset.hub_id", "huggan/anime-faces"),
        ("dataset.count", 0),
        ("network.increment", 0),
        ("network.dropout", 0),
        ("network.dropout", 0.9),
        ("network.channels", 1),
        ("network.upsampling", "resize"),
        ("network.discriminator_normalization", "spectral"),
        ("network.image_size", [32, 16]),
        ("pixels.minimum", -1),
        ("metrics", {}),
        ("metrics.fid", -3),
        ("weights.dtype", "F16"),
        ("training", {"a": {"b": [{"c": [1, -1.5, "", None, False]}]}}),
        ("training.note", "x" * 100_000),
        ("training.long", [0] * 10_000),
        ("versions", {}),
    ],
)
def test_what_the_reader_accepts_the_schema_accepts(golden_bundle, place, value):
    change(golden_bundle, *place.split("."), value=value)

    BundleFacts.from_json((golden_bundle / "dcgan.json").read_bytes())
    assert fits_schema(golden_bundle)


@pytest.mark.parametrize(
    "hub_id", ["mnist", "a/b/c", "a--b/c", "a/b..c", "-a/b", "a/b.git", "a/b.", "a /b", "a/" + "b" * 97, "", "ä/b"]
)
def test_what_is_no_name_on_the_hub_is_refused_by_both(golden_bundle, hub_id):
    reason = "`dataset.hub_id` must be the name of a dataset on the Hub"
    assert change_is_refused(golden_bundle, "dataset.hub_id", hub_id, reason)


def test_every_field_is_documented():
    def fields(schema: dict) -> set[str]:
        own = schema.get("properties", {})
        return set(own).union(*(fields(inner) for inner in own.values()))

    document = (ROOT / "docs" / "bundle-format.md").read_text(encoding="utf-8")
    names = fields(SCHEMA)

    assert len(names) > 30
    assert [name for name in sorted(names) if not re.search(rf"[`\"]{name}[`\"]", document)] == []


@pytest.mark.parametrize("settings", NETWORKS)
def test_a_networks_weights_are_known_without_building_it(settings):
    network_settings = NetworkSettings(**settings)
    network = build_generator(network_settings)

    expected = {name: tuple(variable.shape) for name, variable in named_variables(network).items()}
    assert weight_shapes(network_settings) == expected
    assert network_settings.generator_parameters == network.count_params()


@pytest.mark.parametrize("half_precision", [False, True])
def test_the_size_of_a_weights_file_is_known_without_writing_it(generator, tmp_path, half_precision):
    folder = generator.save_pretrained(tmp_path, half_precision)
    content = (folder / "model.safetensors").read_bytes()
    header_bytes = int.from_bytes(content[:8], "little")

    smallest, largest = weights_file_bytes(generator.settings, "F16" if half_precision else "F32")

    assert smallest == len(content) - header_bytes
    assert largest == smallest + 1_000_000


@pytest.mark.parametrize("settings", NETWORKS)
def test_the_largest_feature_map_is_known_without_building_the_network(settings):
    network_settings = NetworkSettings(**settings)
    layers = build_generator(network_settings).layers
    # What a stage enlarges may have a row and a column too many until it is cropped.
    maps = [math.prod(layer.output.shape[1:]) for layer in layers if not layer.name.endswith("_enlarge")]

    assert max(maps) <= network_settings.largest_feature_map
    if network_settings.upsampling == "resize":
        resized = next(layer.input for layer in layers if layer.name == "stage_1_smooth")
        assert math.prod(resized.shape[1:]) == network_settings.largest_feature_map


def test_a_feature_map_that_few_could_hold_is_refused():
    NetworkSettings(image_size=(256, 256), filters=512, max_filters=512)
    with pytest.raises(SettingsError, match=r"feature map may have at most 33,554,432 values.*Received: .*33,619,968"):
        NetworkSettings(image_size=(256, 256), filters=513, max_filters=513)


def test_metadata_of_other_writers_is_harmless(golden_bundle):
    arrays = safetensors.numpy.load_file(golden_bundle / "model.safetensors")
    content = safetensors.numpy.save(arrays, {"format": "np"})
    before = Generator.from_pretrained(golden_bundle).generate([1])
    (golden_bundle / "model.safetensors").write_bytes(content)
    change(golden_bundle, "weights", "sha256", value=hashlib.sha256(content).hexdigest())

    np.testing.assert_array_equal(Generator.from_pretrained(golden_bundle).generate([1]), before)


@pytest.mark.parametrize(
    "training",
    [{"loss": float("nan")}, {"loss": np.float32(1)}, {1: 2}, {"a": object()}, {"a": [[[[[1]]]]]}],
)
def test_facts_that_no_reader_would_take_are_refused_at_once(training):
    with pytest.raises(BundleError, match="Received: "):
        BundleFacts(network=NetworkSettings(), training=training)


def test_facts_as_deep_as_a_reader_takes_come_back():
    facts = BundleFacts(network=NetworkSettings(), training={"a": [[[[1]]]]})
    document = json.loads(facts.to_json()) | {"weights": {"dtype": "F32", "sha256": "0" * 64}}

    assert BundleFacts.from_json(json.dumps(document).encode()).training == facts.training


def test_contents_of_a_foreign_repository_are_told_in_few_words():
    assert explain_contents([]) == "nothing"
    assert explain_contents(["b.txt", "a.md"]) == "a.md, b.txt"
    many = explain_contents(f"{'very long ' * 50}{number}.txt" for number in range(10**6))
    assert len(many) < 250 and many.endswith("and 997 more")
    unsafe = explain_contents(["README.md", "\x1b[2Jnet/gen.PT", "model.h5", "model.safetensors"])
    assert unsafe.startswith(
        "?[2Jnet/gen.PT (PyTorch, mostly a pickle), model.h5 (Keras HDF5): such files can run code"
    )
    assert unsafe.endswith("if you trust it")
