"""New articles -> the stories that they tell: each is compared once, when it has been collected.

A draft then needs no word of the articles that it does not take. Safe to call at any time and to
kill: what was not written down is compared the next time.
"""

from dataclasses import replace

from digest import archive
from digest.archive import Compared
from digest.publish.opening import House
from digest.selection import APART, Shelf, profile

_AT_ONCE = 4000  # articles in memory, beside the stories of the days around them


def compare(house: House) -> int:
    """Find the story of every article that is new or has changed; how many these were."""
    _adopt(house)
    with house.database.reading() as session:
        ids = archive.newcomers(session)
    shelf, shelved = Shelf(), None
    # In the order of their time: what lies too far back is not needed again.
    for begin in range(0, len(ids), _AT_ONCE):
        with house.database.writing() as session:
            if not (batch := archive.uncompared(session, ids[begin : begin + _AT_ONCE])):
                continue
            first, last = batch[0].moment - APART, batch[-1].moment + APART
            shelf.forget(before=first)
            _shelve(shelf, archive.leaders(session, max(first, shelved or first), last))
            archive.draw(session, _told(shelf, batch))
            shelved = last
    return len(ids)


def _adopt(house: House) -> None:
    # What is only named on an Opinion list is an article of its headline and its address.
    with house.database.reading() as session:
        unknown = archive.unknown_opinions(session)
    if unknown:
        with house.database.writing() as session:
            for article, seen in unknown:
                archive.keep(session, [article], seen)


def _shelve(shelf: Shelf, known: list[Compared]) -> None:
    profiles = [profile(one.article, one.moment) for one in known]
    shelf.weigh(profiles)
    for one, its in zip(known, profiles, strict=True):
        shelf.put(one.id, its)


def _told(shelf: Shelf, batch: list[Compared]) -> list[Compared]:
    profiles = [profile(one.article, one.moment) for one in batch]
    shelf.weigh(profiles)
    told: list[Compared] = []
    for one, its in zip(batch, profiles, strict=True):
        story = one.story or shelf.find(its) or one.id
        shelf.put(one.id, its) if story == one.id else shelf.join(story, its)
        told.append(replace(one, story=story))
    return told
