"""Sources -> archive. One source that fails never stops the others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digest import archive, sources
from digest.errors import DigestError
from digest.publish.comparing import compare
from digest.publish.opening import House
from digest.settings import SourceSettings
from digest.sources import Kind, Source, Validators, Visit

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Collected:
    """What one source brought. `error` is "" when it was read; `failing_since` in UTC."""

    source: str
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    error: str = ""
    remedy: str = ""
    exit_code: int = 0
    failing_since: datetime | None = None


def collect(
    house: House,
    places: Sequence[str] = (),
    *,
    section: str = "",
    now: datetime,
    on_source: Callable[[Collected], None] = lambda _: None,
) -> list[Collected]:
    """Read every source of the settings, or just `places` (URLs, files or folders).

    Several at once; what each brought is committed by itself, and told to `on_source`.
    """
    wanted = [_ad_hoc(place, section) for place in places]
    if not places:
        wanted = [_configured(source, house.settings.folder) for source in house.settings.source]
    results: list[Collected] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        visits = pool.map(lambda source: _visit(house, source), wanted)
        for source, visit in zip(wanted, visits, strict=True):
            results.append(_keep(house, source, visit, now))
            on_source(results[-1])
    compare(house)
    return results


def _visit(house: House, source: Source) -> Visit | DigestError:
    with house.database.reading() as session:
        known = archive.source_state(session, source.name)
    try:
        return sources.visit(source, Validators(known.etag, known.last_modified))
    except DigestError as error:
        return error


def _keep(house: House, source: Source, visit: Visit | DigestError, now: datetime) -> Collected:
    with house.database.writing() as session:
        if isinstance(visit, DigestError):
            if source.name in {known.name for known in house.settings.source}:
                # A place named once, perhaps mistyped, is no source that `status` should mourn.
                archive.note_failure(session, source.name, now, visit.what)
            since = archive.source_state(session, source.name).failing_since
            return Collected(
                source.name,
                error=visit.what,
                remedy=visit.remedy,
                exit_code=visit.exit_code,
                failing_since=since,
            )
        archive.note_visit(
            session,
            source.name,
            now,
            etag=visit.validators.etag,
            last_modified=visit.validators.last_modified,
        )
        if visit.reading is None:
            return Collected(source.name)
        kept = archive.keep(session, visit.reading.articles, now)
        archive.keep_listed(session, source.name, visit.reading.listed, now)
        return Collected(source.name, kept.new, kept.changed, kept.unchanged)


def _configured(source: SourceSettings, folder: Path) -> Source:
    kind: Kind = "feed" if source.feed else "page" if source.page else "folder"
    place = source.feed or source.page or source.folder
    return Source(source.name, kind, _absolute(place, folder), source.section, source.timezone)


def _ad_hoc(place: str, section: str) -> Source:
    absolute = _absolute(place, Path.cwd())
    kind: Kind = "folder" if Path(absolute).is_dir() else "auto"
    return Source(place, kind, absolute, section)


def _absolute(place: str, folder: Path) -> str:
    return (
        place
        if place.startswith(("http://", "https://"))
        else str(folder / Path(place).expanduser())
    )
