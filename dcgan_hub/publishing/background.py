"""Pushes a run in a background thread, so that nothing that happens on the Hub can stop or delay the training.

The training thread only links the files into a separate folder and copies the discriminator from the checkpoint
(milliseconds); the background thread uploads them. A push that fails temporarily is retried with exponential backoff,
always with the newest files.
"""

import shutil
import tempfile
import threading
import time
from pathlib import Path

from huggingface_hub.utils import disable_progress_bars

from dcgan_hub.atomic_files import TEMPORARY_PREFIX
from dcgan_hub.bundle.format import FACTS_FILE, read_facts
from dcgan_hub.bundle.publication import Published, publish_folder
from dcgan_hub.console import Console
from dcgan_hub.errors import DcganHubError, HubError, HubUnavailable
from dcgan_hub.publishing.checkpoints import lay_out_checkpoint, publish_checkpoint
from dcgan_hub.publishing.repository import lay_out
from dcgan_hub.publishing.settings import PushSettings, with_message
from dcgan_hub.runs.directory import RunDirectory

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 5.0, 600.0
PAUSES_AT_THE_END_SECONDS = (2.0, 6.0)  # short, since the user may be waiting
MAX_WAIT_SECONDS = 900.0  # for the last push, which can take long on a slow connection
MAIN_FOLDER, CHECKPOINT_FOLDER = "main", "checkpoint"


class BackgroundPush:
    """Pushes a run to the Hub while it trains, and once more at its end; failures are reported on `console`."""

    def __init__(self, run: RunDirectory, settings: PushSettings, console: Console) -> None:
        disable_progress_bars()  # training already shows a progress line
        self.run, self.settings, self.console = run, settings, console
        self._period = 0  # index of the last period of `settings.every` steps whose files were handed over
        self._files_failed = False
        self._state = threading.Condition()  # guards the fields below
        self._waiting: Path | None = None  # files to be pushed next
        self._sending: Path | None = None  # files that the thread is pushing
        self._is_ending = self._is_closed = False
        self._outcome: Published | DcganHubError | None = None  # of the last push
        self._thread = threading.Thread(target=self._work, name="push", daemon=True)
        self._thread.start()

    def saved(self, step: int) -> None:
        """Callback for `run_plan` after checkpoint and bundle of a step were written; returns at once."""
        period = step // self.settings.every if self.settings.every else 0
        if period == self._period:  # it can also be lower, after a rollback
            return
        self._period = period
        try:
            self._hand_over(self._gather())
        except Exception as error:  # no error of a push may end the run
            if not self._files_failed:
                self.console.warn(f"The files for {self._name} could not be collected ({error}). Training continues.")
            self._files_failed = True

    def finish(self) -> Published:
        """Pushes the final state of the run, and waits until it is done.

        Raises DcganHubError if it could not be pushed, OSError if its files could not be collected; the run directory
        is complete in any case.
        """
        self._hand_over(self._gather(), is_last=True)
        with self._state:
            self._state.wait_for(lambda: self._outcome is not None, timeout=MAX_WAIT_SECONDS)
            outcome = self._outcome
        if isinstance(outcome, Published):
            return outcome
        raise outcome or HubUnavailable(
            f"The push to {self._name} was not completed within {MAX_WAIT_SECONDS / 60:.0f} minutes."
        )

    def close(self) -> None:
        """Abandons an unfinished push, and removes its files from the run directory."""
        with self._state:
            self._is_closed = True
            folders, self._waiting = (self._waiting, self._sending), None
            self._state.notify_all()
        for folder in folders:
            _remove(folder)

    @property
    def _name(self) -> str:
        return self.settings.target.repo_id

    def _gather(self) -> Path:
        """Collects the files to push in a temporary folder, which the next start of the run removes after a kill."""
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=self.run.path))
        try:
            (folder / MAIN_FOLDER).mkdir()
            target, licence = self.settings.target, self.settings.licence
            lay_out(folder / MAIN_FOLDER, self._name, self.run.generator, self.run, licence=licence, tag=target.tag)
            if self.settings.checkpoint_branch is not None:
                lay_out_checkpoint(folder / CHECKPOINT_FOLDER, self.run)
        except BaseException:
            _remove(folder)
            raise
        return folder

    def _hand_over(self, folder: Path, is_last: bool = False) -> None:
        with self._state:
            older, self._waiting, self._is_ending = self._waiting, folder, is_last
            self._state.notify_all()
        _remove(older)

    def _work(self) -> None:
        """The thread's main loop: pushes what is handed over, until the last push has succeeded or finally failed."""
        failures = 0
        while True:
            with self._state:
                self._state.wait_for(lambda: self._waiting is not None or self._is_closed)
                if self._waiting is None:
                    return
                folder, self._sending, self._waiting = self._waiting, self._waiting, None
                is_last = self._is_ending
            result = self._send_insistently(folder) if is_last else self._send(folder)
            if is_last or self._is_closed:
                _remove(folder)  # before announcing the result, since the process may exit then
            with self._state:
                self._sending = None
                self._outcome = result if is_last else None
                self._state.notify_all()
                if is_last or self._is_closed:
                    return
            failures = 0 if isinstance(result, Published) else failures + 1
            self._go_on(folder, result, failures)

    def _go_on(self, folder: Path, result: Published | DcganHubError, failures: int) -> None:
        """After a push during the run: keeps its files for a retry if it may succeed later and there are no newer."""
        if failures == 1:
            self.console.warn(f"Not pushed to {self._name}: {result} Training continues, and the push is retried.")
        with self._state:
            again = isinstance(result, HubUnavailable) and self._waiting is None and not self._is_closed
            if again:
                self._waiting = folder
        if not again:
            _remove(folder)
        if failures:
            seconds = min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), MAX_PAUSE_SECONDS)
            with self._state:
                self._state.wait_for(lambda: self._is_ending or self._is_closed, timeout=seconds)

    def _send_insistently(self, folder: Path) -> Published | DcganHubError:
        result = self._send(folder)
        for seconds in PAUSES_AT_THE_END_SECONDS:
            if not isinstance(result, HubUnavailable) or self._is_closed:
                break
            time.sleep(seconds)
            result = self._send(folder)
        return result

    def _send(self, folder: Path) -> Published | DcganHubError:
        target = self.settings.target
        try:
            facts = read_facts(folder / MAIN_FOLDER / FACTS_FILE)
            published = publish_folder(folder / MAIN_FOLDER, with_message(target, facts))
            if self.settings.checkpoint_branch is not None:
                branch = self.settings.checkpoint_branch
                publish_checkpoint(folder / CHECKPOINT_FOLDER, target.repo_id, branch, target.token)
            return published
        except DcganHubError as error:
            return error
        except Exception as error:  # as above
            return HubError(f"The push failed unexpectedly: {type(error).__name__}: {error}. Please report this bug.")


def _remove(folder: Path | None) -> None:
    """Removes a folder that the thread may be reading; it is renamed first, so that the thread never sees a part."""
    if folder is None:
        return
    try:
        gone = folder.rename(folder.with_name(f"{folder.name}-gone"))
    except OSError:
        gone = folder
    shutil.rmtree(gone, ignore_errors=True)
