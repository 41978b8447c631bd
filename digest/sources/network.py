"""The network: from a name to a connection with the very address that was checked.

A name is resolved once for each request; its addresses are checked; the connection goes to one of
those that passed, while Host and certificate still bear the name. So a name server that answers
otherwise the second time (rebinding) is never asked a second time. Never here: HTTP.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Protocol

import certifi
import httpcore

from digest.errors import FetchError
from digest.sources.places import Permit, Place

CONNECTING = 8.0
"""Seconds for one address of a host; then the next is tried."""


class Network(Protocol):
    """The way out: what a name stands for, a connection to an address in figures, and trust."""

    def trust(self) -> ssl.SSLContext:
        """Whose certificates are believed."""
        ...

    async def resolve(self, host: str) -> Sequence[str]:
        """The addresses of a host, the best first. Raises OSError."""
        ...

    async def connect(self, address: str, port: int) -> httpcore.AsyncNetworkStream:
        """A connection. Raises httpcore.ConnectError or httpcore.ConnectTimeout."""
        ...


class Internet:
    """The network of this machine."""

    def trust(self) -> ssl.SSLContext:
        """The machine's own authorities (a publisher's proxy may need one), and Mozilla's."""
        return _trust()

    async def resolve(self, host: str) -> Sequence[str]:
        """Ask the machine's resolver."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def ask() -> None:
            # A thread that nobody waits for: Ctrl-C must not wait for a name server.
            try:
                found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                told, addresses = None, list(dict.fromkeys(str(info[4][0]) for info in found))
            except (OSError, UnicodeError) as error:
                told, addresses = OSError(str(error)), []
            with contextlib.suppress(RuntimeError):  # the loop may be gone by now
                loop.call_soon_threadsafe(settle, told, addresses)

        def settle(told: OSError | None, addresses: list[str]) -> None:
            if answer.done():
                return
            if told:
                answer.set_exception(told)
            else:
                answer.set_result(addresses)

        threading.Thread(target=ask, daemon=True).start()
        return await answer

    async def connect(self, address: str, port: int) -> httpcore.AsyncNetworkStream:
        """By TCP."""
        return await httpcore.AnyIOBackend().connect_tcp(address, port, timeout=CONNECTING)


@cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that were checked, whatever the name says by now."""

    def __init__(self, network: Network, addresses: Sequence[str]) -> None:
        self._network = network
        self._addresses = addresses

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's name
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The first of the addresses that answers; the last one's error where none does."""
        del host, timeout, local_address, socket_options
        for address in self._addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._network.connect(address, port)
        return await self._network.connect(self._addresses[-1], port)


async def pinned(network: Network, place: Place, permit: Permit) -> Pinned:
    """Resolve, check, pin. Raises FetchError (unknown name), SourceError (not allowed)."""
    permit.check_port(place)
    try:
        addresses = await network.resolve(place.host)
    except OSError as error:
        raise FetchError(
            f"{place.host} is not known to the name servers",
            remedy="check the address, or try again later",
        ) from error
    return Pinned(network, permit.checked(place, addresses))
