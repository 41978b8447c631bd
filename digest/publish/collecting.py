"""Sources -> archive. One source that fails never stops the others."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from digest import archive, sources
from digest.archive import SourceState as SourceState
from digest.articles import Listed, Reading
from digest.errors import DigestError
from digest.publish.comparing import compare
from digest.publish.opening import House
from digest.settings import SourceSettings
from digest.sources import AskedToWait, Kind, Memory, Network, Source, Visit

MOST_RANKED = 50
"""Entries of a ranked feed that count as a list."""
Outcome = Literal["read", "unchanged", "waiting", "failed"]


@dataclass(frozen=True, slots=True)
class Collected:
    """What one source brought; times are in UTC.

    `unchanged` counts articles; of a source that says itself that nothing has changed, none is
    looked at. A source is `waiting` until the moment that its server asked for; `error` is told
    where it was asked and could not be read. `left_out` has a sentence for each file of a folder
    that could not be read, `moved_to` the address that its server wants to be called by.
    """

    source: str
    outcome: Outcome = "read"
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    error: str = ""
    remedy: str = ""
    exit_code: int = 0
    failing_since: datetime | None = None
    failures: int = 0
    waiting_until: datetime | None = None
    moved_to: str = ""
    left_out: tuple[str, ...] = ()


def collect(
    house: House,
    places: Sequence[str] = (),
    *,
    section: str = "",
    now: datetime,
    on_visit: Callable[[str], None] = lambda _: None,
    on_source: Callable[[Collected], None] = lambda _: None,
    network: Network | None = None,
) -> list[Collected]:
    """Read every source of the settings, or just `places` (URLs, files or folders).

    Several at once, and `on_visit` is told the name of each that ends. What they brought is
    committed, and told to `on_source`, in the order of the sources: which of two keeps an
    article that both carry, is not for their servers to decide. Ctrl-C ends it at once; what
    was read until then is kept.
    """
    desk = _Desk(house, now, on_source)
    done = asyncio.run(_collect(desk, desk.wanted(places, section), on_visit, network))
    compare(house)
    return done


async def _collect(
    desk: "_Desk",
    wanted: Sequence[Source],
    on_visit: Callable[[str], None],
    network: Network | None,
) -> list[Collected]:
    asked = [(source, desk.memory(source)) for source in wanted if not desk.waiting(source)]
    visits = sources.visits(asked, network=network)
    ended: dict[str, Visit | DigestError] = {}
    left = deque(wanted)
    done: list[Collected] = []
    try:
        async with contextlib.aclosing(visits):
            done += await asyncio.to_thread(desk.settle, left, ended)
            async for source, visit in visits:
                ended[source.name] = visit
                on_visit(source.name)
                done += await asyncio.to_thread(desk.settle, left, ended)
    except (asyncio.CancelledError, KeyboardInterrupt):
        desk.settle(left, ended, stopped=True)
        raise
    return done


class _Desk:
    """One collection: what is known of the sources, and what becomes of their visits."""

    def __init__(self, house: House, now: datetime, on_source: Callable[[Collected], None]) -> None:
        self.on_source = on_source
        self._house, self._now = house, now
        self._known = {state.name: state for state in house.sources()}

    def wanted(self, places: Sequence[str], section: str) -> list[Source]:
        """The sources to be read: those of the settings, where no place is named."""
        if places:
            # A place named once, perhaps mistyped, is no source that `status` should mourn.
            self._known = {}
            return [ad_hoc(place, section) for place in dict.fromkeys(places)]
        settings = self._house.settings
        return [configured(source, settings.folder) for source in settings.source]

    def waiting(self, source: Source) -> Collected | None:
        """What is told of a source whose server asked not to be asked yet; None for others."""
        known = self._of(source)
        if known.not_before is None or known.not_before <= self._now:
            return None
        return Collected(source.name, "waiting", waiting_until=known.not_before,
                         failing_since=known.failing_since, failures=known.failures)  # fmt: skip

    def memory(self, source: Source) -> Memory:
        """What the last visit left."""
        known = self._of(source)
        return Memory(known.moved_to, known.answered, known.etag, known.last_modified,
                      known.body_hash)  # fmt: skip

    def settle(
        self,
        left: deque[Source],
        ended: Mapping[str, Visit | DigestError],
        *,
        stopped: bool = False,
    ) -> list[Collected]:
        """Keep what has ended, in the order of the sources, up to the first that has not.

        Once `stopped`, nobody is waited for any more: the others go by.
        """
        ready: list[tuple[Source, Visit | DigestError | None]] = []
        while left and (stopped or left[0].name in ended or self.waiting(left[0])):
            source = left.popleft()
            ready.append((source, ended.get(source.name)))
        if not ready:
            return []
        with self._house.database.writing() as session:
            kept = [self._kept(session, source, visit) for source, visit in ready]
        done = [collected for collected in kept if collected]
        for collected in done:
            self.on_source(collected)
        return done

    def _kept(
        self, session: Any, source: Source, visit: Visit | DigestError | None
    ) -> Collected | None:
        if visit is None:
            return self.waiting(source)
        if isinstance(visit, DigestError):
            return self._failed(session, source, visit)
        return self._read(session, source, visit)

    def _of(self, source: Source) -> SourceState:
        known = self._known.get(source.name)
        return known if known and known.place == source.place else SourceState(source.name)

    def _read(self, session: Any, source: Source, visit: Visit) -> Collected:
        collected = Collected(source.name, moved_to=visit.memory.moved_to, left_out=visit.left_out)
        if source.name in self._known:
            archive.note_visit(
                session, source.name, self._now, place=source.place, **asdict(visit.memory)
            )
        if visit.reading is None:
            if source.kind != "folder":  # whose lists are as old as the page that has them
                archive.still_listed(session, source.name, self._now)
            return replace(collected, outcome="unchanged")
        kept = archive.keep(session, visit.reading.articles, self._now)
        if source.kind in {"feed", "folder"}:
            archive.unlist(session, source.name)
        seen = min(visit.listed_at or self._now, self._now)
        archive.keep_listed(session, source.name, _lists(source, visit.reading), seen)
        return replace(collected, new=kept.new, changed=kept.changed, unchanged=kept.unchanged)

    def _failed(self, session: Any, source: Source, error: DigestError) -> Collected:
        until = error.until(self._now) if isinstance(error, AskedToWait) else None
        collected = Collected(
            source.name, "failed", error=error.what, remedy=error.remedy,
            exit_code=error.exit_code, waiting_until=until,
        )  # fmt: skip
        if source.name not in self._known:
            return collected
        archive.note_failure(
            session, source.name, self._now, error.what, place=source.place, not_before=until
        )
        state = archive.source_state(session, source.name)
        return replace(collected, failing_since=state.failing_since, failures=state.failures)


def _lists(source: Source, reading: Reading) -> tuple[Listed, ...]:
    if not source.ranked:
        return reading.listed
    first = enumerate(reading.articles[:MOST_RANKED], 1)
    return tuple(Listed(rank, a.headline, a.url, a.section) for rank, a in first)


def configured(source: SourceSettings, folder: Path) -> Source:
    """A source of the settings; files are beside digest.toml."""
    kind: Kind = "feed" if source.feed else "page" if source.page else "folder"
    place = source.feed or source.page or source.folder
    return Source(
        source.name, kind, _absolute(place, folder), source.section, source.timezone,
        source.private, source.ranked,
    )  # fmt: skip


def ad_hoc(place: str, section: str = "") -> Source:
    """A place that somebody typed just now; files are where he stands.

    A private address in figures is meant as it is typed; what a name stands for, he can't see.
    """
    absolute = _absolute(place, Path.cwd())
    kind: Kind = "folder" if Path(absolute).is_dir() else "auto"
    name = sources.shown(place)
    return Source(name, kind, absolute, section, private=sources.names_itself(place))


def _absolute(place: str, folder: Path) -> str:
    if place.lower().startswith(("http://", "https://")):
        return place
    # Who has no home, or no such neighbour, has no such file: Path's own would raise.
    return str(folder / os.path.expanduser(place))  # noqa: PTH111
