"""How TensorFlow starts: with which kernels, and what is said meanwhile."""

import json
import os
import platform
import subprocess
import sys

import pytest

from dcgan_hub.keras_startup import LOG_LEVEL, ONEDNN_SWITCH, onednn_is_on, prefer_onednn

PROGRAM = """\
import {before} dcgan_hub
dcgan_hub.build_generator  # which imports Keras
import keras
from dcgan_hub.keras_startup import onednn_is_on
print(onednn_is_on(), keras.backend.backend(), keras.config.floatx())
"""


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
def test_tensorflow_says_that_it_computes_as_we_say(before, variables, says, tmp_path):
    """TensorFlow announces oneDNN when it starts; where it came first, it may compute with it or not.

    Keras computes with TensorFlow, whatever keras.json says, unless it came first, too.
    """
    backend = "tensorflow" if before else "jax"
    (tmp_path / "keras.json").write_text(json.dumps({"backend": backend, "floatx": "float16"}))
    chosen_by_us = (ONEDNN_SWITCH, LOG_LEVEL, "KERAS_BACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in chosen_by_us}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env=environment | variables | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.stdout.split() == [str(says), "tensorflow", "float16"], result.stderr
    if not before:
        assert ("oneDNN custom operations are on" in result.stderr) == says


HELD_BACK = """
import os, signal
from dcgan_hub.keras_startup import standard_error_held_back
with standard_error_held_back():
    os.write(2, b"needs AVX\\n" * 20_000)  # more than a pipe holds
    {ending}
os.write(2, b"over")
"""


@pytest.mark.parametrize(
    "ending",
    [
        "os.abort()",
        "os.kill(os.getpid(), signal.SIGILL)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(1)",
        "1 / 0",
    ],
)
def test_what_was_held_back_is_said_when_something_goes_wrong(ending):
    result = subprocess.run([sys.executable, "-c", HELD_BACK.format(ending=ending)], capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.count("needs AVX\n") == 20_000
    assert ("ZeroDivisionError" in result.stderr) == (ending == "1 / 0")


def test_what_was_held_back_is_dropped_when_all_went_well():
    result = subprocess.run([sys.executable, "-c", HELD_BACK.format(ending="")], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "over")


def test_a_program_without_standard_error_starts():
    program = "from dcgan_hub.keras_startup import silence_tensorflow; silence_tensorflow(); print('started')"
    command = ["sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, program]
    environment = {name: value for name, value in os.environ.items() if name != LOG_LEVEL}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.stdout == "started\n", result.stderr


IMPORTED_IN_A_THREAD = """
import os, sys, threading, tqdm
from dcgan_hub.keras_startup import import_keras_quietly, silence_tensorflow
if sys.argv[1] == "silenced":
    list(tqdm.tqdm("bar", file=open(os.devnull, "w")))  # which leaves a thread
    silence_tensorflow()
thread = threading.Thread(target=import_keras_quietly, daemon=True)
thread.start()
for _ in range(5):
    os.write(2, b"error: something else\\n")
    thread.join(0.1)
if sys.argv[1] == "silenced":
    thread.join()
    print(len(sys.modules["keras"].__version__) > 0)
"""


def test_a_thread_that_imports_keras_takes_nobody_the_word(tmp_path):
    """As in the app, which may have to say in its first seconds why it ends."""
    (tmp_path / "keras.py").write_text("import time; time.sleep(60)", encoding="utf-8")
    result = run_without_log_level(IMPORTED_IN_A_THREAD, "not silenced", PYTHONPATH=str(tmp_path))
    assert result.stderr == "error: something else\n" * 5


def test_tensorflow_that_was_silenced_says_nothing_in_a_thread():
    """A TensorFlow of which other libraries talk when they are loaded fails here."""
    result = run_without_log_level(IMPORTED_IN_A_THREAD, "silenced")
    assert (result.stdout, result.stderr) == ("True\n", "error: something else\n" * 5)


def run_without_log_level(program, word, **variables):
    environment = {name: value for name, value in os.environ.items() if name != LOG_LEVEL} | variables
    command = [sys.executable, "-c", program, word]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
