"""Settings: what is refused and what is advised instead; files in and out."""

import dataclasses

import pytest

from dcgan_hub.errors import SettingsError
from dcgan_hub.network_settings import NetworkSettings, automatic_depth, stage_sizes
from dcgan_hub.presets import PRESETS, make_settings, read_settings_file
from dcgan_hub.settings import RESUMABLE, Settings, TrainingSettings
from dcgan_hub.settings_fields import parse_image_size


@pytest.mark.parametrize("given, size", [(64, (64, 64)), ("64", (64, 64)), ("96x64", (96, 64)), ([150, 99], (150, 99))])
def test_image_size_is_read_in_each_form(given, size):
    assert parse_image_size(given) == size


@pytest.mark.parametrize(
    "given", ["", "large", "1x2x3", None, True, [], 6.5, "64 x", "-", [float("inf"), 64], [64.9, 64]]
)
def test_image_size_in_another_form_is_explained(given):
    with pytest.raises(SettingsError, match="height x width"):
        parse_image_size(given)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"image_size": (8, 64)}, r"Received: image_size=8x64\. Nearest valid: 16x64"),
        ({"image_size": 300}, r"Received: image_size=300x300\. Nearest valid: 256x256"),
        ({"channels": 2}, r"one of 1, 3, 4\. Received: channels=2"),
        ({"kernel_size": 2, "stride": 3}, r"Nearest valid: kernel_size=3"),
        ({"max_filters": 16}, r"Nearest valid: max_filters=32"),
        ({"depth": 7}, r"Received: depth=7 with stride=2\. Nearest valid: depth=5"),
        ({"image_size": 256, "depth": 1}, r"Nearest valid: depth=3"),
        ({"stride": 9}, r"Nearest valid: 4"),
        ({"dropout": 1.5}, r"Nearest valid: 0\.9"),
        ({"dropout": float("nan")}, r"Received: dropout=nan\. Nearest valid: 0\.0"),
        ({"filters": "many"}, r"must be a whole number\. Received: filters='many'"),
        ({"filters": True}, r"must be a whole number"),
        ({"upsampling": "bilinear"}, r"one of transposed, resize\. Received: upsampling='bilinear'"),
        ({"latent_dim": 0}, r"Nearest valid: 1"),
        ({"image_size": 256, "depth": 3, "filters": 256, "max_filters": 1024}, r"100,000,000 parameters"),
    ],
)
def test_a_network_that_cannot_work_is_refused_with_the_nearest_that_can(values, message):
    with pytest.raises(SettingsError, match=message):
        NetworkSettings(**values)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"batch_size": 1}, r"Nearest valid: 2"),
        ({"learning_rate": 2}, r"Nearest valid: 1\.0"),
        ({"seed": -1}, r"Nearest valid: 0"),
        ({"seed": 2**32}, rf"Nearest valid: {2**32 - 1}"),
        ({"optimizer": "sgd"}, r"one of adam, adamw, rmsprop"),
        ({"steps": 0}, r"Nearest valid: 1"),
        ({"epochs": 10**400}, r"Nearest valid"),
        ({"minutes": 0}, r"more than 0\. Received: minutes=0"),
        ({"loss": "hinge", "label_smoothing": 0.1}, r"needs a loss with targets.*Nearest valid: label_smoothing=0"),
        ({"augmentation": "some"}, r"one of none, fixed, adaptive"),
        ({"flip": "yes"}, r"must be true or false"),
        ({"steps": 5, "epochs": 2}, r"given only once.*Received: steps=5, epochs=2"),
    ],
)
def test_training_that_cannot_work_is_refused(values, message):
    with pytest.raises(SettingsError, match=message):
        TrainingSettings(**values)


@pytest.mark.parametrize(
    "size, depth",
    [((16, 16), 2), ((28, 28), 2), ((32, 32), 3), ((64, 64), 4), ((96, 64), 4), ((150, 150), 5), ((256, 256), 6)],
)
def test_automatic_depth_ends_at_four_to_seven_pixels(size, depth):
    assert automatic_depth(size) == depth
    assert 4 <= min(stage_sizes(size, 2, depth)[-1]) <= 7


