"""What the app looks after before Gradio starts: where it listens, its way to itself, and its folder."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcgan_hub.demo.startup import choose_folder, find_address, prepare_client
from dcgan_hub.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Puts back what the functions under test set; `monkeypatch` knows only of what it set itself."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    ("host", "address"),
    [(None, "127.0.0.1"), ("", "127.0.0.1"), ("localhost", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("127.0.0.2",) * 2],
)
def test_a_host_of_this_machine_becomes_an_address(host: str | None, address: str, free_port: int) -> None:
    assert find_address(host, free_port) == address


@pytest.mark.skipif(not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="needs IPv6")
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_is_written_as_in_a_url(host: str, free_port: int) -> None:
    assert find_address(host, free_port) == "[::1]"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.7", "not an address of this machine"),  # these are for documents: no machine has them
        ("2001:db8::7", "not an address of this machine"),
        ("224.0.0.1", "not an address of this machine"),
        ("faces.invalid", "cannot be used"),
        ("127.0.0.1:7860", "cannot be used"),
        ("http://localhost", "cannot be used"),
        ("two..dots", "cannot be used"),
        ("x" * 70, "cannot be used"),
    ],
)
@pytest.mark.parametrize("port", [7871, None])
def test_another_host_is_explained_at_once(host: str, words: str, port: int | None) -> None:
    with pytest.raises(SettingsError, match=rf"The app must listen .* Received: --host \S+ --port 78\d\d, .*{words}"):
        find_address(host, port)


def test_a_port_in_use_is_passed_over_unless_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
        assert find_address(None, None) == "127.0.0.1"
        for host in (None, "localhost", "0.0.0.0"):
            with pytest.raises(SettingsError, match=f"--port {port}, which is in use"):
                find_address(host, port)


@pytest.mark.parametrize("given", ["abc", "", "0", "65536", "-1", "7860.0"])
def test_a_wrong_port_of_the_environment_is_explained(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", given)
    with pytest.raises(SettingsError, match="GRADIO_SERVER_PORT must be 1 to 65535"):
        find_address(None, 7860)


@pytest.mark.parametrize(
    ("variables", "excepted"),
    [
        ({"http_proxy": "http://127.0.0.1:9"}, "localhost,127.0.0.1,::1"),
        (
            {"HTTPS_PROXY": "127.0.0.1:9", "NO_PROXY": ".lab.example,10.0.0.1"},
            ".lab.example,10.0.0.1,localhost,127.0.0.1,::1",
        ),
        ({"ALL_PROXY": "http://user:word@127.0.0.1:9", "no_proxy": "*"}, "*"),
    ],
)
def test_the_app_reaches_itself_behind_a_proxy(
    variables: dict[str, str], excepted: str, without_proxies: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        without_proxies.setenv(name, value)

    prepare_client("[::1]")

    assert os.environ["no_proxy"] == excepted


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"all_proxy": "socks4://127.0.0.1:9"}, "Received, in all_proxy or no_proxy: Unknown scheme"),
        ({"http_proxy": "http://127.0.0.1:port"}, "Received, in http_proxy or no_proxy: Invalid port"),
        ({"SSL_CERT_FILE": "/nowhere.pem"}, "Received: SSL_CERT_FILE=/nowhere.pem, which cannot be used"),
        ({"SSL_CERT_FILE": __file__}, "Received: SSL_CERT_FILE=.*no certificate or crl found"),
    ],
)
def test_what_no_client_can_use_is_explained(
    variables: dict[str, str], words: str, without_proxies: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        without_proxies.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        prepare_client("127.0.0.1")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def chosen() -> Path:
    choose_folder()
    return Path(os.environ.pop("GRADIO_TEMP_DIR"))


def test_each_user_has_a_folder_that_stays(temporary: Path) -> None:
    (temporary / "gradio").mkdir(mode=0)  # of somebody else
    folder = chosen()
    assert folder.parent == temporary and folder.stat().st_mode & 0o777 == 0o700
    assert chosen() == folder


@pytest.mark.parametrize("kind", ["link", "file", "folder of another user"])
def test_what_somebody_else_put_there_is_not_used(kind: str, temporary: Path) -> None:
    expected = chosen()
    expected.rmdir()
    if kind == "link":
        (temporary / "elsewhere").mkdir()
        expected.symlink_to(temporary / "elsewhere")
    elif kind == "file":
        expected.write_bytes(b"")
    else:
        expected.mkdir(mode=0o777)
        try:
            os.chown(expected, 12345, 12345)
        except PermissionError:
            pytest.skip("only an administrator can give a folder to another user")
    folder = chosen()
    assert folder != expected and folder.parent == temporary and folder.is_dir()


def test_the_folder_that_the_user_names_is_used(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(temporary / "a" / "b"))
    assert chosen() == temporary / "a" / "b"
    (temporary / "file").write_bytes(b"")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(temporary / "file" / "b"))
    with pytest.raises(SettingsError, match="GRADIO_TEMP_DIR says in which"):
        choose_folder()
