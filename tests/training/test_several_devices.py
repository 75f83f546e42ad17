"""Several devices: two that divide a batch reach the weights of one, and what cannot be is said before it starts."""

import json
import threading

import numpy as np
import pytest
from preloaded import run_program
from safetensors.numpy import load_file

from dcgan_hub.cli import main
from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.backends.tensorflow.dataset import dataset_shards, training_dataset
from dcgan_hub.training.distributed import rendezvous, worker_group
from dcgan_hub.training.distributed.cluster import Cluster, Layout, lay_out, read_cluster

TWO = {"worker": ["a:1000", "b:1000"]}
IMAGES = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)

# One process, since TensorFlow divides the processor once: first on two devices, then on one.
BOTH = """
import json, sys
from dcgan_hub import train
data, folder, recipes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for name, recipe in recipes.items():
    for devices in ("2", "1"):
        train(data, run=f"{folder}/{name}-{devices}", steps=5, devices=devices, quiet=True, **recipe)
"""
# Steps as small with RMSprop and a large rate of decay as gradients are: Adam would hide a wrong factor.
RECIPE = {
    "image_size": 16, "filters": 4, "latent_dim": 8, "batch_size": 8, "precision": "float32", "learning_rate": 1e-4,
    "optimizer": "rmsprop", "report_every": 1, "evaluate_every": 0, "r1_every": 2,
}  # fmt: skip
RECIPES = {
    "default": RECIPE | {"checkerboard_constraint": True},
    "batch": RECIPE | {"discriminator_normalization": "batch", "r1_gamma": 0.0, "augmentation": "none"},
}


@pytest.fixture(scope="module")
def runs(squares, tmp_path_factory):
    """Runs on one and on two devices, one of each recipe."""
    folder = tmp_path_factory.mktemp("runs")
    result = run_program("-c", BOTH, squares, folder, json.dumps(RECIPES), timeout=200)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.mark.parametrize("name", RECIPES)
