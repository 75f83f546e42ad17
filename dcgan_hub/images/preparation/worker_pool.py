"""Worker processes that import nothing but this package, NumPy and Pillow.

Neither of multiprocessing's ways fits: `fork` copies a process in which TensorFlow's threads may hold locks, and
`spawn` imports the user's script again, which would train a second time if it calls `train()` without a guard. A worker
here is a plain `python -c`, which takes pickled tasks from its standard input and answers on its standard output. It
ends by itself when the parent does, however that happens, because its input ends then.
"""

import contextlib
import gc
import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

MAX_WORKERS = 16
START = "import sys; sys.path[:] = {path!r}; from dcgan_hub.images.preparation.worker_pool import serve; serve()"


class WorkerDied(Exception):
    """A worker ended in the middle of a task: a decoder crashed, or the system took it for want of memory."""


def usable_cores() -> int:
    """Returns how many cores this process may use, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # containers are often limited by time, not by cores
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123
            quota, period = file.read().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return min(cores, MAX_WORKERS)


class Worker:
    """One worker process and the conversation with it."""

    def __init__(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        options: dict[str, Any] = {}
        if os.name == "posix":
            options["start_new_session"] = True  # Ctrl-C is for the parent, which then ends the workers quietly
        self._process = subprocess.Popen(
            [sys.executable, "-c", START.format(path=[entry for entry in sys.path if isinstance(entry, str)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            **options,
        )

    def run(self, function: Callable[[Any], Any], task: Any) -> Any:
        """Runs `function(task)` in the worker; raises what it raises, or `WorkerDied`."""
        try:
            _send(self._process.stdin, (function, task))
            succeeded, result = _receive(self._process.stdout)
        except (OSError, EOFError):
            raise WorkerDied from None
        if not succeeded:
            raise result
        return result

    def end(self) -> None:
        """Ends the process at once and frees what belonged to it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # a pipe that still holds half a task cannot be emptied any more
                if pipe is not None:
                    pipe.close()
        self._process.wait()


def _send(pipe: Any, message: Any) -> None:
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(struct.pack("<Q", len(content)) + content)
    pipe.flush()


def _receive(pipe: Any) -> Any:
    head = pipe.read(8)
    if len(head) < 8:
        raise EOFError
    (size,) = struct.unpack("<Q", head)
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return pickle.loads(content)  # the other end is our own process


def serve() -> None:
    """Runs in the worker: answers tasks until the input ends."""
    gc.set_threshold(20_000)  # decoding makes many short-lived objects and hardly a cycle
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    while True:
        try:
            function, task = _receive(tasks)
        except EOFError:
            return
        try:
            answer = (True, function(task))
        except Exception as error:
            answer = (False, error)
        try:
            _send(answers, answer)
        except BrokenPipeError:  # the parent has ended meanwhile; nobody is left to be told
            os._exit(0)


class _Pool:
    """Worker processes, each with a thread here that hands it one task after the other."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        remaining: Iterator[Any],
        worker_count: int,
        split: Callable[[Any], list[Any]],
        lost: Callable[[Any], Any],
    ) -> None:
        """Starts the processes; see `run_tasks`."""
        self._function, self._split, self._lost = function, split, lost
        self._remaining, self._lock = remaining, threading.Lock()
        # Bounded, so that workers wait for a slow reader and results do not pile up.
        self._results: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=4 * worker_count)
        self._stopping = threading.Event()
        self._workers = [Worker() for _ in range(worker_count)]
        self._threads = [
            threading.Thread(target=self._drive, args=(slot,), daemon=True) for slot in range(worker_count)
        ]

    def results(self) -> Iterator[Any]:
        """Gives the results as they come. Raises the first error of a task."""
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        while running:
            kind, value = self._results.get()
            if kind == "error":
                raise value
            if kind == "end":
                running -= 1
            else:
                yield value

    def end(self) -> None:
        """Ends all processes and threads."""
        self._stopping.set()
        for worker in self._workers:
            worker.end()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for worker in self._workers:  # once more: a thread may just have replaced one that had died
            worker.end()

    def _put(self, kind: str, value: Any) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                return self._results.put((kind, value), timeout=0.2)

    def _drive(self, slot: int) -> None:
        try:
            self._workers[slot].run(abs, 0)
        except WorkerDied:  # none can be started here, as inside of some applications: `sys.executable` is not Python
            return self._put("end", None)
        todo: list[Any] = []
        try:
            while not self._stopping.is_set():
                if not todo:
                    with self._lock:
                        todo = [task for task in (next(self._remaining, None),) if task is not None]
                if not todo:
                    break
                todo = self._run(slot, todo.pop()) + todo
            self._put("end", None)
        except Exception as error:
            self._put("error", error)

    def _run(self, slot: int, task: Any) -> list[Any]:
        """Runs a task, and returns what is to be done in its place if its worker dies of it."""
        try:
            self._put("result", self._workers[slot].run(self._function, task))
            return []
        except WorkerDied:
            if self._stopping.is_set():
                return []
            self._workers[slot].end()
            self._workers[slot] = Worker()
            parts = self._split(task)
            if not parts:
                self._put("result", self._lost(task))
            return parts


def run_tasks(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    worker_count: int,
    split: Callable[[Any], list[Any]],
    lost: Callable[[Any], Any],
) -> Iterator[Any]:
    """Runs tasks in worker processes and gives the results in the order in which they come.

    A task whose worker dies is split and its parts are tried again; the one item that kills a worker counts as lost.

    Args:
        function: of one task; importable by its name.
        tasks: taken one by one, whenever a worker is free.
        worker_count: 0 runs everything in this process, and so it is done where no worker can be started.
        split: gives smaller tasks in place of one, or an empty list if it cannot be divided.
        lost: gives the result in place of a task that kills its worker.

    Raises:
        Exception: the first that `function` raises in a worker; the workers are ended then.
    """
    remaining = iter(tasks)
    if worker_count and sys.executable:
        pool = _Pool(function, remaining, worker_count, split, lost)
        try:
            yield from pool.results()
        finally:
            pool.end()
    yield from map(function, remaining)  # nothing remains if there were workers
