"""What was collected: how the sources fare, their articles, and the lists they carry."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, func, insert, update
from sqlmodel import Session, col, delete, select

from digest.archive.tables import ArticleRow, ListedRow, OutlineRow, SourceRow
from digest.articles import Article, Image, Listed, fingerprint
from digest.selection import Candidate, micros

T = TypeVar("T")
PARAMETERS = 500  # in one IN (...): SQLite takes 32,766, the oldest that we meet 999
_LEAD = 600  # characters of the text that a candidate brings: what a story begins with


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source between two visits. Times are in UTC.

    `failures` counts those in a row; `not_before` is when its server asked us to come again.
    What the server said of `answered` (an etag, a body) was said for the settings' `place` alone.
    """

    name: str
    place: str = ""
    moved_to: str = ""
    answered: str = ""
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    not_before: datetime | None = None
    checked: datetime | None = None
    succeeded: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many articles of a reading were new, changed, or already known as they are."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


def source_state(session: Session, name: str) -> SourceState:
    """What is remembered; a blank state for a source that was never visited."""
    row = session.get(SourceRow, name)
    return SourceState(**row.model_dump()) if row else SourceState(name)


def source_states(session: Session) -> list[SourceState]:
    """All sources ever visited, by name."""
    rows = session.exec(select(SourceRow).order_by(SourceRow.name))
    return [SourceState(**row.model_dump()) for row in rows]


def note_visit(
    session: Session,
    name: str,
    now: datetime,
    *,
    place: str = "",
    moved_to: str = "",
    answered: str = "",
    etag: str = "",
    last_modified: str = "",
    body_hash: str = "",
) -> None:
    """The source answered: whatever failed before is over."""
    session.merge(
        SourceRow(
            name=name,
            place=place,
            moved_to=moved_to,
            answered=answered,
            etag=etag,
            last_modified=last_modified,
            body_hash=body_hash,
            checked=now,
            succeeded=now,
            not_before=None,
            failing_since=None,
            failures=0,
            error="",
        )
    )


def note_failure(
    session: Session,
    name: str,
    now: datetime,
    error: str,
    *,
    place: str = "",
    not_before: datetime | None = None,
) -> None:
    """The source failed; since when is kept from the first failure in a row.

    What its server said earlier stays valid for the same `place`.
    """
    row = session.get(SourceRow, name)
    if row is None or row.place != place:
        row = session.merge(SourceRow(name=name, place=place, checked=now, **_failing(row)))
    row.checked, row.error, row.not_before = now, error, not_before
    row.failing_since = row.failing_since or now
    row.failures += 1
    session.add(row)


def _failing(row: SourceRow | None) -> dict[str, Any]:
    void = dict.fromkeys(("moved_to", "answered", "etag", "last_modified", "body_hash"), "")
    if row is None:
        return void
    return {**void, "failing_since": row.failing_since, "failures": row.failures}


def keep(session: Session, articles: Iterable[Article], now: datetime) -> Kept:
    """Write articles, each once by its fingerprint; a changed one replaces what was known."""
    seen = _once(articles)
    known = _known(session, list(seen))
    fresh, changed = [], []
    for name, article in seen.items():
        columns = _columns(article)
        if name not in known:
            times = {"first_seen": now, "last_seen": now, "changed": now}
            fresh.append({"fingerprint": name, **columns, **times})
        elif news := _news(known[name], columns):
            row = {**known[name], **news, "changed": now}
            changed.append({f"b_{column}": value for column, value in row.items()})
    _write(session, fresh, changed)
    _mark_stale(session, [row["b_fingerprint"] for row in changed])
    _touch(session, list(known), now)
    return Kept(len(fresh), len(changed), len(seen) - len(fresh) - len(changed))


def _once(articles: Iterable[Article]) -> dict[str, Article]:
    """Of several of one reading, the one that tells more; the later between equals."""
    # A folder has the page of an article, and other pages whose lists name it.
    seen: dict[str, Article] = {}
    for article in articles:
        before = seen.get(article.fingerprint)
        if before is None or _tells(article) >= _tells(before):
            seen[article.fingerprint] = article
    return seen


def _tells(article: Article) -> int:
    return bool(article.dek) + bool(article.body)


def _known(session: Session, fingerprints: Sequence[str]) -> dict[str, dict[str, Any]]:
    columns = [c for c in _table().c if c.name not in {"id", "first_seen", "last_seen"}]
    found: dict[str, dict[str, Any]] = {}
    for some in batches(fingerprints):
        query = _columns_of(columns).where(col(ArticleRow.fingerprint).in_(some))
        rows = session.connection().execute(query).mappings()
        found.update({row["fingerprint"]: dict(row) for row in rows})
    return found


