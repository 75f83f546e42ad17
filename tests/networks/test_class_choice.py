"""Classes: what seeds draw, and what users choose."""

import numpy as np
import pytest

from dcgan_hub.errors import SettingsError
from dcgan_hub.network_settings import NetworkSettings
from dcgan_hub.networks.classes import chosen_classes, draw_classes, parse_classes
from dcgan_hub.networks.latents import draw_latents
from dcgan_hub.networks.point_classes import leading_seed
from dcgan_hub.networks.point_syntax import parse_point
from dcgan_hub.presets import field_by_name, make_settings
from dcgan_hub.settings import Settings

NAMES = ("T-shirt", "trouser", "3", "coat, long")


def test_a_seed_draws_the_same_class_forever_and_all_are_equally_likely():
    """The numbers were drawn once and must stay; others write the rule as `bundle-format.md` has it."""
    assert draw_classes([0, 1, 2, 3, 42, 2**32 - 1], 10).tolist() == [1, 2, 9, 9, 5, 8]
    classes = draw_classes(range(3000), 10)
    assert classes.dtype == np.int32
    assert classes[7] == int(np.random.RandomState([7, 1]).random_sample() * 10)
    counts = np.bincount(classes, minlength=10)
    assert counts.min() > 230 and counts.max() < 370  # 300 each, and four standard deviations of 16.4
    first_latent = draw_latents(range(3000), 1)[:, 0]
    assert abs(np.corrcoef(classes, first_latent)[0, 1]) < 0.08, "class and latents are independent"


def test_classes_are_chosen_by_name_or_number_for_all_or_for_each():
    assert chosen_classes("trouser", NAMES) == 1 and chosen_classes(np.int64(3), NAMES) == 3
    assert chosen_classes(["trouser", 0, "3"], NAMES) == [1, 0, 2]
    assert parse_classes("trouser, 0,3", NAMES) == [1, 0, 2], "a name goes before a number"
    assert parse_classes("coat, long", NAMES) == [3] and parse_classes("all", NAMES) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "given, words",
    [
        ("trousers", "one of the generator's 4. Received: 'trousers'. Did you mean 'trouser'"),
        ("x" * 10**6, "Did you mean"),
        (4, "must be 0 to 3. Received: 4"),
        ([0, -1], "must be 0 to 3. Received: -1"),
        (True, "name or a whole number. Received: True"),
        ([1.0], "name or a whole number. Received: 1.0"),
        (None, "a name, a number, or a list of them. Received: None"),
        (1.5, "a name, a number, or a list of them. Received: 1.5"),
    ],
)
def test_a_class_that_does_not_exist_is_explained(given, words):
    with pytest.raises(SettingsError) as refusal:
        chosen_classes(given, NAMES)
    assert words in str(refusal.value) and len(str(refusal.value)) < 300


@pytest.mark.parametrize("text", ["4", "9" * 5000, "", "trouser,,3", "²"])
def test_a_list_with_a_class_that_does_not_exist_is_explained(text):
    with pytest.raises(SettingsError, match=r"Received: .*\. (Did you mean|Try) "):
        parse_classes(text, NAMES)
    with pytest.raises(SettingsError, match="for one without"):
        parse_classes(text, ())


def test_the_first_seed_of_a_point_decides_its_class():
    seeds = {"7": 7, "7~9@0.49": 7, "7~9@0.5": 9, "5.6-1+2": 5, "8_1@2": 8, "(3.4)~9@0.2": 3, "zAEBAGBAF": 0}
    assert {text: leading_seed(parse_point(text)) for text in seeds} == seeds


def test_the_number_of_classes_follows_from_the_images_and_is_no_option():
    """Without classes nothing is written of them, so all files stay as they are."""
    with pytest.raises(SettingsError, match="must be 0, or 2 to 1,000"):
        NetworkSettings(classes=1)
    assert "classes" not in NetworkSettings().to_dict()
    network = NetworkSettings(classes=3)
    assert network.to_dict()["classes"] == 3 and NetworkSettings.from_dict(network.to_dict()) == network
    plain = make_settings("avatars-32", {})
    assert field_by_name().get("classes", (None,))[0] is not NetworkSettings
    settings = Settings(preset="avatars-32", data=plain.data, network=network, training=plain.training)
    assert Settings.from_dict(settings.to_dict()) == settings
    assert "classes = 3" not in settings.to_toml()
