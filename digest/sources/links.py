"""Links: whether the addresses that strangers wrote still lead somewhere. No body is read.

Never here: what it means for an issue that one does not (preflight).
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import urljoin

from digest.errors import FetchError, SourceError
from digest.sources.fetching import AGENT, BREAKS, MOST_REDIRECTS, REDIRECTS, exchange
from digest.sources.network import Internet, Network
from digest.sources.places import Permit, Place, place_of

AT_ONCE = 8
DEADLINE = 15.0
"""Seconds for one address, redirects included."""
_NO_HEAD = {403, 405, 501}
"""What servers answer that know no HEAD: they are asked again with GET."""


async def statuses(
    urls: Sequence[str], *, private: bool = False, network: Network | None = None
) -> dict[str, int]:
    """The HTTP status at the end of each address's redirects; 0 where nothing answers.

    A private network is asked only where `private` allows it, and never by a redirect.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(url: str) -> int:
        async with turns:
            return await _status(network or Internet(), url, private)

    return dict(zip(urls, await asyncio.gather(*map(one, urls)), strict=True))


async def _status(network: Network, url: str, private: bool) -> int:
    try:
        place = place_of(url)
        permit = Permit(place.host, place.port, private)
        async with asyncio.timeout(DEADLINE):
            for _ in range(MOST_REDIRECTS + 1):
                status, location = await _ask(network, place, permit)
                if status not in REDIRECTS or not location:
                    return status
                place = place_of(urljoin(place.url, location))
    except (*BREAKS, TimeoutError, FetchError, SourceError):
        return 0
    return 0


async def _ask(network: Network, place: Place, permit: Permit) -> tuple[int, str]:
    headers = [
        (b"Host", place.authority.encode()),
        (b"User-Agent", AGENT.encode()),
        (b"Accept", b"*/*"),
        (b"Connection", b"close"),
    ]
    status, location = 0, ""
    for method in ("HEAD", "GET"):
        async with exchange(network, place, permit, method, headers) as response:
            status = response.status
            found = {name.lower(): value for name, value in response.headers}
            location = found.get(b"location", b"").decode("latin-1")
        if status not in _NO_HEAD:
            break
    return status, location
