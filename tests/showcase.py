"""The sample issue: one number that has everything an issue can have, in five languages.

Every name, place and story is invented. Shared by the tests of the look, the pictures, the
benchmark and the documentation.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from digest.articles import Article, Image
from digest.edition import Edition, Issue, Publisher, cut
from digest.rendering import Reader, joined_on
from digest.selection import Other, Section, Story, Trend
from subscribers.preferences import EVERYTHING

SITE = "https://times.example"
LANGUAGES = ("en", "hi", "es", "fr", "ar")
JOINED = datetime(2026, 1, 4, 9, 0, tzinfo=UTC)


class Words(NamedTuple):
    """What one language's issue says."""

    title: str
    publisher: str
    address: str
    note: str
    sections: tuple[str, str]
    picture: tuple[str, str]
    stories: tuple[tuple[str, str, str], ...]  # headline, dek, byline
    opinions: tuple[tuple[str, str, str], ...]
    attribution: str
    other: str
    trends: tuple[str, ...]
    briefs: tuple[str, ...]
    latest: tuple[str, ...]


def _words() -> dict[str, Words]:
    text = (Path(__file__).parent / "samples" / "issue-words.json").read_text("utf-8")
    return {language: Words(**words) for language, words in json.loads(text).items()}


WORDS = _words()


def sample_issue(language: str = "en") -> Issue:
    """Issue 12 with note, lead picture, sections, Trending, briefs and Latest; 30 March 2026."""
    words = WORDS[language]
    return Issue(
        newsletter="the-week",
        title=words.title,
        number=12,
        at=datetime(2026, 3, 30, 1, 30, tzinfo=UTC),
        timezone="Asia/Kolkata",
        language=language,
        publisher=Publisher(
            name=words.publisher,
            postal_address=words.address,
            url=SITE,
            email="letters@times.example",
            phone="+91 11 5555 0100",
            terms_url=f"{SITE}/terms",
            links=tuple((n, f"{SITE}/on/{n.lower()}") for n in ("LinkedIn", "YouTube", "RSS")),
        ),
        sections=(
            Section(words.sections[0], _stories(words)),
            Section(words.sections[1], _opinions(words)),
        ),
        trending=_trends(words.trends, "trend", words.sections[0]),
        briefs=_trends(words.briefs, "brief"),
        latest=_trends(words.latest, "latest"),
        note=words.note,
    )


def sample_edition(language: str = "en") -> Edition:
    """All of the sample issue."""
    edition = cut(sample_issue(language), EVERYTHING)
    assert edition is not None
    return edition


def sample_reader(language: str = "en") -> Reader:
    """A reader of it, since 4 January 2026; no address and no name in any link."""
    mail = "https://mail.times.example"
    token = "k1.bm90IGFuIGFkZHJlc3M.Zm9yIG5vYm9keQ"
    return Reader(
        unsubscribe_url=f"{mail}/u/{token}",
        preferences_url=f"{mail}/p/{token}",
        view_url=f"{mail}/v/{token}",
        since=joined_on(JOINED, "Asia/Kolkata", language),
        feedback_url=f"{mail}/f/{token}",
    )


def large_edition(stories: int = 25) -> Edition:
    """An English edition of so many stories, each with its own address, five to a section."""
    told = [*_stories(WORDS["en"]), *_opinions(WORDS["en"])]
    many = [
        replace(story, article=replace(story.article, url=f"{SITE}/story/{number}"))
        for number, story in enumerate((told * (stories // len(told) + 1))[:stories])
    ]
    names = ("Global", "Opinion", "Science", "Markets", "Culture", "Sport", "Books")
    sections = tuple(
        Section(names[start // 5 % len(names)], tuple(many[start : start + 5]))
        for start in range(0, stories, 5)
    )
    return replace(sample_edition(), sections=sections)


def _stories(words: Words) -> tuple[Story, ...]:
    hours = ((27, 5), (25, 20), (25, 6))
    articles = [
        Article(
            headline=headline,
            url=f"{SITE}/global/{number}?page=1&part=2",
            dek=dek,
            byline=byline,
            published=datetime(2026, 3, *hours[number], tzinfo=UTC),
            section=words.sections[0],
        )
        for number, (headline, dek, byline) in enumerate(words.stories)
    ]
    picture = Image(f"{SITE}/pictures/patrol.jpg", *words.picture)
    lead = replace(articles[0], image=picture, attribution=words.attribution, body="a " * 690)
    told = Other(words.other, words.stories[1][0], "https://wire.example/grain")
    return Story(lead), Story(articles[1], others=(told,)), Story(articles[2], updated=True)


def _opinions(words: Words) -> tuple[Story, ...]:
    return tuple(
        Story(
            Article(
                headline=headline,
                url=f"{SITE}/opinion/{number}",
                dek=dek,
                byline=byline,
                published=datetime(2026, 3, 28, 6, 0, tzinfo=UTC),
                section=words.sections[1],
            )
        )
        for number, (headline, dek, byline) in enumerate(words.opinions)
    )


def _trends(headlines: tuple[str, ...], path: str, section: str = "") -> tuple[Trend, ...]:
    return tuple(
        Trend(headline, f"{SITE}/{path}/{number}", section)
        for number, headline in enumerate(headlines)
    )
