"""Runs that start from a published generator: what they take, what they do not, and that they need it only once."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from tiny_runs import TINY, make_squares

from dcgan_hub import Generator, RunError, SettingsError, train
from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.weights import weight_shapes
from dcgan_hub.console import Console
from dcgan_hub.runs.checkpoint_generator import read_checkpoint_discriminator
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.runs.origin import read_origin
from dcgan_hub.training.backends import loop
from dcgan_hub.training.checkpoint import read_state
from dcgan_hub.training.model import build_gan
from dcgan_hub.training.plan import make_plan
from dcgan_hub.training.start.defaults import origin_defaults, preset_of
from dcgan_hub.training.start.warm_up import warm_up
from dcgan_hub.training.start.weights import fit_of, needs_warm_up, take_weights
from dcgan_hub.training.train import run_plan

RECIPE = {name: value for name, value in TINY.items() if name not in ("image_size", "filters", "latent_dim")}


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """31 squares: those of the finished run, and one more."""
    return make_squares(tmp_path_factory.mktemp("data") / "others.npy", 31)


def test_a_run_starts_with_both_networks_and_goes_on_without_its_origin(finished_run, others, tmp_path):
    """Settings of the networks are those of the origin. A copy made at step 0 is what a kill there would leave."""
    origin = RunDirectory(shutil.copytree(finished_run, tmp_path / "origin"))
    whole, parts = RunDirectory(tmp_path / "whole"), RunDirectory(tmp_path / "parts")
    values = RECIPE | {"data": str(others), "steps": 12}
    plan = make_plan(whole.path, None, values, show_progress=False, start_from=str(origin.path))
    assert plan.settings.network.filters == 4 and plan.settings.network.image_size == (16, 16)
    run_plan(plan, Console(quiet=True), lambda step: step or shutil.copytree(whole.path, parts.path))

    _, published = read_bundle(origin.generator)
    _, at_start = read_bundle(parts.generator)
    assert all(np.array_equal(at_start[name], published[name]) for name in published)
    judge, expected = (read_checkpoint_discriminator(*at) for at in ((parts.path, 0), (origin.path, 9)))
    assert all(np.array_equal(judge[name], expected[name]) for name in expected)

    shutil.rmtree(origin.path)
    train(others, run=parts.path, quiet=True, start_from=origin.path, **RECIPE | {"steps": 12})
    assert (parts.generator / "model.safetensors").read_bytes() == (whole.generator / "model.safetensors").read_bytes()
    assert {"step-00000000", "step-00000012"} <= {folder.name for folder in parts.checkpoints.iterdir()}
    described = parts.read_record()["origin"]
    assert described["name"] == "origin" and described["step"] == 9
    assert json.loads((parts.generator / "dcgan.json").read_text())["training"]["start"] == described
    with pytest.raises(RunError, match=r"keeps the start it had.* started from origin"):
        train(others, run=parts.path, quiet=True, start_from="avatars")
    with pytest.raises(RunError, match="started afresh"):
        train(run=finished_run, quiet=True, start_from=parts.path)


def test_what_fits_is_taken_and_a_new_discriminator_warms_up(finished_run, others, tmp_path, capsys):
    """A bundle without a discriminator, for images of twice the size: all convolutions of the generator fit."""
    bundle = shutil.copytree(finished_run / "generator", tmp_path / "bundle")
    settings = RECIPE | {"image_size": 32, "steps": 1}
    run = train(others, run=tmp_path / "run", start_from=bundle, **settings)
    printed = capsys.readouterr().out
    assert "from bundle: 13 of 14 weights of its generator (new: project/kernel), no discriminator" in printed
    assert "warms up" in printed
    _, start = read_bundle(bundle)
    facts, _ = read_bundle(run.generator)
    assert facts.network.depth == 2 and facts.network.image_size == (32, 32)
    assert start["project/kernel"].shape == (8, 4 * 4 * 8)


def test_during_the_warm_up_the_generator_is_frozen_and_afterwards_it_learns(squares, finished_run, tmp_path):
    plan = make_plan(tmp_path / "run", None, RECIPE | {"data": str(squares)}, False, start_from=str(finished_run))
    gan = build_gan(plan.settings)
    take_weights(plan.origin, gan)
    assert not needs_warm_up(plan.origin, gan) and not fit_of(gan.generator, plan.origin.generator).fresh
    before = read_state(gan, 0)
    warm_up(gan, plan.images.images, 4, 0, loop.gather_group(plan.layout))
    after = read_state(gan, 0)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert {name.partition("/")[0] for name in changed} <= {"generator", "discriminator", "discriminator_optimizer"}
    assert "discriminator/judge/kernel" in changed and after["step"] == 0
    assert all("moving_" in name for name in changed if name.startswith("generator/"))
    gan.compiled_step()(plan.images.images[:4])
    learned = read_state(gan, 1)
    assert not np.array_equal(learned["generator/project/kernel"], after["generator/project/kernel"])


def test_a_generator_of_which_nothing_fits_is_refused(finished_run, others, tmp_path):
    with pytest.raises(SettingsError, match="of whose weights none fits"):
        train(
            others, run=tmp_path / "run", quiet=True, start_from=finished_run, latent_dim=9, filters=5, kernel_size=5,
            channels=1, generator_normalization="none", **RECIPE,
        )  # fmt: skip
    assert not (tmp_path / "run" / "run.json").exists()


def test_the_embedded_generator_can_be_an_origin():
    origin = read_origin("avatars")
    assert origin.facts.name == "avatars" and origin.facts.licence == "cc0-1.0" and origin.facts.step == 40_000
    assert origin.discriminator is None
    assert {name: array.shape for name, array in origin.generator.items()} == weight_shapes(origin.network)
    assert Generator.from_pretrained("avatars").settings == origin.network


def test_rates_are_those_of_the_origin_unless_the_user_gives_one_or_they_cannot_be():
    """Rates far above its own destroy a generator within 200 steps."""
    origin = read_origin("avatars")
    origin = dataclasses.replace(origin, training=origin.training | {"learning_rate": 0.0002})
    assert origin_defaults(origin, {})["learning_rate"] == 0.0002
    with_discriminator = dataclasses.replace(origin, discriminator={})
    assert origin_defaults(with_discriminator, {})["learning_rate"] == 0.0001
    tuned = dataclasses.replace(with_discriminator, training=origin.training | {"start": {"name": "avatars"}})
    assert origin_defaults(tuned, {})["learning_rate"] == 0.0002, "an origin that was fine-tuned has such rates already"
    given = origin_defaults(origin, {"discriminator_learning_rate": 0.1, "image_size": 256, "filters": 8})
    assert "learning_rate" not in given and (given["filters"], given["image_size"], given["depth"]) == (8, 256, 4)
    assert origin_defaults(origin, {"image_size": 16})["depth"] is None, "four stages would end at 1 x 1"
    for rate in ("fast", [1], -1.0, 10**400, True):
        odd = dataclasses.replace(origin, training={"learning_rate": rate, "preset": ["x"]})
        assert "learning_rate" not in origin_defaults(odd, {}) and preset_of(odd) is None


def test_other_things_than_generators_are_refused_in_a_sentence(tmp_path, squares):
    """Commands print these errors and end with status 2."""
    from dcgan_hub.cli import main

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("not a generator")
    for origin in ("photos", "notes.txt"):
        words = ["train", "--data", str(squares), "--run", str(tmp_path / "run"), "--start-from"]
        assert main([*words, str(tmp_path / origin)]) == 2
    assert not (tmp_path / "run").exists()
