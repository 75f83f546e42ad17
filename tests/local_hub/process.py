"""`HubProcess`: a Hub that can be killed."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .faults import Fault, RequestRecord
from .hub import LocalHub

STOP_SECONDS = 10


class HubProcess:
    """A server in a process of its own; a context manager that ends it.

    Args:
        root: folder with all state. `LocalHub(root)` sees and changes the same.

    Attributes:
        hub: for accounts, `plant`, `files` and such. Faults and the log are those of the process: use its own methods.
        endpoint: address, the same after every start.
    """

    def __init__(self, root: Path):
        self.hub = LocalHub(root)
        self.endpoint = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts it, the second time on the same port."""
        assert self._process is None or self._process.poll() is not None, "it runs"
        self._close()
        port = urlsplit(self.endpoint).port or 0
        folder = Path(__file__).resolve().parent
        command = [sys.executable, str(folder), "--root", str(self.hub.root), "--port", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.endpoint = self._process.stdout.readline().strip()
        assert self.endpoint, "the local Hub did not start"

    def kill(self) -> None:
        """SIGKILL: nothing is finished or tidied up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float) -> None:
        """Waits until it has ended, as by a fault that kills it."""
        assert self._process is not None
        self._process.wait(seconds)

    def misbehave(self, path: str = "", **fault: Any) -> None:
        """As `LocalHub.misbehave`."""
        self._order("POST", "/_test/misbehave", Fault(path, **fault).to_json())

    def behave(self) -> None:
        self._order("POST", "/_test/behave")

    @property
    def requests(self) -> list[RequestRecord]:
        """Log of the process since its start or `forget_requests`."""
        return [RequestRecord(**row) for row in json.loads(self._order("GET", "/_test/requests"))]

    def forget_requests(self) -> None:
        self._order("DELETE", "/_test/requests")

    def __enter__(self) -> "HubProcess":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close()

    def _close(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def _order(self, method: str, path: str, content: Any = None) -> bytes:
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=STOP_SECONDS)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 200, answer
            return answer
        finally:
            connection.close()
