"""Programs of tests in processes that have TensorFlow, Keras, Matplotlib and Gradio in memory already.

To import them takes longer than most programs of tests run. A server imports them once for each process of pytest, and
every program is a fork of it: a process of its own with its own arguments, environment, folder and output, which is
stopped and killed like any other. What depends on how Python starts or on what is imported when (kernels, start-up,
installed packages) starts Python itself, and so does one test of each script.
"""

import atexit
import itertools
import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path

MODULES = ["dcgan_hub", "keras", "tensorflow", "matplotlib.pyplot", "gradio"]
OUTPUTS = Path(tempfile.mkdtemp(prefix="dcgan-hub-outputs-"))
atexit.register(shutil.rmtree, OUTPUTS, ignore_errors=True)
numbers = itertools.count()


class Program:
    """A Python program that runs; its methods and attributes are those of `subprocess.Popen`.

    Args:
        words: what stands after `python` on a command line.
        cwd: working folder; default: that of the tests.
        env: the whole environment; default: that of the tests.
        output: file that takes what it writes; default: one that `communicate` reads.
        merged: whether errors are written where output is.
    """

    def __init__(
        self,
        *words: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        output: Path | None = None,
        merged: bool = True,
    ) -> None:
        self.words = [str(word) for word in words]
        self._output = output or OUTPUTS / f"{next(numbers)}.txt"  # files, since a pipe can be full
        self._errors = self._output if merged else self._output.with_suffix(".errors.txt")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(MODULES)
        environment = dict(os.environ if env is None else env)
        arguments = (self.words, Path(cwd or Path.cwd()), environment, self._output, self._errors)
        self._process = context.Process(target=_run, args=arguments)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.words, timeout or 0.0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Output and errors, once it has ended; of merged ones both are in the first."""
        self.wait(timeout)
        return self.output(), "" if self._errors == self._output else _read(self._errors)

    def output(self) -> str:
        """What it has written so far."""
        return _read(self._output)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_program(
    *words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end; what it returns has text, as of `subprocess.run`."""
    program = Program(*words, cwd=cwd, env=env, merged=False)
    try:
        output, errors = program.communicate(timeout)
    finally:
        program.kill()
    return subprocess.CompletedProcess(program.words, program.wait(), output, errors)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""  # which the program itself makes


def _run(words: list[str], folder: Path, environment: dict[str, str], *outputs: Path) -> None:
    """In the fork: becomes the program."""
    for descriptor, path in enumerate(outputs, 1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdout.reconfigure(line_buffering="PYTHONUNBUFFERED" in environment)
    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        del sys.modules[name]  # Keras imports it, and it reads the environment when it is imported
    kind, *rest = words
    sys.argv = words if kind not in ("-c", "-m") else [kind, *rest[1:]]
    sys.path[0] = str(folder) if kind in ("-c", "-m") else str(Path(kind).parent)
    try:
        if kind == "-c":
            exec(rest[0], {"__name__": "__main__"})
        elif kind == "-m":
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(kind, run_name="__main__")
    except KeyboardInterrupt:
        traceback.print_exc()
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
