"""The devices and workers that train one run: their TensorFlow strategy, and communication between them.

All workers run the same program, and call collective operations in the same order.
"""

import contextlib
import functools
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_hub.atomic_files import TEMPORARY_PREFIX
from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.images.pixels import to_signed_unit
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.training.backends.tensorflow.dataset import dataset_shards, training_dataset
from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.distributed.cluster import VARIABLE, Cluster, Layout
from dcgan_hub.training.distributed.rendezvous import wait_for_workers
from dcgan_hub.training.distributed.replicas import replica_number
from dcgan_hub.training.distributed.single_process import SingleProcess

SEEN_WITHIN_SECONDS = 60.0  # for a file of another machine on a network disk; NFS can cache listings that long
MEETING_FILE = f"{TEMPORARY_PREFIX}meeting"


class WorkerGroup(SingleProcess):
    """A group of several devices or processes, or both."""

    def __init__(self, layout: Layout, strategy: tf.distribute.Strategy) -> None:
        super().__init__(layout, training_dataset)
        self.strategy = strategy
        self._all_gather: Callable[[Any], Any] | None = None

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The scope in which to create networks and optimizers."""
        return self.strategy.scope()

    def batches(
        self, images: np.ndarray, batch_size: int, seed: int, step: int, classes: ClassLabels | None = None
    ) -> Any:
        """The batches from a step on, see `training_dataset`; each worker produces the shards of its replicas."""

        def read_shards(context: tf.distribute.InputContext) -> Any:
            here = context.num_replicas_in_sync // context.num_input_pipelines
            shards = range(context.input_pipeline_id * here, (context.input_pipeline_id + 1) * here)
            dataset = dataset_shards(images, batch_size, seed, step, shards, context.num_replicas_in_sync, classes)
            # `fit` of Keras 3.15 starts by averaging a batch over all workers, which fails for uint8.
            return dataset.map(_as_floats).prefetch(here) if self.has_workers else dataset

        return self.strategy.distribute_datasets_from_function(read_shards)

    def all_gather(self, number: int) -> list[int]:
        """All-gathers one number (below 2**62) from each worker, the chief's first; blocks until all have called it."""
        if self.layout.cluster is None:
            return [number]
        if self._all_gather is None:
            self._all_gather = _make_all_gather(self.strategy, self.layout.cluster, self.layout.devices)
        return [int(value) for value in self._all_gather(tf.constant(number, tf.int64))]

    def check_shared_folder(self, run: RunDirectory) -> None:
        """Checks that all workers see the files of the chief; raises RunError on all workers if one does not."""
        if not self.has_workers:
            return
        secret = self.all_gather(secrets.randbits(62))[0]
        meeting = run.path / MEETING_FILE
        if self.is_chief:
            meeting.write_text(str(secret), encoding="utf-8")
        self.all_gather(0)
        seen = self.all_gather(int(_wait_for(lambda: meeting.read_text(encoding="utf-8") == str(secret))))
        if self.is_chief:
            meeting.unlink(missing_ok=True)
        blind = [str(number) for number, sees in enumerate(seen) if not sees]
        if blind:
            raise RunError(
                f"All workers must share the run directory. Received: '{run.path}', in which worker {', '.join(blind)} "
                "does not find the files of worker 0. Give a folder on a network disk with --run."
            )

    def check_same(self, what: str, content: bytes) -> None:
        """Checks that all workers have the same content; raises RunError on all workers if one differs."""
        if not self.has_workers:
            return
        digests = self.all_gather(int.from_bytes(hashlib.sha256(content).digest()[:7]))
        odd = [str(number) for number, digest in enumerate(digests) if digest != digests[0]]
        if odd:
            raise RunError(
                f"All workers must have the same {what}. Received: different ones at worker {', '.join(odd)} and "
                "worker 0. Run the same command, with the same version of this package and the same images, on all."
            )


def gather_worker_group(layout: Layout) -> SingleProcess:
    """Sets up devices and waits for other workers. Must be called before TensorFlow initializes its devices.

    Raises SettingsError if TensorFlow has already started with fewer devices.
    """
    if layout.kind == "GPU":
        with contextlib.suppress(RuntimeError):  # TensorFlow has started: the other GPUs stay allocated, but unused
            tf.config.set_visible_devices(tf.config.list_physical_devices("GPU")[: layout.devices], "GPU")
    if layout.cluster is not None:
        return WorkerGroup(layout, _join(layout.cluster))
    if layout.devices == 1:
        return SingleProcess(layout, training_dataset)
    if layout.kind == "CPU":
        _divide_processor(layout.devices)
    return WorkerGroup(layout, _mirror(layout.kind, layout.devices))


# One strategy per process: a second one restarts the numbering of collectives, which TensorFlow 2.21 then mixes up.
@functools.cache
def _mirror(kind: str, count: int) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(count)])


def _make_all_gather(strategy: tf.distribute.Strategy, cluster: Cluster, devices: int) -> Callable[[Any], Any]:
    """Returns a function from this worker's int64 to those of all workers (W,)."""
    first_replica = cluster.number * devices  # only the first replica of each worker contributes

    @tf.function
    def gather(given: Any) -> Any:
        def add_up() -> Any:
            speaks = tf.cast(tf.equal(replica_number(), first_replica), tf.int64)
            row = tf.one_hot(cluster.number, len(cluster.workers), dtype=tf.int64) * given * speaks
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, row)

        return strategy.experimental_local_results(strategy.run(add_up))[0]

    return gather


def _as_floats(images: Any, *labels: Any) -> Any:
    floats = to_signed_unit(tf.cast(images, tf.float32))
    return (floats, *labels) if labels else floats


@functools.cache
def _join(cluster: Cluster) -> tf.distribute.Strategy:
    wait_for_workers(cluster)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise SettingsError(
            f"With {VARIABLE} a run must start before any other use of TensorFlow in the process. Received: {error} "
            "Start it in a new process, as train.py does."
        ) from error


def _divide_processor(count: int) -> None:
    processor = tf.config.list_physical_devices("CPU")[0]
    with contextlib.suppress(RuntimeError):  # TensorFlow has started already, perhaps with enough devices
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * count)
    there = len(tf.config.list_logical_devices("CPU"))
    if there < count:
        raise SettingsError(
            f"Logical devices must be created before TensorFlow starts. Received: devices={count} in a process where "
            f"it has started with {there}. Start the run in a new process, as train.py does."
        )


def _wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + SEEN_WITHIN_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if condition():
                return True
        time.sleep(0.1)
    return False