def _news(known: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    """The columns that differ and count; none for what tells less than is known already."""
    # A list names an article by its headline alone: that must not wipe out what a feed told.
    if known["dek"] and not columns["dek"]:
        return {}
    news = {name: value for name, value in columns.items() if value and known[name] != value}
    if known["source"] == columns["source"]:
        return news
    # The first source keeps the article: two that differ must not take turns at it.
    return {name: value for name, value in news.items() if not known[name]}


def _write(session: Session, fresh: list[dict[str, Any]], changed: list[dict[str, Any]]) -> None:
    connection = session.connection()
    if fresh:
        connection.execute(insert(_table()), fresh)
    if changed:
        names = [name for name in changed[0] if name != "b_fingerprint"]
        values: dict[str, Any] = {name.removeprefix("b_"): bindparam(name) for name in names}
        same = _table().c.fingerprint == bindparam("b_fingerprint")
        connection.execute(update(_table()).where(same).values(values), changed)


def _mark_stale(session: Session, fingerprints: Sequence[str]) -> None:
    for some in batches(fingerprints):
        changed = update(OutlineRow).where(col(OutlineRow.fingerprint).in_(some))
        session.connection().execute(changed.values(stale=True))


def _touch(session: Session, fingerprints: Sequence[str], now: datetime) -> None:
    for some in batches(fingerprints):
        seen = update(_table()).where(_table().c.fingerprint.in_(some)).values(last_seen=now)
        session.connection().execute(seen)


def keep_listed(session: Session, source: str, listed: Sequence[Listed], now: datetime) -> None:
    """Put each list of a source in the place of the one of its kind before."""
    for kind in {entry.kind for entry in listed}:
        session.exec(
            delete(ListedRow).where(col(ListedRow.source) == source, col(ListedRow.kind) == kind)
        )
    session.add_all(ListedRow(source=source, seen=now, **asdict(entry)) for entry in listed)
    session.flush()


def still_listed(session: Session, source: str, now: datetime) -> None:
    """The source has not changed, so its lists are as good as read just now."""
    seen = update(ListedRow).where(col(ListedRow.source) == source).values(seen=now)
    session.connection().execute(seen)


def unlist(session: Session, source: str) -> None:
    """The source carries no list (any more)."""
    session.exec(delete(ListedRow).where(col(ListedRow.source) == source))


def articles(session: Session, *, limit: int | None = None) -> Iterator[Article]:
    """The articles, newest first; those without a date come last."""
    query = select(ArticleRow).order_by(
        col(ArticleRow.published).desc().nulls_last(), col(ArticleRow.id)
    )
    rows = session.exec(query.limit(limit).execution_options(yield_per=PARAMETERS))
    return (_article(row) for row in rows)


def count(session: Session) -> int:
    """How many articles there are."""
    return session.exec(select(func.count()).select_from(ArticleRow)).one()


def called(session: Session, name: str, limit: int) -> list[Article]:
    """The articles whose fingerprint begins so, or whose address it is; the newest first."""
    begins = col(ArticleRow.fingerprint).startswith(name.lower(), autoescape=True)
    same = col(ArticleRow.fingerprint) == fingerprint(name, name)
    newest = col(ArticleRow.published).desc().nulls_last(), col(ArticleRow.id)
    rows = session.exec(select(ArticleRow).where(begins | same).order_by(*newest).limit(limit))
    return [_article(row) for row in rows]


def articles_by_id(session: Session, ids: Sequence[int]) -> Iterator[tuple[int, Article]]:
    """These articles in this order; of the text only the beginning."""
    for some in batches(ids):
        rows = session.connection().execute(_leads().where(_table().c.id.in_(some))).mappings()
        found = {row["id"]: dict(row) for row in rows}
        yield from ((n, _article_of(found[n])) for n in some if n in found)


def candidates(
    session: Session,
    since: datetime,
    also: Iterable[str] = (),
    stories: Collection[int] | None = None,
) -> Iterator[Candidate]:
    """What was published after `since`, or first seen then where it has no date.

    Where `stories` are named, just what tells one of these. `also` names fingerprints that count
    however old they are. Of the text comes only its beginning.
    """
    table, outline = _table().c, OutlineRow
    query = _leads(col(outline.story)).join(outline, col(outline.article_id) == table.id)
    for some in batches(sorted(set(also))):
        rows = session.connection().execute(query.where(table.fingerprint.in_(some)))
        yield from map(_candidate, rows.mappings())
    query = query.where(col(outline.moment) > micros(since), table.fingerprint.not_in(list(also)))
    chosen = [query] if stories is None else [
        query.where(col(outline.story).in_(some)) for some in batches(sorted(stories))
    ]  # fmt: skip
    for one in chosen:
        yield from map(_candidate, session.connection().execute(one).mappings())


def _leads(*more: Any) -> Select[Any]:
    columns = [c for c in _table().c if c.name not in {"last_seen", "body"}]
    lead = func.substr(_table().c.body, 1, _LEAD).label("body")
    return _columns_of([*columns, lead, *more])


def _candidate(row: Any) -> Candidate:
    return Candidate(_article_of(dict(row)), row["first_seen"], row["changed"], row["story"])


def listed(session: Session, since: datetime) -> list[Listed]:
    """The lists seen after `since`, the most recent source first, by rank."""
    query = select(ListedRow).where(col(ListedRow.seen) > since)
    rows = session.exec(
        query.order_by(
            col(ListedRow.seen).desc(),
            col(ListedRow.source),
            col(ListedRow.kind),
            col(ListedRow.rank),
        )
    )
    return [Listed(**row.model_dump(exclude={"source", "seen"})) for row in rows]


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as one statement takes."""
    return (values[i : i + PARAMETERS] for i in range(0, len(values), PARAMETERS))


def _columns_of(columns: list[Any]) -> Select[Any]:
    return Select(*columns)


def _table() -> Any:
    return ArticleRow.__table__  # type: ignore[attr-defined]


def _columns(article: Article) -> dict[str, Any]:
    columns = {name: getattr(article, name) for name in Article.__dataclass_fields__}
    columns["categories"], columns["sectors"] = list(article.categories), list(article.sectors)
    columns["image"] = asdict(article.image)
    return columns


def _article(row: ArticleRow) -> Article:
    return _article_of(row.model_dump())


def _article_of(values: dict[str, Any]) -> Article:
    told = {name: values[name] for name in Article.__dataclass_fields__}
    told["categories"], told["sectors"] = tuple(told["categories"]), tuple(told["sectors"])
    told["image"] = Image(**told["image"])
    return Article(**told)
