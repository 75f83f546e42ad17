"""The machines that train together, as TF_CONFIG names them, and how many replicas take part. Imports no TensorFlow."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.settings import TrainingSettings

VARIABLE = "TF_CONFIG"
EXAMPLE = """'{"cluster": {"worker": ["host-a:12345", "host-b:12345"]}, "task": {"type": "worker", "index": 0}}'"""
ROLES = ("chief", "worker")  # in the order of their numbers
KEYS_BESIDE_CLUSTER = {"task", "environment", "job"}  # as clouds write them for a job on one machine


@dataclass(frozen=True)
class Cluster:
    """Several processes that train one run."""

    workers: tuple[str, ...]  # address of each, host:port; the first one is the chief, which writes
    number: int  # which one this process is

    @property
    def is_chief(self) -> bool:
        """Whether this process writes."""
        return self.number == 0


@dataclass(frozen=True)
class Layout:
    """Which devices train."""

    devices: int = 1  # of this process
    kind: str = "default"  # where TensorFlow chooses one by itself, else "GPU" or "CPU"
    cluster: Cluster | None = None  # the processes that take part; None: only this one

    @property
    def replicas(self) -> int:
        """Devices of all processes, which are taken to have as many as this one."""
        return self.devices * (len(self.cluster.workers) if self.cluster else 1)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory."""
        return self.cluster is None or self.cluster.is_chief

    def describe(self) -> str:
        """The devices in a few words."""
        here = f"{self.devices} {'CPU devices' if self.kind == 'CPU' else 'GPUs'}" if self.devices > 1 else "1 device"
        if self.cluster is None:
            return f"{here} of this machine"
        return f"{len(self.cluster.workers)} workers with {here} each"


def read_cluster(environment: Mapping[str, str] | None = None) -> Cluster | None:
    """The cluster of TF_CONFIG in the environment; None without it, and where it names one machine or none.

    Raises SettingsError if TF_CONFIG cannot be understood, or this process has no place in it.
    """
    text = (os.environ if environment is None else environment).get(VARIABLE, "")
    if not text.strip():
        return None
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"{shorten(text)} ({shorten(str(error), 60)})") from None
    config = {} if config is None else config
    if not isinstance(config, dict) or not ("cluster" in config or set(config) <= KEYS_BESIDE_CLUSTER):
        raise _malformed(f"{shorten(text)}, without `cluster`")
    cluster = config.get("cluster") or {}
    if not isinstance(cluster, dict):
        raise _malformed(f"{shorten(text)}, where `cluster` has no roles")
    cluster = {role: hosts for role, hosts in cluster.items() if hosts != []}
    if len(cluster) <= 1 and all(isinstance(hosts, list) and len(hosts) == 1 for hosts in cluster.values()):
        return None  # what it says of role, address and task has no effect
    addresses = {role: _addresses(role, hosts) for role, hosts in cluster.items()}
    if len(addresses.get("chief", ())) > 1:
        raise _malformed(f"{len(addresses['chief'])} chiefs")
    workers = tuple(address for role in ROLES for address in addresses.get(role, ()))
    if len(set(workers)) < len(workers):
        raise _malformed(f"one address twice: {shorten(', '.join(workers))}")
    return Cluster(workers, _number(config.get("task"), addresses))


def _addresses(role: str, hosts: Any) -> tuple[str, ...]:
    if role not in ROLES:
        raise _malformed(f"the role {shorten(role)}, where all must be {' or '.join(ROLES)}")
    if not isinstance(hosts, list) or not hosts or not all(_is_address(host) for host in hosts):
        raise _malformed(f"`{role}` {shorten(hosts)}, which is not a list of host:port")
    return tuple(hosts)


def _is_address(host: Any) -> bool:
    if not isinstance(host, str):
        return False
    name, colon, port = host.rpartition(":")
    return bool(name and colon) and port.isdecimal() and port.isascii() and 0 < int(port[:6]) < 65536


def _number(task: Any, addresses: dict[str, tuple[str, ...]]) -> int:
    if not isinstance(task, dict) or task.get("type") not in ROLES or type(task.get("index")) is not int:
        raise _malformed(f"`task` {shorten(task)}, which needs a `type` ({' or '.join(ROLES)}) and an `index`")
    role, index = task["type"], task["index"]
    if not 0 <= index < len(addresses.get(role, ())):
        raise SettingsError(
            f"The task in {VARIABLE} must be one of the cluster, in which a role is counted from 0. Received: {role} "
            f"{index}, where the cluster has {len(addresses.get(role, ()))} of that role. Give each process a number "
            "of its own, or add its address to the cluster."
        )
    return index + sum(len(addresses.get(before, ())) for before in ROLES[: ROLES.index(role)])


def _malformed(received: str) -> SettingsError:
    return SettingsError(
        f"{VARIABLE} must name all workers and the place of this one, as in {VARIABLE}={EXAMPLE}. "
        f"Received: {received}. Correct it, or unset it to train on this machine alone."
    )


def lay_out(training: TrainingSettings, gpus: int, cluster: Cluster | None) -> Layout:
    """Which devices train with these settings on a machine with so many GPUs.

    Raises SettingsError if there are not so many devices, or a batch cannot be divided among them.
    """
    wanted, kind = training.devices, "GPU" if gpus else "CPU"
    if wanted == "all" and gpus < 2 and cluster is None:
        raise SettingsError(
            f"`devices` can be all where there are GPUs to share a batch out to, or {VARIABLE} names other machines. "
            f"Received: devices=all with {gpus or 'no'} GPU. Nearest valid: devices=auto."
        )
    if gpus and wanted.isdecimal() and int(wanted) > gpus:
        raise SettingsError(
            f"`devices` must not be more than there are. Received: devices={wanted}, where TensorFlow sees {gpus} "
            f"GPU{'s' if gpus > 1 else ''}. Nearest valid: devices={gpus}."
        )
    if cluster is not None and not gpus and wanted.isdecimal() and int(wanted) > 1:
        raise SettingsError(
            f"Without GPUs each worker of {VARIABLE} is one device. Received: devices={wanted}. "
            "Nearest valid: devices=auto, and more workers if there are to be more replicas."
        )
    devices = int(wanted) if wanted.isdecimal() else max(gpus, 1)
    layout = Layout(devices, kind if devices > 1 or cluster or wanted.isdecimal() else "default", cluster)
    _check_batch(training, layout)
    if training.heal and cluster is not None:
        raise SettingsError(
            f"`heal` needs all of a run in one process. Received: heal=true with {len(cluster.workers)} workers in "
            f"{VARIABLE}. Leave --heal out; to heal the run, give the command with it on one machine."
        )
    return layout


def _check_batch(training: TrainingSettings, layout: Layout) -> None:
    size, replicas = training.batch_size, layout.replicas
    if size % replicas == 0:
        return
    nearest = max(round(size / replicas), 1) * replicas
    fitting = max(count for count in range(1, min(size, replicas) + 1) if size % count == 0)
    raise SettingsError(
        f"`batch_size` must be a multiple of the number of replicas, which share a batch. Received: batch_size={size} "
        f"for {replicas} replicas ({layout.describe()}). Nearest valid: batch_size={nearest} for a new run, or "
        f"{fitting} replica{'s' if fitting > 1 else ''}."
    )
