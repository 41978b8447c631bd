"""The list of sources: how each fares, the feeds of a site, and lists of other feed readers."""

import asyncio
import json
import os
import re
import tempfile
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from digest import sources
from digest.archive import SourceState
from digest.articles import canonical
from digest.errors import SettingsError, SourceError
from digest.outlines import Outline, Outlines, read_outlines, write_outlines
from digest.publish.collecting import ad_hoc, configured
from digest.publish.opening import House
from digest.settings import FILE, Settings
from digest.sources import Candidate, Network, Source

_NO_NAME = {"", "rss", "atom", "feed", "rss-feed", "rss-2-0", "atom-feed", "subscribe", "json-feed"}


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source of the settings and how it fares. Times are in UTC; None where there is none."""

    name: str
    kind: str
    place: str
    section: str
    succeeded: datetime | None
    failing_since: datetime | None
    failures: int
    error: str
    waiting_until: datetime | None
    moved_to: str


@dataclass(frozen=True, slots=True)
class NewSource:
    """A feed that may become a source."""

    name: str
    feed: str
    section: str = ""
    remark: str = ""
    private: bool = False

    @property
    def place(self) -> str:
        """The feed's address as it may be shown: without its login."""
        return sources.shown(self.feed)


def source_lines(house: House, now: datetime) -> list[SourceLine]:
    """Every source of the settings, in their order."""
    settings = house.settings
    pairs = zip(settings.source, house.sources(), strict=True)
    return [_line(configured(source, settings.folder), state, now) for source, state in pairs]


def _line(source: Source, state: SourceState, now: datetime) -> SourceLine:
    # What another address's server asked for does not bind this one.
    same = state.place in {source.place, ""}
    waits = same and state.not_before is not None and state.not_before > now
    return SourceLine(
        name=source.name,
        kind=source.kind,
        place=sources.shown(source.place),
        section=source.section,
        succeeded=state.succeeded,
        failing_since=state.failing_since,
        failures=state.failures,
        error=state.error,
        waiting_until=state.not_before if waits else None,
        moved_to=state.moved_to if same else "",
    )


def find_feeds(url: str, *, network: Network | None = None) -> list[Candidate]:
    """The feeds of the site at `url`, each of them read once. Raises FetchError, SourceError."""
    url = url if "://" in url else f"https://{url}"
    found = asyncio.run(sources.find(ad_hoc(url), network=network))
    if not found:
        raise SourceError(
            f"{sources.shown(url)} names no feed, and there is none where feeds usually are",
            remedy="look for the word RSS on the site, or collect single pages: page = …",
        )
    return found


def outlines_of(path: Path) -> Outlines:
    """The feeds of an OPML file, and what can't be taken over. Raises SourceError."""
    return read_outlines(sources.load(path), str(path))


def new_sources(
    found: Iterable[Candidate | Outline], settings: Settings | None, section: str = ""
) -> list[NewSource]:
    """Those that are no sources yet, each with a name of its own."""
    known = settings.source if settings else ()
    names = {source.name for source in known}
    feeds = {_identity(source.feed) for source in known}
    new = []
    for each in found:
        made = _new(each, section)
        if _identity(made.feed) not in feeds:
            new.append(replace(made, name=_unique(made.name, names)))
            names.add(new[-1].name)
            feeds.add(_identity(made.feed))
    return new


def _identity(feed: str) -> str:
    """A feed is the same with a login or another; a file is what its path says."""
    return canonical(sources.shown(feed)) or feed


def _new(found: Candidate | Outline, section: str) -> NewSource:
    if isinstance(found, Outline):
        return NewSource(_name(found.title, found.feed), found.feed, section or found.section)
    newest = f", newest {found.newest}" if found.newest else ""
    remark = f"{found.articles} article{'s' if found.articles != 1 else ''}{newest}"
    # Such an address is only found on the host that somebody typed so, in figures.
    private = sources.names_itself(found.url)
    return NewSource(_name(found.title, found.url), found.url, section, remark, private)


def _name(title: str, feed: str) -> str:
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = "-".join(re.findall(r"[a-z0-9]+", ascii_title))[:40].strip("-")
    host = (urlsplit(feed).hostname or "feed").removeprefix("www.").replace(".", "-")
    # A name is shown and logged, and an address may hold a login.
    return host if name in _NO_NAME or "://" in title else name


def _unique(name: str, names: set[str]) -> str:
    number, wanted = 2, name
    while name in names:
        name, number = f"{wanted}-{number}", number + 1
    return name


def source_tables(new: Sequence[NewSource]) -> str:
    """The sources as tables of digest.toml."""
    return "\n".join(map(_table, new))


def _table(new: NewSource) -> str:
    lines = [f"[[source]]{f'  # {_text(new.remark)[1:-1]}' if new.remark else ''}"]
    lines += [f"name = {_text(new.name)}", f"feed = {_text(new.feed)}"]
    lines += [f"section = {_text(new.section)}"] if new.section else []
    lines += ["private = true"] if new.private else []
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    # A JSON string of printable text is a TOML basic string.
    return json.dumps("".join(c for c in value if c.isprintable()), ensure_ascii=False)


def add_sources(folder: Path, new: Sequence[NewSource]) -> None:
    """Write the sources below what stands in digest.toml; nothing above them is touched.

    Raises SettingsError, and leaves the file as it was, where it could not be read afterwards.
    """
    path = (folder / FILE).resolve()
    try:
        before = path.read_text(encoding="utf-8")
        after = f"{before.rstrip()}\n\n{source_tables(new)}"
        tomllib.loads(after)
        _replace(path, after)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{path} could not take another [[source]]: {error}",
            remedy="write the tables into it yourself: the same command without --add prints them",
        ) from error
    except OSError as error:
        raise SettingsError(f"{path} could not be written: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    # Whole or not at all, whenever the machine stops.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.stat().st_mode & 0o7777)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def export_outlines(house: House) -> tuple[bytes, list[str]]:
    """The feeds of the settings as OPML, and the names of the sources that are no web feeds."""
    feeds, others = [], []
    for source in house.settings.source:
        if source.feed.lower().startswith(("http://", "https://")):
            place = sources.shown(source.feed)
            feeds.append(Outline(source.name, place, source.section))
        else:
            others.append(source.name)
    return write_outlines(house.settings.publisher.name, feeds), others
