"""Bounds on what Gradio keeps for clients that do not come for it: answers that nobody reads, and files of answers.

Gradio keeps all messages of 2,000 sessions, and every file for an hour, however large they are. Threads and memory that
many clients needed at a time are given back when they have gone.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import gradio as gr
from anyio.to_thread import run_sync

from dcgan_hub.demo.serving.log_lines import LOG
from dcgan_hub.demo.serving.memory import IdleMemory

SECONDS = 10.0  # between two rounds
ROUNDS_UNREAD = 3  # in which nobody reads the messages of a session, before they are dropped
MAX_FILE_BYTES = 2**30


@asynccontextmanager
async def kept_in_bounds(app: Any) -> AsyncIterator[None]:
    """The lifespan of an app whose page is kept in bounds."""
    keeping = asyncio.create_task(_keep(app.get_blocks()))
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _keep(demo: gr.Blocks) -> None:
    unread, memory = UnreadAnswers(demo), IdleMemory()
    while True:
        await asyncio.sleep(SECONDS)
        try:
            await unread.drop()
            files = [Path(path) for paths in demo.temp_file_sets for path in list(paths)]
            # In one of anyio's threads, which answer requests: it ends those that have been idle for ten seconds, but
            # only when another one is wanted.
            gone = await run_sync(remove_oldest, files, MAX_FILE_BYTES)
            for paths in demo.temp_file_sets:
                paths -= gone
            await run_sync(memory.give_back)
        except Exception:  # it is tried again, since without it strangers can fill memory and disk
            LOG.warning("housekeeping failed", exc_info=True)


class UnreadAnswers:
    """Drops the messages of sessions that nobody reads."""

    def __init__(self, demo: gr.Blocks) -> None:
        """Takes the page."""
        self._queue = demo._queue
        self._rounds: dict[str, tuple[Any, int]] = {}  # the oldest message of a session, and for how long it is that

    async def drop(self) -> None:
        """One round: drops what nobody has read from for three rounds."""
        oldest = {
            session: messages._queue[0]
            for session, messages in list(self._queue.pending_messages_per_session.items())
            if messages.qsize()
        }
        before, self._rounds = self._rounds, {}
        for session, message in oldest.items():
            known, rounds = before.get(session, (message, 0))
            self._rounds[session] = message, rounds + 1 if known is message else 1
            if self._rounds[session][1] > ROUNDS_UNREAD:
                await self._queue.clean_events(session_hash=session)  # or its running events would write to it
                del self._queue.pending_messages_per_session[session]
                self._queue.pending_event_ids_session.pop(session, None)


def remove_oldest(files: Iterable[Path], maximum_bytes: int) -> set[str]:
    """Removes the files that were not used for longest, until the others have at most `maximum_bytes` together.

    Returns:
        The paths of those that do not exist any more.
    """
    found, gone = [], set()
    for path in files:
        try:
            status = path.stat()
            found.append((status.st_mtime_ns, status.st_size, path))
        except OSError:
            gone.add(str(path))
    surplus = sum(size for _, size, _ in found) - maximum_bytes
    for _, size, path in sorted(found):
        if surplus <= 0:
            break
        surplus -= size
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()  # each file has a folder of its own
        gone.add(str(path))
    return gone