def test_widths_double_or_grow_by_the_increment_up_to_the_most():
    assert NetworkSettings(image_size=256, filters=16, max_filters=128).widths == [16, 32, 64, 128, 128, 128]
    assert NetworkSettings(image_size=64, filters=24, increment=40, max_filters=100).widths == [24, 64, 100, 100]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_makes_settings_and_survives_json_and_toml(preset, tmp_path):
    settings = make_settings(preset, {"data": 'a "quoted" ünïcode\\path'})
    assert Settings.from_dict(settings.to_dict()) == settings

    path = tmp_path / "settings.toml"
    path.write_text(settings.to_toml(), encoding="utf-8")
    values = read_settings_file(path)
    assert make_settings(values.pop("preset"), values) == settings


def test_wasserstein_has_its_own_penalty_in_every_preset():
    for preset in PRESETS:
        training = make_settings(preset, {"loss": "wasserstein"}).training
        assert (training.r1_gamma, training.slope_penalty) == (0.0, 10.0)
    assert make_settings("dcgan-64-light", {"loss": "wasserstein", "r1_gamma": 2.0}).training.r1_gamma == 2.0


def test_a_given_length_replaces_the_length_of_the_preset():
    training = make_settings("dcgan-64", {"minutes": 3}).training
    assert (training.steps, training.epochs, training.minutes) == (None, None, 3.0)


def test_only_length_intervals_healing_and_what_computes_may_change_in_a_resumed_run():
    lengths, intervals = {"steps", "epochs", "minutes"}, {"sample_every", "checkpoint_every", "report_every"}
    assert lengths | intervals | {"evaluate_every", "evaluate_images", "heal", "devices", "deterministic"} == RESUMABLE


def test_penalties_and_strength_follow_from_loss_and_kind_where_not_given():
    def filled(**values):
        training = make_settings("avatars-32", values).training
        return training.r1_gamma, training.slope_penalty, training.augmentation_strength

    assert filled() == (1.0, 0.0, 0.0)
    assert filled(loss="wasserstein") == (0.0, 10.0, 0.0)
    assert filled(loss="wasserstein", r1_gamma=0.5, slope_penalty=0.0) == (0.5, 0.0, 0.0)
    assert filled(augmentation="fixed") == (1.0, 0.0, 1.0)
    assert filled(augmentation="adaptive", augmentation_strength=0.3) == (1.0, 0.0, 0.3)


@pytest.mark.parametrize(
    "values, obstacle",
    [
        ({"loss": "hinge"}, "loss=hinge"),
        ({"batch_deviation": True}, "batch_deviation=true"),
        ({"discriminator_normalization": "batch"}, "discriminator_normalization=batch"),
    ],
    ids=["loss", "batch deviation", "batch normalisation"],
)
def test_one_stage_is_refused_where_images_are_not_judged_one_by_one(values, obstacle):
    make_settings("avatars-32", {"schedule": "one-stage"})
    with pytest.raises(
        SettingsError, match=rf"`schedule \(--update\)`.*{obstacle}.*Nearest valid: schedule=alternating"
    ):
        make_settings("avatars-32", values | {"schedule": "one-stage"})


@pytest.mark.parametrize(
    "text, message",
    [
        ("[network]\nfilter = 3", r"has no `filter`.*Did you mean filters"),
        ("[nets]\nfilters = 3", r"has no `nets`.*Did you mean data or network"),
        ("filters = 3", r"has no `filters`"),
        ("network = 3", r"has no `network`"),
        ("[network\n", r"must be TOML"),
        ("x = " + "[" * 5000, r"must be TOML"),
        ("x = " + "1" * 5000, r"must be TOML"),
    ],
)
def test_a_wrong_settings_file_is_explained(text, message, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        read_settings_file(path)


def test_a_missing_settings_file_is_explained(tmp_path):
    with pytest.raises(SettingsError, match="must exist"):
        read_settings_file(tmp_path / "none.toml")


def test_unknown_names_and_presets_are_refused():
    with pytest.raises(SettingsError, match="Did you mean batch_size"):
        make_settings("dcgan-64", {"batchsize": 4})
    with pytest.raises(SettingsError, match="one of mnist-28"):
        make_settings("dcgan-65", {})
    with pytest.raises(SettingsError, match="one of mnist-28"):
        make_settings(["a"], {})
    damaged = make_settings("dcgan-64", {}).to_dict()
    del damaged["network"]
    with pytest.raises(SettingsError, match="sections"):
        Settings.from_dict(damaged)


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_settings("dcgan-64", {}).network.filters = 3
