"""Which backend trains: chosen before Keras is imported, kept by a run, and refused in a sentence."""

import json
import os
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.keras_startup import is_installed
from dcgan_hub.training.backend_choice import choose_backend
from dcgan_hub.training.backends import Draws
from dcgan_hub.training.backends.torch.philox import as_normal, as_uniform, random_words, seeds_of_steps
from dcgan_hub.training.plan import make_plan


def test_keras_that_is_there_is_taken_and_another_backend_refused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # too late
    assert choose_backend("auto") == choose_backend("tensorflow") == "tensorflow"
    with pytest.raises(SettingsError, match=r"backend=torch in a process where Keras runs on tensorflow"):
        choose_backend("torch")
    with pytest.raises(SettingsError, match=r"must be auto or one of tensorflow, torch\. Received: backend=jax"):
        choose_backend("jax")


@pytest.mark.skipif(is_installed("torch"), reason="PyTorch is installed")
@pytest.mark.parametrize(
    ("variable", "wanted", "says"),
    [
        (None, "auto", "tensorflow"),
        (None, "torch", 'Install it: pip install "dcgan-hub[torch]"'),
        ("torch", "auto", 'Install it: pip install "dcgan-hub[torch]"'),
        ("torch", "tensorflow", "tensorflow"),
        ("jax", "auto", "Received: KERAS_BACKEND=jax"),
    ],
)
def test_before_keras_is_imported_the_option_counts_more_than_the_variable(variable, wanted, says, monkeypatch):
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_BACKEND", variable or "")
    if says == "tensorflow":
        assert choose_backend(wanted) == os.environ["KERAS_BACKEND"] == "tensorflow"
    else:
        with pytest.raises(SettingsError) as refusal:
            choose_backend(wanted)
        assert says in str(refusal.value)


def test_a_run_goes_on_with_its_backend_which_older_runs_do_not_name(finished_run, squares, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    record = json.loads((run / "run.json").read_text())
    assert record["backend"] == "tensorflow"
    for backend, asked in (("torch", "auto"), ("tensorflow", "torch")):
        (run / "run.json").write_text(json.dumps(record | {"backend": backend}))
        with pytest.raises(RunError, match=f"which was started with {backend}. Resume it with --backend {backend}"):
            make_plan(run, None, {"data": str(squares)}, show_progress=False, backend=asked)
    del record["backend"]
    (run / "run.json").write_text(json.dumps(record))
    assert make_plan(run, None, {"data": str(squares)}, show_progress=False).record == record


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_both_backends_draw_the_same_random_numbers(seed):
    """TensorFlow's own operations beside their writing in NumPy, by which PyTorch draws."""
    for step, purposes in ((0, ()), (12_345, (3,)), (2**33, (4, 9))):
        draws = Draws(tf.constant([seed, step], tf.int64))
        for purpose in purposes:
            draws = draws.of(purpose)
        words = random_words(seeds_of_steps(seed, [step - 1, step], purposes), 12)[1:]
        np.testing.assert_allclose(draws.normal(3, 4), as_normal(words).reshape(3, 4), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(draws.uniform(12), as_uniform(words).T)
        np.testing.assert_array_equal(draws.uniform(12, -3, 4, "int32"), (words % np.uint32(7)).astype(np.int32).T - 3)
