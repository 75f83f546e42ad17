"""Lets workers wait for each other before TensorFlow starts, which would wait silently for a missing one.

The chief listens at the address that TensorFlow will use later. Each other worker connects, sends its number, and waits
for the answer.
"""

import contextlib
import socket
import time

from dcgan_hub.errors import RunError
from dcgan_hub.training.distributed.cluster import Cluster

MAX_WAIT_SECONDS = 900.0  # one of the machines may still be preparing images
PAUSE_SECONDS = 0.2  # between two connection attempts
GREETING, ANSWER = b"dcgan_hub worker ", b"go\n"
MAX_LINE_LENGTH = 64


def wait_for_workers(cluster: Cluster, seconds: float | None = None) -> None:
    """Returns when all workers are connected.

    Raises RunError if one of them does not connect within `seconds`, or the chief cannot listen at its address.
    """
    end = time.monotonic() + (MAX_WAIT_SECONDS if seconds is None else seconds)
    if cluster.is_chief:
        _gather(cluster, end)
    else:
        _call(cluster, end)


def _gather(cluster: Cluster, end: float) -> None:
    try:
        server = socket.create_server(("", _port(cluster.workers[0])))
    except OSError as error:
        raise RunError(
            f"Worker 0 must be able to listen at its address. Received: {cluster.workers[0]} ({error.strerror}). End "
            "the process that uses this port, or give all workers another one."
        ) from error
    here: dict[int, socket.socket] = {}
    with server, contextlib.ExitStack() as calls:
        while len(here) < len(cluster.workers) - 1:
            missing = [number for number in range(1, len(cluster.workers)) if number not in here]
            server.settimeout(max(end - time.monotonic(), 0.001))
            try:
                call = calls.enter_context(server.accept()[0])
            except TimeoutError:
                raise _absent(cluster, missing) from None
            number = _read_number(call)
            if number in range(1, len(cluster.workers)):
                here[number] = call
        for call in here.values():
            with contextlib.suppress(OSError):
                call.sendall(ANSWER)


def _read_number(call: socket.socket) -> int:
    call.settimeout(5.0)
    with contextlib.suppress(OSError, ValueError):
        line = call.recv(MAX_LINE_LENGTH)
        if line.startswith(GREETING):
            return int(line.removeprefix(GREETING))
    return -1


def _call(cluster: Cluster, end: float) -> None:
    host = cluster.workers[0].rpartition(":")[0].strip("[]")
    while time.monotonic() < end:
        left = max(end - time.monotonic(), 0.001)
        with contextlib.suppress(OSError):
            with socket.create_connection((host, _port(cluster.workers[0])), timeout=min(left, 5.0)) as call:
                call.sendall(GREETING + str(cluster.number).encode() + b"\n")
                call.settimeout(left)
                if call.recv(MAX_LINE_LENGTH) == ANSWER:
                    return
        time.sleep(min(PAUSE_SECONDS, left))
    raise _absent(cluster, [0])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _absent(cluster: Cluster, missing: list[int]) -> RunError:
    names = ", ".join(f"worker {number} ({cluster.workers[number]})" for number in missing)
    return RunError(
        f"All workers must be started within {MAX_WAIT_SECONDS / 60:.0f} minutes and reach each other. Received: "
        f"no complete answer from {names}. Check the output of these, and start all workers again."
    )
