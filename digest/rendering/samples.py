"""Editions that are hard to render: what a template must bear before readers get it.

All of it is invented. Never here: whether a template bears it (publish.templating asks).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.articles import Article, Image
from digest.edition import Edition, Issue, Publisher
from digest.rendering.values import Reader
from digest.selection import Other, Section, Story, Trend

AT = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
SITE = "https://www.example.org"
MARKUP = "<b>\"x\"</b> & 'y' {{ 7 * 7 }} {% if %} <!-- --> </td></table> [z](javascript:0) *a* %"
LONG = "Harbour states sketch a joint patrol and a clause for leaving it. " * 5
WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 2
EMOJI = "👩‍🚀🏳️‍🌈 Zoë’s naïve façade 🇮🇳 – 𝔘nicode ‮evil‬ \u200bhidden"
ARABIC = "دول الموانئ ترسم ملامح دورية مشتركة، وبندًا للخروج منها"
READER = Reader(f"{SITE}/u/token", f"{SITE}/p/token", f"{SITE}/v/token", "4 January 2026",
                f"{SITE}/f/token")  # fmt: skip


def hard_editions(language: str = "en") -> Iterator[tuple[str, Edition]]:
    """Each hard sample and its name, in the given language where it names no other."""
    plain = _edition(language)
    yield "everything", plain
    yield "text alone", replace(plain, format="text")
    yield "no summaries", _each_story(plain, dek="", byline="", published=None)
    yield "300-character headlines", _each_story(plain, headline=LONG[:300])
    yield "no picture", _each_story(plain, image=Image())
    yield "picture without words", _each_story(plain, image=Image(f"{SITE}/a.jpg"))
    yield "no links", _each_story(plain, url="")
    yield "no trending", replace(plain, trending=())
    yield "trending alone", replace(plain, sections=())
    yield "one story", _one_story(plain)
    yield "markup in every field", _texts(plain, MARKUP)
    yield "long words", _texts(plain, WORD)
    yield "emoji and stray marks", _texts(plain, EMOJI)
    yield "right to left", replace(_texts(plain, ARABIC), language="ar")
    yield "forty stories", _many(plain)


def _edition(language: str) -> Edition:
    article = Article(
        headline="Grain deal holds through its first month",
        url=f"{SITE}/article/1?page=1&part=2",
        dek="Exports reached the level both sides had promised.",
        byline="World desk",
        published=AT - timedelta(days=2),
        image=Image(f"{SITE}/picture.jpg", "A quiet harbour", "Photograph: Example"),
        attribution="(With inputs from agencies.)",
        body="word " * 500,
    )
    stories = tuple(
        Story(
            replace(article, url=f"{SITE}/article/{number}"),
            others=(Other("Coast Wire", "Grain deal holds", f"{SITE}/wire"),) * (number % 2),
            updated=number == 2,
        )
        for number in range(4)
    )
    sections = (Section("Global", stories[:2]), Section("Opinion", stories[2:]))
    trends = tuple(Trend(f"Trend {n}", f"{SITE}/trend/{n}", "Global") for n in range(3))
    issue = Issue(
        newsletter="sample",
        title="The Week",
        number=12,
        at=AT,
        timezone="Asia/Kolkata",
        language=language,
        publisher=_publisher("Example Times"),
        sections=sections,
        trending=trends,
        briefs=trends[:2],
        latest=(*trends[:1], Trend("No link")),
        note="Good morning. **Three** stories.\n\n- [one](https://www.example.org/)\n- two",
    )
    return Edition(issue, sections, trends)


def _publisher(name: str) -> Publisher:
    return Publisher(
        name=name,
        postal_address="12 Example Road, New Delhi 110001, India",
        url=SITE,
        email="info@example.org",
        phone="+91 11 5555 0100",
        terms_url=f"{SITE}/terms",
        links=(("LinkedIn", f"{SITE}/linkedin"), ("RSS", f"{SITE}/feed")),
    )


def _each_story(edition: Edition, **changes: object) -> Edition:
    def changed(story: Story) -> Story:
        return replace(story, article=replace(story.article, **changes))  # type: ignore[arg-type]

    sections = tuple(
        replace(section, stories=tuple(map(changed, section.stories)))
        for section in edition.sections
    )
    return replace(edition, sections=sections, issue=replace(edition.issue, sections=sections))


def _one_story(edition: Edition) -> Edition:
    section = replace(edition.sections[0], stories=edition.sections[0].stories[:1])
    bare = replace(edition.issue, sections=(section,), trending=(), briefs=(), latest=(), note="")
    return replace(edition, sections=(section,), trending=(), issue=bare)


def _texts(edition: Edition, text: str) -> Edition:
    """The same with this text wherever a person writes one."""
    trends = tuple(replace(trend, headline=text, section=text) for trend in edition.trending)
    told = _each_story(
        edition, headline=text, dek=text, byline=text, attribution=text, language="ar",
        image=Image(f"{SITE}/a.jpg", text, text),
    )  # fmt: skip
    sections = tuple(replace(section, name=text) for section in told.sections)
    issue = replace(
        edition.issue, title=text, note=text, subject=text, preheader=text, sections=sections,
        publisher=_publisher(text), trending=trends, briefs=trends, latest=trends,
    )  # fmt: skip
    return replace(edition, issue=issue, sections=sections, trending=trends)


def _many(edition: Edition) -> Edition:
    stories = edition.sections[0].stories * 20
    return replace(edition, sections=(replace(edition.sections[0], stories=stories),))
