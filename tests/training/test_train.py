"""A whole run: what it leaves behind, and what it refuses."""

import errno
import hashlib
import json
import math
import random
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dcgan_hub import DataError, Generator, RunError, SettingsError, train
from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.presets import make_settings
from dcgan_hub.runs import checkpoint_files
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.training import recorder
from dcgan_hub.training.backends import devices
from dcgan_hub.training.callbacks import Clock, LossNotFinite, StopOnDivergence
from dcgan_hub.training.checkpoint import save_checkpoint
from dcgan_hub.training.dcgan import METRICS
from dcgan_hub.training.model import build_gan


@pytest.fixture(scope="module")
def run(squares, tmp_path_factory):
    """A run of 10 steps."""
    path = tmp_path_factory.mktemp("runs") / "squares"
    train(
        squares, run=path, steps=10, quiet=True, image_size="20x16", filters=4, latent_dim=8, batch_size=4,
        precision="float32", sample_every=4, checkpoint_every=4, report_every=5,
        r1_gamma=0.0, learning_rate=0.02,  # so that every sheet differs; a film joins equal ones
    )  # fmt: skip
    return path


def test_a_run_leaves_what_its_description_promises(run):
    files = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    expected = {
        "run.json", "metrics.jsonl", "timelapse.webp", "plots/losses.png", "plots/accuracy.png",
        "samples/step-00000000.png", "samples/step-00000004.png", "samples/step-00000008.png",
        "samples/step-00000010.png", "checkpoints/step-00000008/state.safetensors",
        "checkpoints/step-00000008/checkpoint.json", "checkpoints/step-00000010/state.safetensors",
        "generator/model.safetensors", "generator/dcgan.json", "generator/config.json",
        "generator/model.weights.h5", "generator/samples.png",
    }  # fmt: skip
    assert expected <= files
    assert any(name.startswith("tensorboard/events.out.tfevents") for name in files)
    assert not any(".unfinished-" in name for name in files)


def test_tensorboard_reads_the_same_metrics(run):
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert set(events.Tags()["scalars"]) == set(rows[0]) - {"step", "seconds"}
    for name in events.Tags()["scalars"]:
        read = [(event.step, event.value) for event in events.Scalars(name)]
        assert read == [(row["step"], pytest.approx(row[name], rel=1e-3)) for row in rows]


def test_metrics_have_every_promised_field(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 10]
    assert set(rows[0]) == {
        "step", "images_seen", "seconds", "g_loss", "d_loss", "real_accuracy", "generated_accuracy",
        "g_gradient_norm", "d_gradient_norm", "images_per_second", "augmentation_strength",
        "diversity", "contrast", "detail", "brightness", "saturated", "grey",
    }  # fmt: skip
    assert rows[1]["images_seen"] == 40 and 0 <= rows[1]["real_accuracy"] <= 1
    assert all(math.isfinite(value) for row in rows for value in row.values())


def test_the_record_tells_settings_data_versions_machine_and_state(run):
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "finished" and record["progress"]["step"] == 10
    assert record["settings"]["network"]["image_size"] == [20, 16]
    assert record["dataset"]["count"] == 30 and len(record["dataset"]["fingerprint"]) == 64
    assert record["versions"]["keras"] == keras.__version__
    assert record["hardware"]["cores"] >= 1
    assert record["hardware"]["kernels"].count(",") == 1


def test_the_sheet_shows_the_images_of_its_seeds(run):
    with Image.open(run / "samples" / "step-00000010.png") as sheet:
        assert sheet.text["seeds"] == "0-63" and sheet.text["step"] == "10"
        pixels = np.asarray(sheet)
    images = Generator.from_pretrained(run).generate(seeds=[0, 9])
    assert images.shape == (2, 20, 16, 3)
    height, width = pixels.shape[0] / 8, pixels.shape[1] / 8
    for place, image in (((0, 0), images[0]), ((1, 1), images[1])):  # seed 9 stands in the second row and column
        top, left = round(place[0] * height), round(place[1] * width)
        cell = pixels[top : top + round(height), left : left + round(width)]
        windows = np.lib.stride_tricks.sliding_window_view(cell, image.shape)[..., 0, :, :, :].reshape(-1, *image.shape)
        assert any(np.array_equal(window, image) for window in windows)