def test_two_devices_reach_the_weights_of_one(name, runs):
    two, one = (load_file(runs / f"{name}-{n}" / "checkpoints" / "step-00000005" / "state.safetensors") for n in "21")
    assert two.keys() == one.keys()
    for key, array in one.items():
        np.testing.assert_allclose(two[key], array, rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", RECIPES)
def test_two_devices_report_the_figures_of_one(name, runs):
    """The norms of the gradients show a sum over the replicas where a mean belongs."""
    two, one = (RunDirectory(runs / f"{name}-{number}").read_metrics() for number in "21")
    assert [row["step"] for row in two] == [1, 2, 3, 4, 5]
    for ours, theirs in zip(two, one, strict=True):
        for key in ("g_loss", "d_loss", "real_accuracy", "generated_accuracy", "g_gradient_norm", "d_gradient_norm"):
            assert ours[key] == pytest.approx(theirs[key], rel=1e-4), key


def test_the_published_network_is_a_stock_one(runs):
    config = json.loads((runs / "default-2" / "generator" / "config.json").read_text())
    flags = [layer["config"].get("synchronized") for layer in config["config"]["layers"]]
    assert True not in flags and False in flags


def test_the_parts_of_a_batch_are_the_batch_and_each_image_is_seen_once_an_epoch():
    batches, seen = iter(training_dataset(IMAGES, 4, seed=3, step=1)), []
    workers = [iter(dataset_shards(IMAGES, 4, 3, 1, parts, 4)) for parts in (range(0, 2), range(2, 4))]
    for _ in range(1, 5):
        parts = [next(worker).numpy() for worker in workers for _ in range(2)]
        assert all(part.shape == (1, 1, 1, 1) for part in parts)
        np.testing.assert_array_equal(np.concatenate(parts), next(batches))
        seen += [int(part[0, 0, 0, 0]) for part in parts]
    assert len(set(seen[4:12])) == 8  # steps 2 and 3 are the second epoch


@pytest.mark.parametrize("value", ["four", "0", "-1", "1.5", "2000", ""])
def test_unknown_devices_are_refused(value):
    with pytest.raises(SettingsError, match="must be auto, all, or a number"):
        TrainingSettings(devices=value)


@pytest.mark.parametrize(
    "values, gpus, cluster, replicas",
    [
        ({}, 0, None, 1), ({}, 1, None, 1), ({}, 4, None, 4), ({"devices": "2"}, 4, None, 2),
        ({"devices": "all"}, 2, None, 2), ({"devices": "4"}, 0, None, 4), ({}, 0, TWO, 2), ({}, 2, TWO, 4),
        ({"devices": "1"}, 8, TWO, 2),
    ],
)  # fmt: skip
def test_the_number_of_replicas(values, gpus, cluster, replicas):
    assert (
        lay_out(TrainingSettings(**values), gpus, Cluster(("a:1", "b:1"), 1) if cluster else None).replicas == replicas
    )


@pytest.mark.parametrize(
    "values, gpus, workers, message",
    [
        ({"devices": "all"}, 0, 1, "Received: devices=all with no GPU"),
        ({"devices": "all"}, 1, 1, "Received: devices=all with 1 GPU"),
        ({"devices": "5"}, 4, 1, "TensorFlow sees 4 GPUs. Nearest valid: devices=4"),
        ({"devices": "3", "batch_size": 32}, 8, 1, "batch_size=32 for 3 replicas .*Nearest valid: batch_size=33"),
        ({"batch_size": 32}, 0, 3, "batch_size=32 for 3 replicas .*or 2 replicas"),
        ({"devices": "2"}, 0, 2, "each worker of TF_CONFIG is one device"),
        ({"heal": True}, 0, 2, "`heal` needs all of a run in one process"),
    ],
)
def test_what_cannot_be_divided_is_refused(values, gpus, workers, message):
    cluster = Cluster(tuple(f"host{n}:1" for n in range(workers)), 0) if workers > 1 else None
    with pytest.raises(SettingsError, match=message):
        lay_out(TrainingSettings(**values), gpus, cluster)


@pytest.mark.parametrize(
    "config",
    [
        "{}",
        "null",
        '{"cluster": {}}',
        '{"cluster": null, "environment": "cloud"}',
        '{"task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": []}}',
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"chief": ["127.0.0.1:0"], "worker": []}, "task": {"type": "chief", "index": "0"}}',
        '{"cluster": {"master": ["job-master-0:2222"]}, "task": {"type": "master", "index": 0}}',
    ],
)
def test_one_machine_is_no_cluster(config):
    assert read_cluster({"TF_CONFIG": config}) is None


def environment(cluster=TWO, role="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": role, "index": index}})}


def test_a_cluster_is_read_from_the_environment():
    assert read_cluster({}) is None and read_cluster({"TF_CONFIG": " "}) is None
    assert read_cluster(environment({"worker": ["a:1"]})) is None
    assert read_cluster(environment(index=1)) == Cluster(("a:1000", "b:1000"), 1)
    with_chief = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    assert read_cluster(environment(with_chief, "worker", 1)) == Cluster(("a:1", "b:1", "c:1"), 2)
    assert read_cluster(environment(with_chief, "chief", 0)).is_chief


