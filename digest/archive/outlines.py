"""The outlines: what a draft looks at of every article, and which articles tell one story.

Drawn when an article was compared with the others around it. Never here: the comparison itself
(selection.twins), and the articles (collected).
"""

import contextlib
import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_
from sqlmodel import Session, col, delete, select

from digest.archive.collected import articles_by_id, batches
from digest.archive.tables import ArticleRow, ListedRow, OutlineRow
from digest.articles import Article, Listed, fingerprint, headline_key
from digest.selection import Outline, belongs, faults, micros

OPINION = "Opinion"
_KEY = 200  # characters of a headline's key: PostgreSQL's index takes no more than 2,704 bytes
_CUT_OFF = 12  # letters: a shorter beginning may be that of many headlines


@dataclass(frozen=True, slots=True)
class Compared:
    """An article as it is compared with others: of its text only the beginning.

    `moment` is in UTC; `story` is None where it has none yet.
    """

    id: int
    article: Article
    moment: datetime
    story: int | None = None


def newcomers(session: Session) -> list[int]:
    """The ids of articles that are new, or changed since they were compared; the oldest first."""
    count = func.count
    known = session.exec(select(count()).select_from(OutlineRow)).one()
    stale = session.exec(select(OutlineRow.article_id).where(OutlineRow.stale)).all()
    if not stale and session.exec(select(count()).select_from(ArticleRow)).one() == known:
        return []
    outlined = exists().where(col(OutlineRow.article_id) == col(ArticleRow.id))
    fresh = session.exec(select(ArticleRow.id).where(~outlined)).all()
    moments = _moments(session, [number for number in (*fresh, *stale) if number])
    return sorted(moments, key=lambda number: moments[number])


def _moments(session: Session, ids: Sequence[int]) -> dict[int, tuple[datetime, str]]:
    moment = func.coalesce(ArticleRow.published, ArticleRow.first_seen)
    query = select(ArticleRow.id, moment, ArticleRow.fingerprint)
    found: dict[int, tuple[datetime, str]] = {}
    for some in batches(ids):
        rows = session.exec(query.where(col(ArticleRow.id).in_(some)))
        found.update({number or 0: (at, name) for number, at, name in rows})
    return found


def uncompared(session: Session, ids: Sequence[int]) -> list[Compared]:
    """These articles in this order. One that changed and shares its story has it still."""
    moments, kept = _moments(session, ids), _stories_with_company(session, ids)
    return [
        Compared(number, article, moments[number][0], kept.get(number))
        for number, article in articles_by_id(session, ids)
    ]


