"""Finding: the feeds of a site, from what its page names and from where feeds usually are.

Every candidate is fetched and read before it is told: what is found can be collected. All of
them are a stranger's word (places.Permit). Never here: what is written of them.
"""

import asyncio
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from digest.errors import SourceError
from digest.feeds import is_feed
from digest.outlines import FeedLink
from digest.sources.fetching import Answer, fetch
from digest.sources.network import Internet, Network
from digest.sources.places import Permit, place_of
from digest.sources.reading import Readers
from digest.sources.values import Source
from digest.sources.visiting import FOR_ONE_HOST, Means

WELL_KNOWN = ("/feed", "/rss", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml", "/feed.json")
"""Where publishing systems put their feed, if the page names none."""
MOST = 20
"""Feeds of one site that are tried."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed of the site that could be read: its title, address, and what it holds now."""

    title: str
    url: str
    articles: int
    newest: str = ""


async def find(source: Source, *, network: Network | None = None) -> list[Candidate]:
    """The feeds of the site at `source.place`; none where it has none.

    Raises FetchError or SourceError where the place itself cannot be read.
    """
    async with Readers() as readers:
        means = Means(network or Internet(), readers)
        own = place_of(source.place)
        permit = Permit(own.host, own.port, source.private)
        answer = await fetch(means.network, source.place, permit)
        linked = await _linked(answer, means)
        tried = await _tried(linked, source, permit, means)
        if tried or linked:
            return tried
        usual = [FeedLink("", urljoin(answer.memory.answered, path)) for path in WELL_KNOWN]
        found = await _tried(usual, source, permit, means)
        return list({(each.title, each.articles, each.newest): each for each in found}.values())


async def _linked(answer: Answer, means: Means) -> list[FeedLink]:
    body, url = answer.body or b"", answer.memory.answered
    if is_feed(body):
        return [FeedLink("", url)]
    return list(await means.readers.links(body, url))[:MOST]


async def _tried(
    links: list[FeedLink], source: Source, permit: Permit, means: Means
) -> list[Candidate]:
    turn = asyncio.Semaphore(FOR_ONE_HOST)

    async def tried(link: FeedLink) -> Candidate | None:
        async with turn:
            return await _candidate(link, source, permit, means)

    found = await asyncio.gather(*map(tried, links))
    return [candidate for candidate in found if candidate]


async def _candidate(
    link: FeedLink, source: Source, permit: Permit, means: Means
) -> Candidate | None:
    try:
        answer = await fetch(means.network, link.url, permit)
        if not is_feed(answer.body or b""):
            return None
        where = answer.memory.moved_to or link.url
        asked = replace(source, name=where, kind="feed")
        reading = await means.readers.read(asked, answer.body or b"", answer.memory.answered)
    except SourceError:
        return None
    newest = max((a.published for a in reading.articles if a.published), default=None)
    shown = f"{newest:%Y-%m-%d}" if newest else ""
    return Candidate(link.title, where, len(reading.articles), shown)
