"""Worker processes that import nothing but this package, NumPy and Pillow.

Neither of multiprocessing's ways fits: `fork` copies a process in which TensorFlow's threads may hold locks, and
`spawn` imports the user's script again, which would train a second time if it calls `train()` without a guard. A worker
here is a plain `python -c`, which takes pickled tasks from its standard input and answers on its standard output. It
ends by itself when the parent does, however that happens, because its input ends then. Measured against `loky`:
docs/decisions/0021-a-worker-pool-of-our-own.md.
"""

import contextlib
import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from queue import SimpleQueue
from typing import IO, Any, cast

MAX_WORKERS = 16
TASKS_AHEAD = 2  # for each worker, so that none waits while results are read
START = "import sys; sys.path[:] = {path!r}; from dcgan_hub.images.preparation.worker_pool import serve; serve()"


class WorkerDied(Exception):
    """A worker ended in the middle of a task: a decoder crashed, or the system killed it for lack of memory."""


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
        self._process = subprocess.Popen(
            [sys.executable, "-c", START.format(path=[entry for entry in sys.path if isinstance(entry, str)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=os.name == "posix",  # Ctrl-C is for the parent, which then ends the workers quietly
        )
        self._tasks, self._answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)

    def run(self, function: Callable[[Any], Any], task: Any) -> Any:
        """Runs `function(task)` in the worker; raises what it raises, or `WorkerDied`."""
        try:
            _send(self._tasks, (function, task))
            succeeded, result = pickle.load(self._answers)  # the other end is our own process
        except (OSError, EOFError, pickle.UnpicklingError):  # the answer is missing or cut off
            raise WorkerDied from None
        if not succeeded:
            raise result
        return result

    def end(self) -> None:
        """Ends the process at once and frees what belonged to it."""
        self._process.kill()
        for pipe in (self._tasks, self._answers):
            with contextlib.suppress(OSError):  # a pipe that still holds half a task cannot be emptied any more
                pipe.close()
        self._process.wait()


def _send(pipe: IO[bytes], message: Any) -> None:
    pipe.write(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
    pipe.flush()


def serve() -> None:
    """Runs in the worker: answers tasks until the input ends."""
    gc.set_threshold(20_000)  # decoding makes many short-lived objects and hardly a cycle
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    while True:
        try:
            function, task = pickle.load(tasks)
        except (EOFError, pickle.UnpicklingError):  # the parent has ended, maybe in the middle of a task
            return
        try:
            answer = (True, function(task))
        except Exception as error:
            answer = (False, error)
        try:
            _send(answers, answer)
        except BrokenPipeError:  # the parent process has ended
            os._exit(0)


class _Pool:
    """Worker processes, each used by one thread at a time."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        worker_count: int,
        split: Callable[[Any], list[Any]],
        lost: Callable[[Any], Any],
    ) -> None:
        """Starts the processes; see `run_tasks`."""
        self._function, self._split, self._lost = function, split, lost
        self._stopping = threading.Event()
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._workers = {Worker() for _ in range(worker_count)}
        self._threads = ThreadPoolExecutor(worker_count)

    def results(self, tasks: Iterator[Any]) -> Iterator[Any]:
        """Gives the results as they come, of no task if no worker answers. Raises the first error of a task."""
        answering = sum(self._threads.map(self._answers, list(self._workers)))
        pending = {self._threads.submit(self._run, task) for task in islice(tasks, TASKS_AHEAD * answering)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            pending |= {self._threads.submit(self._run, task) for task in islice(tasks, len(done))}
            for future in done:
                yield from future.result()

    def end(self) -> None:
        """Ends all processes and threads."""
        self._stopping.set()
        for worker in list(self._workers):
            worker.end()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:  # once more: a thread may just have replaced one that had died
            worker.end()

    def _answers(self, worker: Worker) -> bool:
        """Makes a worker available; there is none where `sys.executable` is not Python, as inside of some programs."""
        try:
            worker.run(abs, 0)
        except WorkerDied:
            return False
        self._idle.put(worker)
        return True

    def _run(self, task: Any) -> list[Any]:
        """Gives the result of a task; if its worker dies of it, those of its parts."""
        worker = self._idle.get()
        try:
            return [worker.run(self._function, task)]
        except WorkerDied:
            if self._stopping.is_set():
                return []
            worker.end()
            self._workers.remove(worker)
            worker = Worker()
            self._workers.add(worker)
        finally:
            self._idle.put(worker)
        parts = self._split(task)
        return [result for part in parts for result in self._run(part)] if parts else [self._lost(task)]


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
        pool = _Pool(function, worker_count, split, lost)
        try:
            yield from pool.results(remaining)
        finally:
            pool.end()
    yield from map(function, remaining)  # nothing remains if there were workers
