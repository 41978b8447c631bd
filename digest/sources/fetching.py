"""Fetching: one document of the web by a conditional GET, bounded in time, bytes and hops.

No proxies and no other word of the environment, no cookies, no packing but gzip. Never here:
what the body means, what is remembered.
"""

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin

import httpcore

from digest.errors import FetchError, SourceError
from digest.sources.bodies import MOST_BYTES, too_large, unpacked
from digest.sources.network import Internet, Network, pinned
from digest.sources.places import Permit, Place, place_of
from digest.sources.values import NOTHING, Memory

DEADLINE = 20.0
"""Seconds for a document: name servers, redirects and the last byte included."""
MOST_REDIRECTS = 5
LONGEST_WAIT = timedelta(days=1)
"""Of what a Retry-After may ask for."""
AGENT = "Digest/0.1 (newsletter)"
ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, text/html;q=0.9, */*;q=0.8"
)
# RFC 9110 section 8.3.2: a token, or one in quotes.
CHARSET = re.compile(r";\s{0,9}charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)
REDIRECTS = {301, 302, 303, 307, 308}
_PERMANENT = {301, 308}
_ASKS_FOR_PATIENCE = {429, 503}
BREAKS = (
    httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError, ValueError
)  # fmt: skip
_TIMEOUTS = {"connect": DEADLINE, "read": DEADLINE, "write": DEADLINE, "pool": DEADLINE}


class AskedToWait(FetchError):
    """The server asks to come again later: after some time, or at a moment (aware)."""

    def __init__(self, what: str, after: timedelta | datetime) -> None:
        super().__init__(what, remedy="it is left alone until then")
        self._after = after

    def until(self, now: datetime) -> datetime:
        """When it may be asked again (UTC); at most `LONGEST_WAIT` from now."""
        wait = self._after - now if isinstance(self._after, datetime) else self._after
        return now + min(max(wait, timedelta()), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Answer:
    """The body, None where the server says that it is unchanged, and what to remember of it.

    In `memory` everything is set but the hash; `moved_to` where each hop from the first on was
    permanent, up to that address. `charset` is what the server says of a body's encoding.
    """

    body: bytes | None
    memory: Memory
    charset: str = ""


async def fetch(
    network: Network, url: str, permit: Permit, known: Memory = NOTHING, deadline: float = DEADLINE
) -> Answer:
    """Get `url`, asking for changes only since `known`. `deadline` is in seconds for all of it.

    Raises FetchError where another time may help (AskedToWait where the server names it), else
    SourceError.
    """
    try:
        async with asyncio.timeout(deadline):
            return await _follow(network, url, permit, known)
    except TimeoutError:
        raise FetchError(
            f"{place_of(url).url} took more than {deadline:.0f} seconds", remedy="try again later"
        ) from None


async def document(url: str, network: Network | None = None) -> bytes:
    """What stands at a public address, with the limits of every fetch.

    Raises FetchError, SourceError.
    """
    place = place_of(url)
    answer = await fetch(network or Internet(), url, Permit(place.host, place.port))
    return answer.body or b""


async def _follow(network: Network, url: str, permit: Permit, known: Memory) -> Answer:
    place = first = place_of(url)
    moved_to, steady = "", True
    for _ in range(MOST_REDIRECTS + 1):
        hop = await _ask(network, place, first, permit, known)
        if isinstance(hop, _Redirect):
            place = _next(place, hop.location)
            steady = steady and hop.permanent
            moved_to = place.url if steady else moved_to
            continue
        memory = Memory(moved_to, place.url, hop.etag, hop.last_modified)
        return Answer(hop.body, memory, hop.charset)
    raise FetchError(
        f"{first.url} redirects more than {MOST_REDIRECTS} times", remedy="correct its address"
    )


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class _Page:
    body: bytes | None
    etag: str
    last_modified: str
    charset: str = ""


async def _ask(
    network: Network, place: Place, first: Place, permit: Permit, known: Memory
) -> "_Redirect | _Page":
    # A login goes to nobody but the host that it was written for.
    login = first.login if _origin(place) == _origin(first) else ""
    conditions = known if known.answered == place.url else NOTHING
    try:
        async with exchange(
            network, place, permit, "GET", _headers(place, login, conditions)
        ) as response:
            return await _heard(response, place, conditions)
    except BREAKS as error:
        raise _unreachable(place, error) from error


@contextlib.asynccontextmanager
async def exchange(
    network: Network,
    place: Place,
    permit: Permit,
    method: str,
    headers: list[tuple[bytes, bytes]],
    content: bytes | None = None,
) -> AsyncIterator[httpcore.Response]:
    """One request to an address that was checked; the body is not read yet.

    Raises FetchError or SourceError where it may not be asked, httpcore's errors where it fails.
    """
    backend = await pinned(network, place, permit)
    target = httpcore.URL(
        scheme=place.scheme, host=place.host, port=place.port, target=place.target
    )
    async with (
        httpcore.AsyncConnectionPool(
            ssl_context=network.trust() if place.scheme == "https" else None,
            network_backend=backend,
            max_connections=1,
        ) as pool,
        pool.stream(
            method, target, headers=headers, content=content, extensions={"timeout": _TIMEOUTS}
        ) as response,
    ):
        yield response


async def _heard(response: httpcore.Response, place: Place, known: Memory) -> "_Redirect | _Page":
    headers = _decoded(response)
    location = headers.get("location", "").encode("latin-1").decode("utf-8", "replace")
    if response.status in REDIRECTS and location:
        return _Redirect(location, response.status in _PERMANENT)
    if response.status == HTTPStatus.NOT_MODIFIED and known.answered:
        return _Page(None, known.etag, known.last_modified)
    if response.status != HTTPStatus.OK:
        raise _refusal(response.status, headers, place)
    length = headers.get("content-length", "")
    if re.fullmatch(r"\d{1,15}", length) and int(length) > MOST_BYTES:
        raise too_large(place.url)
    encoding = headers.get("content-encoding", "").strip().lower()
    body = await unpacked(response.aiter_stream(), encoding, place.url)
    charset = CHARSET.search(headers.get("content-type", ""))
    return _Page(
        body,
        headers.get("etag", ""),
        headers.get("last-modified", ""),
        charset[1] if charset else "",
    )


def _decoded(response: httpcore.Response) -> dict[str, str]:
    # Those of one name may stand several times; the first is taken. None that counts is long.
    found: dict[str, str] = {}
    for name, value in response.headers:
        found.setdefault(name.decode("latin-1").lower(), value[:4000].decode("latin-1"))
    return found


def _origin(place: Place) -> tuple[str, str, int]:
    return place.scheme, place.host, place.port


def _headers(place: Place, login: str, known: Memory) -> list[tuple[bytes, bytes]]:
    told = {
        "Host": place.authority,
        "User-Agent": AGENT,
        "Accept": ACCEPT,
        "Accept-Encoding": "gzip",
        "Connection": "close",
        "If-None-Match": known.etag,
        "If-Modified-Since": known.last_modified,
        "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}" if login else "",
    }
    # An etag may have any byte from 0x80 on (RFC 9110 section 8.8.3): it goes back as it came.
    return [(k.encode(), v.encode("latin-1", "replace")) for k, v in told.items() if v]


def _next(place: Place, location: str) -> Place:
    try:
        return place_of(urljoin(place.url, location.strip()))
    except (SourceError, ValueError) as error:
        raise SourceError(
            f"{place.url} redirects to something that is no web page",
            remedy="check who runs that site",
        ) from error


def _refusal(status: int, headers: dict[str, str], place: Place) -> FetchError:
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    if status == HTTPStatus.GONE:
        return FetchError(
            f"{place.url} is gone for good (410)",
            remedy="take the source out of digest.toml, or look for its new address",
        )
    after = _retry_after(headers.get("retry-after", "")) if status in _ASKS_FOR_PATIENCE else None
    if after:
        return AskedToWait(f"{place.url} answered {phrase} and asks to wait", after)
    return FetchError(
        f"{place.url} answered {phrase}",
        remedy="open it in a browser; if it is gone, correct its address in digest.toml",
    )


def _retry_after(value: str) -> timedelta | datetime | None:
    """RFC 9110 section 10.2.3: seconds, or a date."""
    if re.fullmatch(r"\s*\d{1,9}\s*", value):
        return timedelta(seconds=int(value))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unreachable(place: Place, error: Exception) -> FetchError:
    if isinstance(error, httpcore.RemoteProtocolError):
        return FetchError(
            f"{place.url} broke off or spoke no proper HTTP: {error}", remedy="try again later"
        )
    why = str(error) or type(error).__name__
    return FetchError(
        f"{place.url} could not be reached: {why}", remedy="check the address, or try again later"
    )