def test_the_timelapse_shows_every_sheet(run):
    with Image.open(run / "timelapse.webp") as film:
        assert film.n_frames == 4


def test_plots_are_pictures_with_two_curves(run):
    for name in ("losses", "accuracy"):
        with Image.open(run / "plots" / f"{name}.png") as plot:
            colours = {colour for _, colour in plot.convert("RGB").getcolors(maxcolors=10**6)}
        assert (0x2A, 0x6F, 0x97) in colours and (0xC1, 0x57, 0x2B) in colours


def test_plots_are_not_drawn_more_often_than_they_are_looked_at(squares, tiny, tmp_path, monkeypatch):
    """Of three sheets only with the one that comes late enough, and at the end in any case."""
    drawn, plot_losses, plot = [], recorder.plot_losses, recorder.Recorder.plot

    def plot_in_turn(self, logs=None):
        monkeypatch.setattr(recorder, "PLOT_SECONDS", 0.0 if self.clock.step == 4 else 3600.0)
        plot(self, logs)

    monkeypatch.setattr(recorder.Recorder, "plot", plot_in_turn)
    monkeypatch.setattr(recorder, "plot_losses", lambda rows, path: drawn.append(len(rows)) or plot_losses(rows, path))
    settings = tiny | {"steps": 7, "sample_every": 2, "report_every": 1}
    path = train(squares, run=tmp_path / "run", quiet=True, **settings).path
    assert drawn == [4, 7]
    assert (path / "plots" / "losses.png").exists()


@pytest.mark.parametrize("decay_steps, rate", [(0, 0.01), (3, 0.01 / 3)])
def test_learning_rates_fall_with_the_steps(decay_steps, rate, tiny):
    gan = build_gan(
        make_settings("avatars-32", tiny | {"learning_rate": 0.01, "learning_rate_decay_steps": decay_steps})
    )
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        optimizer.iterations.assign(6)
        assert float(optimizer.learning_rate) == pytest.approx(rate)


def test_the_generator_of_the_run_is_the_moving_average_at_the_end(run):
    state = load_file(run / "checkpoints" / "step-00000010" / "state.safetensors")
    published = load_file(run / "generator" / "model.safetensors")
    for name, array in published.items():
        assert np.array_equal(state[f"ema_generator/{name}"], array)


@pytest.mark.parametrize(
    "values, error, message",
    [
        ({"filters": -1}, SettingsError, "Nearest valid: 2"),
        ({"filtres": 4}, SettingsError, "Did you mean filters"),
        ({"batch_size": 64}, DataError, "fewer than one batch of 64"),
        ({"preset": "dcgan-63"}, SettingsError, "one of mnist-28"),
        ({"config": "missing.toml"}, SettingsError, "must exist"),
    ],
)
def test_bad_settings_touch_nothing(values, error, message, squares, tiny, tmp_path):
    with pytest.raises(error, match=message):
        train(squares, run=tmp_path / "run", quiet=True, **(tiny | values))
    assert not (tmp_path / "run").exists()


def test_a_folder_with_other_content_is_not_touched(squares, tiny, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match=r"thesis\.txt"):
        train(squares, run=tmp_path, steps=1, quiet=True, **tiny)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


RECORDS = [
    '{"settings": ', "[]", "{}", '{"settings": {}, "dataset": {}, "progress": []}', "[" * 5000,
    '{"settings": {}, "dataset": [], "progress": {"step": 1}}',
    '{"settings": {}, "dataset": {}, "progress": {"step": "5"}}',
]  # fmt: skip


@pytest.mark.parametrize("content", RECORDS, ids=[content[:40] for content in RECORDS])
def test_a_damaged_record_is_explained(content, squares, tiny, tmp_path):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run\.json of a run must be readable"):
        train(squares, run=tmp_path, steps=1, quiet=True, **tiny)
    assert (tmp_path / "run.json").read_text() == content


