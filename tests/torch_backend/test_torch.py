"""Training on PyTorch, in an environment without TensorFlow, beside training on TensorFlow here.

DCGAN_HUB_TORCH_PYTHON is a Python that has PyTorch and the dependencies of this package but TensorFlow: see
`make test-torch`.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.runs.directory import RunDirectory

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = os.environ.get("DCGAN_HUB_TORCH_PYTHON")
pytestmark = pytest.mark.skipif(PYTHON is None, reason="needs a Python with PyTorch: make test-torch")
TINY = ["--image-size", "16", "--filters", "4", "--latent-dim", "8", "--batch-size", "4", "--precision", "float16"]
TINY += ["--checkpoint-every", "4", "--sample-every", "8", "--report-every", "2", "--dropout", "0.1"]


DETERMINISTIC = """
import os, sys
from dcgan_hub.cli import main
status = main(sys.argv[1:])
import torch
print(torch.are_deterministic_algorithms_enabled(), os.environ["CUBLAS_WORKSPACE_CONFIG"])
sys.exit(status)
"""


def start(*words, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    environment |= {"PYTHONPATH": str(ROOT)} | variables
    command = [PYTHON, *map(str, words)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*words, **variables):
    process = start(*words, **variables)
    output, errors = process.communicate(timeout=900)
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def digest(folder):
    return hashlib.sha256((folder / "generator" / "model.safetensors").read_bytes()).hexdigest()


def test_two_hundred_steps_on_both_begin_with_the_same_losses_and_gradients(tmp_path):
    sys.path.insert(0, str(Path(__file__).parent))
    from first_steps import first_steps, make_gan

    from dcgan_hub.training.checkpoint import read_state

    weights = read_state(make_gan(1.0), 0)
    np.savez(tmp_path / "weights.npz", **weights)
    result = run(ROOT / "tests/torch_backend/first_steps.py", tmp_path / "weights.npz", tmp_path / "results.npz",
                 KERAS_BACKEND="torch")  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    expected = first_steps(weights)
    with np.load(tmp_path / "results.npz") as stored:
        found = dict(stored)
    assert found.pop("backend") == "torch" and found.pop("tensors_read") == 0 and set(found) == set(expected)
    assert "classes/g_loss" in found
    for name, value in expected.items():
        kind, _, place = name.partition("/")
        before = weights.get(place, 0.0) if kind == "state" else 0.0  # so that steps, and not weights, are compared
        step, size = found[name] - before, np.abs(value - before).max()
        tolerance = 0.3 if kind == "last" else 1e-4  # rounding grows from step to step
        np.testing.assert_allclose(step, value - before, rtol=0, atol=tolerance * size + 1e-7, err_msg=name)


def test_layers_for_training_compute_what_keras_computes_and_leave_maps_channels_last():
    result = run(ROOT / "tests/torch_backend/layers_beside_keras.py", KERAS_BACKEND="torch")
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.fixture(scope="module")
def alone(squares, tmp_path_factory):
    """12 steps on the squares, in one go."""
    folder = tmp_path_factory.mktemp("torch") / "alone"
    result = run(ROOT / "train.py", "--data", squares, "--run", folder, "--steps", 12, *TINY)
    assert result.returncode == 0, result.stderr
    assert "on the processor by PyTorch" in result.stdout
    return folder


def test_a_run_that_was_killed_ends_with_the_same_weights(alone, squares, tmp_path):
    """In float16, whose scale is part of the state; deterministic kernels change nothing on a processor."""
    words = ["--data", squares, "--run", tmp_path / "run", "--steps", 12, *TINY]
    process = start(ROOT / "train.py", *words)
    while process.poll() is None and not RunDirectory(tmp_path / "run").checkpoint(4).exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    result = run("-c", DETERMINISTIC, "train", *words, "--deterministic")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("True :4096:8\n") and "float16, deterministic kernels" in result.stdout
    assert digest(tmp_path / "run") == digest(alone)

    record = json.loads((alone / "run.json").read_text())
    assert record["backend"] == "torch" and "tensorflow" not in record["versions"]
    assert "PyTorch" in record["hardware"]["kernels"]
    rows = RunDirectory(alone).read_metrics()
    assert [row["step"] for row in rows if "g_loss" in row] == [2, 4, 6, 8, 10, 12]
    assert any((alone / "tensorboard").iterdir()) and RunDirectory(alone).losses_plot.exists()


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        (["--backend", "tensorflow"], {}, "was started with torch"),
        (["--devices", "2"], {}, "need TensorFlow. Received: backend=torch with devices=2"),
        ([], {"KERAS_TORCH_DEVICE": "cuda"}, "must name a device that PyTorch can use"),
    ],
)
def test_what_pytorch_cannot_do_is_said_before_anything_starts(words, variables, says, alone, squares):
    record = (alone / "run.json").read_bytes()
    result = run(ROOT / "train.py", "--data", squares, "--run", alone, "--steps", 20, *TINY, *words, **variables)
    assert result.returncode == 2 and says in result.stderr and result.stderr.count("\n") == 1, result.stderr
    assert (alone / "run.json").read_bytes() == record


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space as Linux does")
def test_a_batch_that_does_not_fit_into_memory_is_answered_with_the_largest_that_does(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (4096, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    words = ["train", "--data", tmp_path / "images.npy", "--image-size", "16", "--filters", "64", "--steps", "1"]
    words += ["--precision", "float32", "--evaluate-every", "0"]
    limited = [ROOT / "tests/limited_memory.py", 600, *words]
    result = run(*limited, "--run", tmp_path / "too-large", "--batch-size", 4096)
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    fitting = re.search(r"Received: --batch-size 4096\. The largest .* is --batch-size (\d+): give", result.stderr)
    assert fitting, result.stderr
    record = json.loads((tmp_path / "too-large" / "run.json").read_text())
    assert record["state"] == "failed" and f"--batch-size {fitting[1]}" in record["reason"]
    result = run(*limited, "--run", tmp_path / "fitting", "--batch-size", fitting[1])
    assert result.returncode == 0, result.stderr


def test_a_generator_trained_on_pytorch_is_used_and_published_without_tensorflow(alone, hub, tmp_path):
    program = """
