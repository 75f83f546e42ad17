"""What all sources in one file have in common: how they are named, and how a change of them is noticed."""

from pathlib import Path

from dcgan_hub.images.sources.file_names import printable


def file_key(path: Path) -> str:
    """Identifies the state of a file without reading it."""
    status = path.stat()
    return f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"


class FileSource:
    """A source in one file; what kind of file, a subclass says."""

    def __init__(self, path: Path) -> None:
        """Takes an existing file."""
        self.text = f"'{printable(str(path))}'"
        self._path = path

    def key(self) -> str:
        """Identifies the file by path, size and time of modification."""
        return file_key(self._path)