def test_odd_lines_of_metrics_are_left_out(run, tmp_path):
    directory = RunDirectory(tmp_path)
    lines = ['{"step": 1, "g_loss": [1]}', '{"step": "2"}', "[3]", "{", '{"step": 4, "d_loss": 0.5, "kid": null}']
    directory.metrics_file.write_text("\n".join(lines) + "\n")
    assert directory.read_metrics() == [{"step": 1}, {"step": 4, "d_loss": 0.5}]


def test_half_a_line_of_metrics_does_not_swallow_the_next(tmp_path):
    """A full disk leaves half a line; when there is room again, the run goes on."""
    directory = RunDirectory(tmp_path)
    directory.append_metrics({"step": 1})
    with directory.metrics_file.open("a") as file:
        file.write('{"step": 2, "g_lo')
    directory.append_metrics({"step": 3})
    directory.append_metrics({"step": 4})
    assert directory.read_metrics() == [{"step": 1}, {"step": 3}, {"step": 4}]


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one_of_its_step(tiny, tmp_path, monkeypatch):
    gan, folder = build_gan(make_settings("avatars-32", tiny)), tmp_path / "step-00000000"
    save_checkpoint(folder, gan, Progress())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(checkpoint_files, "save", full)
        save_checkpoint(folder, gan, Progress())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    gan.augmentation_strength.assign(0.5)
    save_checkpoint(folder, gan, Progress())
    assert load_file(folder / "state.safetensors")["augmentation_strength"] == 0.5
    assert list(tmp_path.iterdir()) == [folder]


def change_state(folder, name, value):
    """Sets one array of a checkpoint, and the checksum with it."""
    state = load_file(folder / "state.safetensors")
    state[name][:] = value
    with safe_open(folder / "state.safetensors", framework="numpy") as file:
        save_file(state, folder / "state.safetensors", metadata=file.metadata())
    facts = json.loads((folder / "checkpoint.json").read_text())
    facts["sha256"] = hashlib.sha256((folder / "state.safetensors").read_bytes()).hexdigest()
    (folder / "checkpoint.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    "names, start",
    [
        (["d_loss"], "The loss of the discriminator became"),
        (["g_loss", "d_loss"], "The losses of the generator and the discriminator became"),
        (["d_gradient_norm"], "The gradients of the discriminator became"),
        (
            ["g_gradient_norm", "d_loss", "d_gradient_norm"],
            "The loss of the discriminator and the gradients of the generator and the discriminator became",
        ),
        (["augmentation"], "Augmentation became"),
    ],
)
def test_what_is_not_finite_is_named_for_what_it_is(names, start):
    clock = Clock(Progress(step=7), 4)
    with pytest.raises(LossNotFinite, match=f"^{start} NaN or infinite at step 7"):
        StopOnDivergence(clock).on_train_batch_end(0, dict.fromkeys(METRICS, 0.5) | dict.fromkeys(names, math.nan))


