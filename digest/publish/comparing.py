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
    shelf, shelved, compared = Shelf(), None, 0
    with house.database.reading() as session:
        if not archive.newcomers(session, 1):
            return 0
    while True:
        with house.database.writing() as session:
            batch = archive.newcomers(session, _AT_ONCE)
            if not batch:
                return compared
            # In the order of their time: what lies too far back is not needed again.
            first, last = batch[0].moment - APART, batch[-1].moment + APART
            shelf.forget(before=first)
            known = archive.leaders(session, max(first, shelved or first), last)
            _shelve(shelf, known)
            archive.draw(session, _told(shelf, batch))
            shelved, compared = last, compared + len(batch)


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
