"""What was made once is not made again: bytes by what they show, the oldest forgotten first."""

import threading
from collections import OrderedDict
from collections.abc import Hashable


class ContentCache:
    """Pictures and films, shared by all visitors and bounded in bytes; may be used by several threads at once."""

    def __init__(self, maximum_bytes: int) -> None:
        """Takes the most bytes that may be kept; something larger than an eighth of it is not kept at all."""
        self._maximum_bytes = maximum_bytes
        self._contents: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        """What was kept under a key, or None."""
        with self._lock:
            content = self._contents.get(key)
            if content is not None:
                self._contents.move_to_end(key)
            return content

    def put(self, key: Hashable, content: bytes) -> None:
        """Keeps `content`, and forgets what was not asked for the longest."""
        if len(content) > self._maximum_bytes // 8:
            return
        with self._lock:
            self._bytes += len(content) - len(self._contents.pop(key, b""))
            self._contents[key] = content
            while self._bytes > self._maximum_bytes:
                self._bytes -= len(self._contents.popitem(last=False)[1])

    @property
    def size(self) -> int:
        """Bytes kept at this moment."""
        return self._bytes
