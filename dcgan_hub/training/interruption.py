"""Ctrl-C, SIGTERM and SIGHUP while a run goes on."""

import signal
import threading
from types import FrameType
from typing import Any

from dcgan_hub.console import Console


class Interruption:
    """Handles the signals that stop a run, so that it ends between two steps and nothing is lost.

    The first Ctrl-C, SIGTERM or SIGHUP (the terminal was closed) is recorded, and takes effect after the step; a second
    Ctrl-C ends the process at once. SIGHUP stays ignored if it was, as under nohup. Python runs signal handlers in the
    middle of anything, even a write to the terminal, so the handler itself writes nothing: `tell` does, between steps.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.heard: str | None = None  # name of the first signal, such as "SIGINT"
        self._is_told = False
        self._previous: dict[int, Any] = {}

    def listen(self) -> None:
        """Installs the signal handlers if this is the main thread, the only one where Python allows it. Idempotent."""
        if threading.current_thread() is threading.main_thread() and not self._previous:
            numbers = [signal.SIGINT, signal.SIGTERM]
            if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # Windows has none
                numbers.append(signal.SIGHUP)
            for number in numbers:
                self._previous[number] = signal.signal(number, self._hear)

    def release(self) -> None:
        """Restores the signal handlers that were there before; to be called when all is saved."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def tell(self) -> None:
        """Prints once that a signal was received."""
        if self.heard and not self._is_told:
            self._is_told = True
            self.console.say(f"{self.heard}: finishing the step and saving; Ctrl-C again exits at once.")

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.heard and number == signal.SIGINT:
            self.release()
            raise KeyboardInterrupt
        self.heard = self.heard or signal.Signals(number).name
