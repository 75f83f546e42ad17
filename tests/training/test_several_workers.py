"""Two workers for real: processes that exchange gradients over a network, one of which dies, and what comes after."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from preloaded import Program, run_program
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
# A worker that leaves its own weights behind, which those that do not write keep to themselves.
WORKER = f"""
import os, sys
import numpy as np
sys.path.insert(0, {str(ROOT)!r})
from dcgan_hub.keras_startup import LOG_LEVEL, import_keras_quietly
os.environ.pop(LOG_LEVEL, None)
import_keras_quietly()
from dcgan_hub.cli import main
from dcgan_hub.training.checkpoint import read_state
from dcgan_hub.training.recorder import NonChiefRecorder
def leave(self, logs=None):
    NonChiefRecorder.checkpoint(self, logs)
    np.savez(sys.argv[1], **read_state(self.gan, self.clock.step))
NonChiefRecorder.finish = leave
raise SystemExit(main(["train", *sys.argv[2:]]))
"""
OPTIONS = (
    "--image-size 16 --filters 4 --latent-dim 8 --batch-size 8 --precision float32 --learning-rate 1e-4 "
    "--optimizer rmsprop --report-every 1 --checkpoint-every 4 --sample-every 100000 --evaluate-every 0 --r1-every 2 "
    "--flip --augmentation fixed --augmentation-strength 0.5"
).split()


@contextlib.contextmanager
def two_namespaces():
    """Two network namespaces with a cable between them: how to start a program in each, and their addresses.

    Where that is not allowed, both are this machine's loopback.
    """
    tag = str(os.getpid() % 10**5)
    names, addresses = [f"dcgan{tag}a", f"dcgan{tag}b"], ["10.213.7.1", "10.213.7.2"]
    commands = [["netns", "add", name] for name in names]
    commands += [
        ["link", "add", f"dc{tag}a", "netns", names[0], "type", "veth", "peer", f"dc{tag}b", "netns", names[1]]
    ]
    for name, end, address in zip(names, "ab", addresses, strict=True):
        commands += [["-n", name, "address", "add", f"{address}/24", "dev", f"dc{tag}{end}"]]
        commands += [["-n", name, "link", "set", device, "up"] for device in (f"dc{tag}{end}", "lo")]
    ip = shutil.which("ip")
    try:
        if ip and all(subprocess.run([ip, *words], capture_output=True).returncode == 0 for words in commands):
            yield [[ip, "netns", "exec", name] for name in names], addresses
        else:
            yield [[], []], ["127.0.0.1", "127.0.0.1"]
    finally:
        for name in names if ip else ():
            subprocess.run([ip, "netns", "delete", name], capture_output=True)


def free_ports(count):
    with contextlib.ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def start_workers(data, run, *words, prefixes=((), ()), addresses=("127.0.0.1", "127.0.0.1")):
    """Two processes that train one run together."""
    workers = [f"{address}:{port}" for address, port in zip(addresses, free_ports(2), strict=True)]
    processes = []
    for number, prefix in enumerate(prefixes):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": number}}
        command = ["-c", WORKER, str(run.parent / f"weights-{number}.npz")]
        command += ["--data", str(data), "--run", str(run), *OPTIONS, *words]
        environment = os.environ | {"TF_CONFIG": json.dumps(task)}
        processes.append(
            subprocess.Popen(
                [*prefix, sys.executable, *command],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            )
            if prefix
            else Program(*command, env=environment)
        )  # fmt: skip
    return processes


def outputs(processes, seconds=120):
    """What they said, and how they ended."""
    try:
        texts = [process.communicate(timeout=seconds)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return texts, [process.returncode for process in processes]


def train_alone(data, run, steps):
    result = run_program(ROOT / "train.py", "--data", data, "--run", run, *OPTIONS, "--steps", steps)
    assert result.returncode == 0, result.stderr
    return result.stdout


def checkpoints(run):
    return sorted(int(path.name[5:]) for path in (run / "checkpoints").glob("step-*"))


def state(run, step):
    return load_file(run / "checkpoints" / f"step-{step:08d}" / "state.safetensors")


def record(run):
    return json.loads((run / "run.json").read_text())


@pytest.fixture(scope="module")
def lost(squares, tmp_path_factory):
    """A run of two workers of which one was killed: its folder, and what the other one said."""
    run = tmp_path_factory.mktemp("lost") / "run"
    chief, other = start_workers(squares, run, "--steps", "1000000")
    end = time.monotonic() + 120
    while not checkpoints(run):
        assert chief.poll() is None and other.poll() is None and time.monotonic() < end, outputs([chief, other])
        time.sleep(0.05)
    other.send_signal(signal.SIGKILL)
    (text, _), (status, _) = outputs([chief, other], 60)
    return run, text, status


def test_a_worker_that_dies_ends_the_others_with_a_message(lost):
    run, text, status = lost
    assert status == 2, text
    assert "A worker no longer responds" in text and "to resume from there" in text
    assert str(run / "checkpoints") in text and "Traceback" not in text
    assert record(run)["state"] == "failed"


def test_the_run_goes_on_with_two_workers_and_then_with_one(lost, squares, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(lost[0], run)
    last = checkpoints(run)[-1] + 2
    with two_namespaces() as (prefixes, addresses):
        texts, statuses = outputs(
            start_workers(squares, run, "--steps", str(last), prefixes=prefixes, addresses=addresses)
        )
    assert statuses == [0, 0], texts
    assert "2 workers with 1 device each, 4 images" in texts[0] and texts[1] == ""  # only one speaks
    # Exactly the same on both workers, and, but for rounding, those of one process that was never disturbed.
    written, kept = state(run, last), np.load(tmp_path / "weights-1.npz")
    assert set(kept.files) == set(written) and not (tmp_path / "weights-0.npz").exists()
    for name, array in written.items():
        np.testing.assert_array_equal(kept[name], array, err_msg=name)
    train_alone(squares, tmp_path / "alone", last)
    for name, array in state(tmp_path / "alone", last).items():
        np.testing.assert_allclose(written[name], array, rtol=1e-4, atol=1e-6, err_msg=name)

    assert f"resuming from step {last}" in train_alone(squares, run, last + 2)
    assert record(run)["state"] == "finished" and record(run)["progress"]["step"] == last + 2


def test_a_signal_at_one_worker_stops_all_at_the_same_step(squares, tmp_path):
    run = tmp_path / "run"
    chief, other = start_workers(squares, run, "--minutes", "5")
    end = time.monotonic() + 120
    while not checkpoints(run):
        assert chief.poll() is None and time.monotonic() < end, outputs([chief, other])
        time.sleep(0.05)
    other.send_signal(signal.SIGTERM)
    texts, statuses = outputs([chief, other], 60)
    assert statuses == [0, 0], texts
    assert record(run)["state"] == "stopped" and "another worker" in record(run)["reason"]
    step = record(run)["progress"]["step"]
    np.testing.assert_array_equal(np.load(tmp_path / "weights-1.npz")["step"], state(run, step)["step"])