@pytest.fixture
def finished(finished_run, tmp_path):
    """A copy of a run of 9 steps with checkpoints at 8 and 9."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def test_weights_that_are_not_finite_stop_the_run_and_it_says_what_to_do(finished, squares, tiny):
    """In the moving average, which no loss depends on."""
    run = finished
    state = run / "checkpoints" / "step-00000009" / "state.safetensors"
    name = next(name for name in load_file(state) if name.startswith("ema_generator/") and name.endswith("kernel"))
    change_state(state.parent, name, math.nan)
    with pytest.raises(RunError, match="must be finite to be saved") as error:
        train(squares, run=run, steps=30, quiet=True, **(tiny | {"sample_every": 100}))
    reason = json.loads((run / "run.json").read_text())["reason"]
    for words in ("lower --learning-rate (now 0.002)", "--heal"):
        assert words in str(error.value) and words in reason
    assert f"The last good state is '{state.parent}'" in str(error.value)


def test_a_run_that_fails_before_its_first_step_does_not_stay_running(finished, squares, tiny):
    """A file is where the folder of the event files should be."""
    shutil.rmtree(finished / "tensorboard")
    (finished / "tensorboard").write_text("in the way")
    with pytest.raises(RunError, match="must be writable"):
        train(squares, run=finished, steps=10, quiet=True, **tiny)
    record = json.loads((finished / "run.json").read_text())
    assert record["state"] == "failed" and "must be writable" in record["reason"]


def test_a_run_shorter_than_a_report_has_metrics_and_plots(squares, tiny, tmp_path, capsys):
    settings = tiny | {"sample_every": 100, "report_every": 100}
    run = train(squares, run=tmp_path / "run", steps=3, **settings)
    (row,) = run.read_metrics()
    assert row["step"] == 3 and row["images_seen"] == 12 and row["images_per_second"] > 0
    assert set(METRICS) < set(row)
    plots = re.search(r"plots +(\S+), (\S+)", capsys.readouterr().out).groups()
    assert [Path(plot).is_file() for plot in plots] == [True, True]


def test_training_leaves_the_callers_random_numbers_alone(tiny):
    def draw():
        return random.random(), np.random.rand(), float(tf.random.normal(())), float(keras.random.normal(()))

    settings = make_settings("avatars-32", tiny | {"dropout": 0.3, "seed": 5})
    keras.utils.set_random_seed(3)
    expected = [draw(), draw()]
    keras.utils.set_random_seed(3)
    drawn = [draw()]
    gan = build_gan(settings)
    assert [*drawn, draw()] == expected

    keras.utils.set_random_seed(5)  # as runs were started before: a seed must mean the same weights as then
    kinds = devices.layer_kinds()
    generator = build_generator(settings.network, kinds=kinds)
    discriminator = build_discriminator(settings.network, kinds=kinds)
    for network, plain in ((gan.generator, generator), (gan.discriminator, discriminator)):
        for weight, same in zip(network.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, same)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_last_good_state(finished, squares, tiny):
    """A checkpoint with huge weights, finite and with a right checksum, stands for a run that is about to diverge."""
    run = finished
    folder = run / "checkpoints" / "step-00000009"
    change_state(folder, "discriminator/judge/kernel", 1e38)
    published = (run / "generator" / "model.safetensors").read_bytes()

    with pytest.raises(RunError, match=r"discriminator.* became NaN or infinite at step 10\.") as error:
        train(squares, run=run, steps=30, quiet=True, **tiny)
    assert str(folder) in str(error.value)
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "failed" and "step 10" in record["reason"]
    assert "lower --learning-rate" in record["reason"]
    assert (run / "generator" / "model.safetensors").read_bytes() == published
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-00000008", "step-00000009"]


def test_weights_that_are_not_finite_are_never_saved(squares, tiny, tmp_path):
    gan = build_gan(make_settings("avatars-32", tiny))
    gan.generator.weights[0].assign(gan.generator.weights[0] * float("nan"))
    with pytest.raises(RunError, match="must be finite to be saved"):
        save_checkpoint(tmp_path / "step-00000001", gan, Progress(step=1))
    assert list(tmp_path.iterdir()) == []


def test_grey_and_transparent_images_and_the_clock(tmp_path):
    random = np.random.RandomState(0)
    for channels, minutes in ((1, 0.02), (4, 0.0001)):
        path = tmp_path / f"{channels}.npy"
        np.save(path, random.randint(0, 256, (8, 28, 28, channels), dtype=np.uint8))
        run = train(
            path, run=tmp_path / f"run-{channels}", minutes=minutes, quiet=True, channels=channels, filters=2,
            latent_dim=4, batch_size=4, precision="float32", r1_gamma=0.0,
        )  # fmt: skip
        assert Generator.from_pretrained(run.path).image_shape == (28, 28, channels)
        assert run.read_record()["settings"]["training"]["minutes"] == minutes
        assert run.read_record()["progress"]["step"] >= 1  # however short the time
