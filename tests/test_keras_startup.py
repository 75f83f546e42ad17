"""Which kernels TensorFlow computes with: the product's choice, the user's, and what was imported before us."""

import os
import platform
import subprocess
import sys

import pytest

from dcgan_hub.keras_startup import ONEDNN_SWITCH, onednn_is_on, prefer_onednn

PROGRAM = (
    "import sys, {before} dcgan_hub.keras_startup, keras; sys.stdout.write(str(dcgan_hub.keras_startup.onednn_is_on()))"
)


@pytest.fixture
def without_tensorflow(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv(ONEDNN_SWITCH, raising=False)


@pytest.mark.parametrize(
    ("machine", "wanted", "switch"),
    [
        ("x86_64", None, "1"),
        ("AMD64", None, "1"),  # as Windows says it
        ("aarch64", None, None),
        ("x86_64", "0", "0"),
        ("x86_64", "true", "true"),
    ],
)
def test_onednn_is_chosen_on_x86_64_unless_the_user_chose(machine, wanted, switch, without_tensorflow, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: machine)
    if wanted is not None:
        monkeypatch.setenv(ONEDNN_SWITCH, wanted)

    prefer_onednn()

    assert os.environ.pop(ONEDNN_SWITCH, None) == switch


def test_tensorflow_that_is_there_already_is_left_alone(without_tensorflow, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setitem(sys.modules, "tensorflow", sys)

    prefer_onednn()

    assert ONEDNN_SWITCH not in os.environ
    assert not onednn_is_on()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors have no oneDNN")
@pytest.mark.parametrize(
    ("before", "variables", "says"),
    [("", {}, True), ("", {ONEDNN_SWITCH: "0"}, False), ("tensorflow,", {}, False)],
    ids=["by default", "switched off", "TensorFlow first"],
)
def test_tensorflow_says_that_it_computes_as_we_say(before, variables, says):
    """TensorFlow announces oneDNN when it starts; where it came first, it may compute with it or not."""
    environment = {
        name: value for name, value in os.environ.items() if name not in (ONEDNN_SWITCH, "TF_CPP_MIN_LOG_LEVEL")
    }
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env=environment | variables,
        capture_output=True,
        text=True,
    )
    assert result.stdout == str(says), result.stderr
    if not before:
        assert ("oneDNN custom operations are on" in result.stderr) == says


def test_keras_computes_with_tensorflow_whatever_keras_json_says(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "jax", "floatx": "float16"}')
    program = (
        "from dcgan_hub import build_generator; import keras; print(keras.backend.backend(), keras.config.floatx())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    command, variables = [sys.executable, "-c", program], {"KERAS_HOME": str(tmp_path)}
    result = subprocess.run(command, env=environment | variables, capture_output=True, text=True, timeout=120)
    assert result.stdout.split() == ["tensorflow", "float16"], result.stderr
