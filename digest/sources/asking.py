"""One request to a place of the publisher's own, to see what it answers. No redirect is followed.

Never here: what the answer means (preflight).
"""

import asyncio
from collections.abc import Mapping

from digest.errors import FetchError, SourceError
from digest.preflight.premises import Answer
from digest.sources.fetching import AGENT, BREAKS, exchange
from digest.sources.network import Internet, Network
from digest.sources.places import Permit, place_of

PATIENCE = 15.0  # seconds for it all


async def ask(
    url: str,
    form: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    network: Network | None = None,
) -> Answer:
    """GET the address, or POST `form` to it. It may be in a private network: it is our own."""
    try:
        place = place_of(url)
        permit = Permit(place.host, place.port, private=True)
        told = {
            "Host": place.authority,
            "User-Agent": AGENT,
            "Accept": "*/*",
            "Connection": "close",
            **({} if form is None else {"Content-Length": str(len(form))}),
            **(headers or {}),
        }
        lines = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
        method = "GET" if form is None else "POST"
        async with (
            asyncio.timeout(PATIENCE),
            exchange(network or Internet(), place, permit, method, lines, form) as response,
        ):
            pairs = response.headers
            named = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in pairs}
            return Answer(response.status, named)
    except TimeoutError:
        return Answer(0, why=f"within {PATIENCE:.0f} seconds")
    except (*BREAKS, FetchError, SourceError) as error:
        return Answer(0, why=str(error) or type(error).__name__)
