"""Nothing that a test does may reach the network or leave something behind in the user's folders.

These variables are read when the libraries are imported, so they are set here, before any test module is. The Hub of
the tests is tests/local_hub: its address is fixed here, it is started by the first test that takes the fixture `hub`.
"""

import atexit
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tiny_runs import finished_run, squares, tiny  # noqa: F401  fixtures
from varied_networks import varied_bundles  # noqa: F401  a fixture

import dcgan_hub  # noqa: F401  chooses TensorFlow's kernels before a test imports it, as it does for users

if TYPE_CHECKING:
    from local_hub import LocalHub

SCRATCH = Path(tempfile.mkdtemp(prefix="dcgan-hub-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

if "PYTEST_XDIST_WORKER" in os.environ:
    # Such a worker is started deaf to Ctrl-C, and so would be all programs that its tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Bound and not served, so that whoever asks the Hub in a test without `hub` is refused, and no other program gets it.
HUB_LISTENER = socket.socket()
HUB_LISTENER.bind(("127.0.0.1", 0))
atexit.register(HUB_LISTENER.close)

for name in list(os.environ):  # tokens, caches and switches of whoever runs the tests
    if name.startswith(("HF_", "HUGGING", "TRANSFORMERS_OFFLINE")):
        del os.environ[name]

os.environ.update(
    {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "HF_ENDPOINT": "http://{}:{}".format(*HUB_LISTENER.getsockname()),
        "HF_HOME": str(SCRATCH / "hub-home"),
        "HF_HUB_DISABLE_XET": "1",  # the local Hub has none
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # `datasets` would count at another address
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(SCRATCH / "gradio"),
        "DCGAN_HUB_CACHE": str(SCRATCH / "dcgan-hub"),
        "XDG_CACHE_HOME": str(SCRATCH / "cache"),
        "MPLCONFIGDIR": str(SCRATCH / "matplotlib"),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
)


def pytest_configure(config: pytest.Config) -> None:
    """What huggingface_hub does to its own HTTP library is no error of ours."""
    config.addinivalue_line("filterwarnings", "ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="session")
def served_hub(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[LocalHub]":
    """The Hub at HF_ENDPOINT; tests take `hub`."""
    from local_hub import LocalHub, serve

    hub = LocalHub(tmp_path_factory.mktemp("hub"))
    with serve(hub, HUB_LISTENER):
        yield hub


@pytest.fixture
def hub(served_hub: "LocalHub", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[LocalHub]":
    """An empty Hub at HF_ENDPOINT, with the account "tester" and `hub.write_token` and `hub.read_token` for it.

    No token is in the environment. The client's cache, also that of processes that the test starts, is empty too.
    """
    from huggingface_hub import constants

    served_hub.start_over(tmp_path / "local-hub")
    served_hub.add_account("tester")
    served_hub.write_token = served_hub.add_token("tester", "write")
    served_hub.read_token = served_hub.add_token("tester", "read")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    yield served_hub
    served_hub.behave()