@pytest.mark.parametrize(
    "variables, message",
    [
        ({"TF_CONFIG": "{"}, "must name all workers"),
        ({"TF_CONFIG": "[" * 9999}, "must name all workers"),
        ({"TF_CONFIG": "[]"}, "without `cluster`"),
        ({"TF_CONFIG": '{"clusters": {"worker": ["a:1", "b:1"]}}'}, "without `cluster`"),
        (environment(["a:1", "b:1"]), "`cluster` has no roles"),
        (environment({"worker": "a:1"}), "not a list of host:port"),
        (environment({"worker": ["a", "b"]}), "not a list of host:port"),
        (environment({"worker": ["a:1", "b:99999"]}), "not a list of host:port"),
        (environment({"worker": ["a:1", "a:1"]}), "one address twice"),
        (environment({"worker": ["a:1"], "ps": ["b:1"]}), "the role ps"),
        (environment({"worker": ["a:1"], "chief": ["b:1", "c:1"]}), "2 chiefs"),
        (environment(index=2), "Received: worker 2, where the cluster has 2"),
        (environment(index=-1), "Received: worker -1"),
        (environment(index="0"), "needs a `type`"),
        (environment(role="chief"), "Received: chief 0, where the cluster has 0"),
        (environment(role="evaluator"), "needs a `type`"),
    ],
)
def test_a_malformed_cluster_is_explained(variables, message):
    with pytest.raises(SettingsError, match=message):
        read_cluster(variables)


@pytest.mark.parametrize(
    "words, config, message",
    [
        (["--devices", "many"], None, "Try devices=auto"),
        (["--devices", "3", "--batch-size", "8"], None, "batch_size=8 for 3 replicas"),
        ([], "nonsense", "TF_CONFIG must name all workers"),
        (["--resume-from", "a/b"], environment()["TF_CONFIG"], "Fetch the run first"),
    ],
)
def test_the_command_answers_with_one_message(words, config, message, squares, tmp_path, monkeypatch, capsys):
    if config:
        monkeypatch.setenv("TF_CONFIG", config)
    status = main(["train", "--data", str(squares), "--image-size", "16", "--run", str(tmp_path / "run"), *words])
    error = capsys.readouterr().err
    assert status == 2 and message in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def free_port():
    with rendezvous.socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_workers_wait_for_each_other_and_say_who_is_missing():
    workers = tuple(f"127.0.0.1:{free_port()}" for _ in range(3))
    calls = [
        threading.Thread(target=rendezvous.wait_for_workers, args=(Cluster(workers, number), 20.0)) for number in (2, 1)
    ]
    for call in calls:
        call.start()
    rendezvous.wait_for_workers(Cluster(workers, 0), 20.0)
    for call in calls:
        call.join(20.0)
        assert not call.is_alive()
    with pytest.raises(RunError, match=r"no complete answer from worker 1 \(.*\), worker 2"):
        rendezvous.wait_for_workers(Cluster(workers, 0), 0.2)
    with pytest.raises(RunError, match="no complete answer from worker 0"):
        rendezvous.wait_for_workers(Cluster(workers, 1), 0.2)
    taken = ("127.0.0.1", int(workers[0][10:]))
    with rendezvous.socket.create_server(taken), pytest.raises(RunError, match="be able to"):
        rendezvous.wait_for_workers(Cluster(workers, 0), 0.2)


class Alone(worker_group.WorkerGroup):
    """A worker whose others answer as it is told."""

    def __init__(self, number, answers):
        super().__init__(Layout(cluster=Cluster(("a:1", "b:1"), number)), None)
        self.answers = list(answers)

    def all_gather(self, number):
        return self.answers.pop(0)


def test_a_folder_that_not_all_workers_see_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_group, "SEEN_WITHIN_SECONDS", 0.2)
    run = RunDirectory(tmp_path)
    with pytest.raises(RunError, match="worker 1 does not find the files of worker 0"):
        Alone(1, [[5, 0], [0, 0], [1, 0]]).check_shared_folder(run)
    chief = Alone(0, [[5, 0], [0, 0], [1, 1]])
    chief.check_shared_folder(run)
    assert list(tmp_path.iterdir()) == []


def test_workers_with_other_settings_are_refused():
    with pytest.raises(RunError, match=r"same settings and images\. Received: different ones at worker 1"):
        Alone(1, [[5, 6]]).check_same("settings and images", b"")
    Alone(1, [[5, 5]]).check_same("settings and images", b"")
