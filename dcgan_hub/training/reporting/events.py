"""Event files of TensorBoard, written without TensorFlow."""

import itertools
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

FILE_VERSION = "brain.Event:2"  # in the first record of each file
_numbers = itertools.count()  # several files of one second and process


class EventFile:
    """A new event file in a folder, which is made if needed.

    Raises OSError if it cannot be written, as `write` does.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}.v2"
        )
        folder.mkdir(parents=True, exist_ok=True)
        self._append(Event(wall_time=time.time(), file_version=FILE_VERSION))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Appends scalars by name, in one event."""
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        self._append(Event(wall_time=time.time(), step=step, summary=summary))

    def _append(self, event: Event) -> None:
        with self._path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())
