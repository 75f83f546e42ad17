"""Checks before Gradio is imported, which takes seconds: the address, proxies and certificates, a temporary folder."""

import errno
import ipaddress
import os
import socket
import stat
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path

from dcgan_hub.errors import SettingsError, shorten

PORT_VARIABLE, FOLDER_VARIABLE = "GRADIO_SERVER_PORT", "GRADIO_TEMP_DIR"
MUST_LISTEN = "The app must listen at an address of this machine and at a port that is free."
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # the first one that is set counts
LOCAL_HOST = "127.0.0.1"
FIRST_PORT, PORTS_TRIED, MAX_PORT = 7860, 100, 65_535
REASONS = {
    errno.EADDRINUSE: "which is in use. Try another --port, or leave it out for the first free one",
    errno.EACCES: "which only an administrator may use. Try --port 7860",
    errno.EADDRNOTAVAIL: "which is not an address of this machine. Leave --host out, or try --host 0.0.0.0 for all",
}


def find_address(host: str | None, port: int | None) -> str:
    """Finds the address to listen at. Gradio would take five seconds for each of a hundred ports to fail.

    Args:
        host: a name or an address; None takes 127.0.0.1.
        port: None lets Gradio take the first free one, starting at GRADIO_SERVER_PORT or 7860.

    Returns:
        An IPv4 address, or an IPv6 address in brackets.

    Raises:
        SettingsError: if the host is not an address of this machine, or a port is invalid or in use.
    """
    host, first = host or LOCAL_HOST, _first_port()
    ports = [port] if port is not None else range(first, min(first + PORTS_TRIED, MAX_PORT + 1))
    for tried in ports:
        try:
            return _listen_briefly(host, tried)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or tried == ports[-1]:
                named = f"{first} to {tried}" if port is None and tried > first else str(tried)
                reason = REASONS.get(
                    error.errno or 0, f"which cannot be used: {error.strerror}. Leave --host out, or try another"
                )
                raise SettingsError(
                    f"{MUST_LISTEN} Received: --host {shorten(host)} --port {named}, {reason}."
                ) from error
    raise AssertionError("the last port was tried")


def _first_port() -> int:
    given = os.environ.get(PORT_VARIABLE, str(FIRST_PORT))  # Gradio also reads it, even with --port
    if not given.isdecimal() or not 0 < int(given) <= MAX_PORT:
        raise SettingsError(f"{PORT_VARIABLE} must be 1 to {MAX_PORT}. Received: {shorten(given)!r}. Try 7860.")
    return int(given)


def _listen_briefly(host: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except ValueError as error:  # for an invalid host name
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
    family, *_, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    if ipaddress.ip_address(address[0]).is_multicast:  # can be bound, but is not an address of this machine
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    socket.create_server(address, family=family).close()
    socket.create_server((LOCAL_HOST, port)).close()  # Gradio checks the port here, whatever the host
    return f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0])


def prepare_client(address: str) -> None:
    """Excludes the app's own address from proxies, since Gradio requests it before it serves a page.

    Raises:
        SettingsError: if the environment has invalid proxies or certificates; Gradio creates HTTP clients on import.
    """
    import httpx

    proxies = urllib.request.getproxies()  # as httpx finds them: from the environment or the system settings
    if proxies:
        excepted = [*proxies.pop("no", "").split(","), "localhost", LOCAL_HOST, address.strip("[]")]
        os.environ.update({f"{scheme}_proxy": proxy for scheme, proxy in proxies.items()})
        os.environ["no_proxy"] = "*" if "*" in excepted else ",".join(filter(None, excepted))
    try:
        httpx.Client().close()
    except OSError as error:
        named = [f"{name}={os.environ[name]}" for name in CERTIFICATE_VARIABLES if os.environ.get(name)]
        received = shorten(named[0]) if named else "those of the package certifi"
        raise SettingsError(
            f"{' and '.join(CERTIFICATE_VARIABLES)} must point to certificates, or be unset. Received: {received}, "
            f"which cannot be used: {error}. Correct or unset them."
        ) from error
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        names = ", ".join(f"{scheme}_proxy" for scheme in proxies)
        raise SettingsError(
            f"The proxy variables of the environment must be valid. Received, in {names} or no_proxy: "
            f"{str(error).rstrip('.')}. Correct or unset them."
        ) from error


def choose_folder() -> None:
    """Sets Gradio's temporary folder to one of this user, unless GRADIO_TEMP_DIR is set.

    Its default, `gradio` in the system's temporary folder, belongs to the first user of a machine.

    Raises:
        SettingsError: if nothing can be written there.
    """
    try:
        folder = Path(os.environ.get(FOLDER_VARIABLE) or _folder_of_user())
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise SettingsError(
            f"The app must keep the files it serves in a folder that it can write to; {FOLDER_VARIABLE} says in which. "
            f"Received: {error}. Set it to one that can be written to."
        ) from error
    os.environ[FOLDER_VARIABLE] = str(folder)


def _folder_of_user() -> str:
    user = getattr(os, "getuid", lambda: 0)()  # Windows: all owners are 0, and temporary folders are per user
    folder = Path(tempfile.gettempdir(), f"dcgan_hub-{user}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    # In a world-writable folder, another user may have created a folder or link of this name.
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == user
    return str(folder) if ours else tempfile.mkdtemp(prefix="dcgan_hub-")
