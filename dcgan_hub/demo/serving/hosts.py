"""The names under which the app answers, against DNS rebinding.

A website can let its own name point to 127.0.0.1, and its scripts, which run in the browser of somebody who visits it,
then reach an app that listens only there. The browser sends that name as `Host`. Scripts of other websites can also
send requests to the address itself, and the browser then names the website as `Origin`.
"""

import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from typing import Any

from dcgan_hub.demo.serving.requests import Receive, Scope, Send, refuse
from dcgan_hub.errors import SettingsError, shorten

ANY_HOST = "*"
SPACE_VARIABLE, SPACE_HOST_VARIABLE = "SPACE_ID", "SPACE_HOST"
SPACES_DOMAIN = ".hf.space"  # whose names nobody but the Hub can let point anywhere
NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
WITH_PORT = re.compile(r"(.+?)(?::\d{1,5})?")
MISDIRECTED, FORBIDDEN = 421, 403


class Hosts:
    """Names under which the app answers: addresses, this machine's own names, and those that were added."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Takes names of `--allow-host`; "*" allows every name.

        Raises:
            SettingsError: if one is not the name of a host.
        """
        machine = socket.gethostname().lower()
        self._own = {"localhost", machine, f"{machine}.local"}
        self._public: set[str] = set()
        for name in [*allowed, *filter(None, os.environ.get(SPACE_HOST_VARIABLE, "").split(","))]:
            self.add(name)

    def add(self, name: str) -> None:
        """Also answers under this public name; raises SettingsError if it is not the name of a host."""
        plain = name if _is_address(name) else host_of(name)
        if plain != ANY_HOST and not NAME.fullmatch(plain) and not _is_address(plain):
            raise SettingsError(
                f"`--allow-host` must be the name of a host, or * for all. Received: --allow-host {shorten(name)}. "
                "Try --allow-host images.example.org."
            )
        self._public.add(plain)

    def answers_as(self, name: str) -> bool:
        """Whether the app answers requests for this name, without port."""
        return self._is_public(name) or self._is_own(name) or _is_address(name)

    def accepts_from(self, origin: str, name: str) -> bool:
        """Whether scripts of a website, the host in `Origin`, may send requests to the app under `name`.

        Everybody can reach a public name anyway, so there they may.
        """
        if self._is_public(name) or origin == name or self._is_own(origin) or self._is_public(origin):
            return True
        return _is_address(origin) and ipaddress.ip_address(origin.strip("[]")).is_loopback

    def _is_own(self, name: str) -> bool:
        return name in self._own or name.endswith(".localhost")

    def _is_public(self, name: str) -> bool:
        on_spaces = SPACE_VARIABLE in os.environ and name.endswith(SPACES_DOMAIN)
        return ANY_HOST in self._public or name in self._public or on_spaces


class HostCheck:
    """ASGI middleware that rejects requests for other names, and of other websites' scripts."""

    def __init__(self, app: Any, hosts: Hosts) -> None:
        """Takes the wrapped app and the names under which it answers."""
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host"), headers.get(b"origin")
        if host is None:  # only programs leave it out; browsers cannot
            await self._app(scope, receive, send)
        elif not self._hosts.answers_as(host_of(host)):
            await refuse(
                send, MISDIRECTED, _explained("The app must be called by a name that it knows.", host_of(host))
            )
        elif origin is not None and not self._hosts.accepts_from(host_of(origin.partition("//")[2]), host_of(host)):
            words = "Only the app's own pages may send requests under this address."
            await refuse(send, FORBIDDEN, _explained(words, host_of(origin.partition("//")[2])))
        else:
            await self._app(scope, receive, send)


def host_of(authority: str) -> str:
    """The host in "host:port", in lower case; an IPv6 address is in brackets."""
    match = WITH_PORT.fullmatch(authority.strip().lower())
    return match[1].removesuffix(".") if match else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _explained(rule: str, received: str) -> str:
    if not received:
        return f"{rule} Received: no name."
    name = shorten(received)
    return f"{rule} Received: {name}. If that is your own, start the app with --allow-host {name}."