import sys, numpy as np
from dcgan_hub import Generator
generator = Generator.from_pretrained(sys.argv[1])
images = generator.generate(range(11))
assert all((generator.generate([seed]) == images[seed]).all() for seed in range(11)), "one seed, one image"
np.save(sys.argv[2], images)
from dcgan_hub.cli import main
assert main(["push", sys.argv[1], "tester/squares"]) == 0
assert (Generator.from_pretrained("tester/squares").generate(range(11)) == images).all()
from dcgan_hub.demo.app import build_demo
assert not {"tensorflow"} & set(sys.modules)
"""
    result = run("-c", program, alone, tmp_path / "images.npy", HF_TOKEN=hub.write_token)
    assert result.returncode == 0, result.stderr[-3000:]
    from dcgan_hub import Generator

    images = Generator.from_pretrained(alone).generate(range(11))
    np.testing.assert_allclose(np.load(tmp_path / "images.npy").astype(int), images.astype(int), atol=1)


def test_a_compiled_step_is_refused_in_a_sentence():
    program = """
from dcgan_hub.presets import make_settings
from dcgan_hub.training.model import build_gan
gan = build_gan(make_settings("avatars-32", {"filters": 4, "precision": "float32"}))
try:
    gan.compile(gan.generator_optimizer, gan.discriminator_optimizer, jit_compile=True)
except ValueError as error:
    print(type(error).__name__, error)
"""
    result = run("-c", program, KERAS_BACKEND="torch")
    assert "SettingsError With PyTorch a step is not compiled. Received: jit_compile=True." in result.stdout, result