def _stories_with_company(session: Session, ids: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in batches(ids):
        mine = select(OutlineRow.story).where(col(OutlineRow.article_id).in_(some))
        shared = (
            select(OutlineRow.story)
            .where(col(OutlineRow.story).in_(mine))
            .group_by(col(OutlineRow.story))
            .having(func.count() > 1)
        )
        rows = select(OutlineRow.article_id, OutlineRow.story).where(
            col(OutlineRow.article_id).in_(some), col(OutlineRow.story).in_(shared)
        )
        found.update(dict(session.exec(rows).all()))
    return found


def leaders(session: Session, after: datetime, until: datetime) -> list[Compared]:
    """The first article of every story that began in this time."""
    began = select(OutlineRow.article_id).where(
        OutlineRow.story == OutlineRow.article_id,
        ~col(OutlineRow.stale),
        OutlineRow.moment > micros(after),
        OutlineRow.moment <= micros(until),
    )
    ids = list(session.exec(began))
    moments = _moments(session, ids)
    return [
        Compared(number, article, moments[number][0], number)
        for number, article in articles_by_id(session, ids)
    ]


def draw(session: Session, compared: Iterable[Compared]) -> None:
    """Write the outlines of articles whose story was found, in the place of earlier ones."""
    rows = [_row(one) for one in compared]
    for some in batches([row["article_id"] for row in rows]):
        session.exec(delete(OutlineRow).where(col(OutlineRow.article_id).in_(some)))
    if rows:
        name = session.get_bind().dialect.name
        # That of the database at hand: a draft has no use for PostgreSQL's forty types.
        dialect = import_module(f"sqlalchemy.dialects.{name}")
        # Another process may have compared the same: either's word is good.
        session.connection().execute(dialect.insert(OutlineRow).on_conflict_do_nothing(), rows)


def _row(one: Compared) -> dict[str, object]:
    return {
        "article_id": one.id,
        "story": one.story or one.id,
        "moment": micros(one.moment),
        "fingerprint": one.article.fingerprint,
        "key": headline_key(one.article.headline)[:_KEY],
        "belongs": belongs(one.article),
        "url": one.article.url,
        "faults": faults(one.article),
        "stale": False,
    }


def outlines(session: Session, since: datetime, until: datetime) -> list[Outline]:
    """Of every article that was published (or first seen, if undated) in this time."""
    o = OutlineRow.__table__.c  # type: ignore[attr-defined]
    inside = o.moment > micros(since), o.moment <= micros(until)
    ask = session.connection().execute
    numbers: Any = Select(func.count()).select_from(OutlineRow)
    if 3 * ask(numbers.where(*inside)).scalar_one() > ask(numbers).scalar_one():
        # Most of them: one after the other is twice as quick as by the index, which a sum hides.
        inside = o.moment + 0 > micros(since), o.moment + 0 <= micros(until)
    query: Any = Select(o.story, o.moment, o.faults, o.fingerprint, o.belongs, o.url)
    with _no_garbage():
        return [*map(Outline._make, ask(query.where(*inside)).all())]


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    # The collector would look through a hundred thousand rows again and again while they come.
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def stories_of(
    session: Session, fingerprints: Iterable[str], after: datetime | None = None
) -> dict[str, int]:
    """The numbers of the stories that these articles tell; of those published after a moment."""
    found: dict[str, int] = {}
    since = micros(after) if after else 0
    for some in batches(sorted(set(fingerprints))):
        rows = select(OutlineRow.fingerprint, OutlineRow.story).where(
            col(OutlineRow.fingerprint).in_(some), OutlineRow.moment >= since
        )
        found.update(dict(session.exec(rows).all()))
    return found


def meant(session: Session, listed: Iterable[Listed]) -> dict[str, int]:
    """Every article that an entry of a list may mean, with the number of its story.

    By address, by headline, or by the beginning of a headline that was cut off.
    """
    found: dict[str, int] = {}
    for entry in listed:
        key = headline_key(entry.headline)[:_KEY]
        of_headline = col(OutlineRow.key) == key
        if len(key) >= _CUT_OFF:
            begins = col(OutlineRow.key) >= key, col(OutlineRow.key) < key + "\U0010ffff"
            of_headline = and_(*begins)
        same = of_headline, col(OutlineRow.fingerprint) == fingerprint(entry.url, entry.headline)
        rows = select(OutlineRow.fingerprint, OutlineRow.story).where(or_(*same))
        found.update(dict(session.exec(rows).all()))
    return found


def unknown_opinions(session: Session) -> list[tuple[Article, datetime]]:
    """What stands on an Opinion list and is no article yet, and when it was seen there."""
    rows = session.exec(
        select(ListedRow)
        .where(ListedRow.kind == "opinion")
        .order_by(col(ListedRow.source), col(ListedRow.rank))
    ).all()
    found: list[tuple[Article, datetime]] = []
    for row in rows:
        entry = Listed(row.rank, row.headline, row.url, row.section, "opinion")
        if not meant(session, [entry]):
            called = (row.section,) if row.section not in {"", OPINION} else ()
            article = Article(row.headline, row.url, section=OPINION, categories=called,
                              source=row.source)  # fmt: skip
            found.append((article, row.seen))
    return found
